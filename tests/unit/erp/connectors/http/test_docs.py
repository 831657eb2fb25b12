"""The examples of docs/http_engine.rst: each is what the engine takes."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from erp.connectors.http import check_section, prepare

PAGE = Path(__file__).resolve().parents[5] / "docs" / "http_engine.rst"
BLOCK = re.compile(r"\.\. code-block:: yaml\n\n((?:   .*\n|\n)+)")


def blocks() -> list[str]:
    return [textwrap.dedent(found) for found in BLOCK.findall(PAGE.read_text("utf-8"))]


def check(example: dict[str, Any]) -> None:
    """Check an example by its first key."""
    key, value = next(iter(example.items()))
    if key == "http":
        check_section(value, "http")
    elif key == "auth":
        check_section(example, "http")
    elif key == "learn":
        for part in value:
            prepare(part, "learn")
    elif key == "paging":
        prepare({"request": {"body": {}}, **example}, "part")
    else:
        assert key == "request"
        # The page shows a body and, in its place, a form.
        form = value.pop("form")
        prepare({"request": value}, "part")
        prepare({"request": {"form": form}}, "part")


def test_the_page_has_examples() -> None:
    assert len(blocks()) >= 10


@pytest.mark.parametrize("block", blocks())
def test_an_example_is_taken(block: str) -> None:
    if block.startswith("paging:"):
        for line in block.strip().splitlines():
            check(yaml.safe_load(line))
    else:
        check(yaml.safe_load(block))
