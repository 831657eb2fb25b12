"""The profiles that people copy: the distributor's, and the small one of the documentation."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from erp.profiles import load
from erp.shapes import SHAPES

PAGE = Path(__file__).parents[5] / "docs" / "connect_your_erp.rst"


def test_the_distributor_answers_everything_and_proves_every_rule() -> None:
    profile = load("distributor")
    assert profile.operations.keys() == SHAPES.keys()
    checks = profile.checks()
    assert [result for result in checks.results if not result.ok] == []
    assert checks.unproven == ()


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_the_distributor_has_a_text_for_each_server(server: str) -> None:
    for plan in load("distributor").plans():
        assert plan.prepared is not None
        assert server in plan.prepared.texts  # type: ignore[attr-defined]


def test_the_profile_of_the_page_is_one_that_works(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    block = page[page.index("   profile: mine\n") : page.index("``:item_number`` is what")]
    path = tmp_path / "mine.yaml"
    path.write_text(textwrap.dedent(block), "utf-8")
    profile = load(path)
    assert profile.operations.keys() == {"ping", "find_item"}
    assert profile.checks().ok
    assert profile.checks().unproven == ()
