"""The labs that the tests share: one start for the whole run, in a folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.rig.lab import Lab

MakeLab = Callable[..., Lab]


def _new_lab(
    stack: ExitStack,
    asterisk: str,
    without: Collection[str],
    voice_settings: dict[str, Any] | None = None,
    *,
    faulty: bool = False,
    bridges: int = 1,
) -> Lab:
    # Not pytest's tmp_path: Unix sockets need a short path.
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="orderline-lab-"))
    lab = Lab(
        Path(folder),
        asterisk,
        without,
        end_with_parent=True,
        voice_settings=voice_settings,
        faulty=faulty,
        bridges=bridges,
    )
    stack.callback(lab.stop)
    return lab


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Give a lab with everything in it. A test leaves it as it was: all processes running."""
    with ExitStack() as stack:
        lab = _new_lab(stack, "auto", ())
        lab.start()
        yield lab


@pytest.fixture(scope="session")
def pbx_lab() -> Iterator[Lab]:
    """Give a lab with Asterisk alone: nobody answers at the agent's extension."""
    with ExitStack() as stack:
        lab = _new_lab(stack, "auto", ("voice", "erp"))
        lab.start()
        yield lab


@pytest.fixture
def make_lab() -> Iterator[MakeLab]:
    """Give a function that makes further labs, not yet started; they end with the test."""
    with ExitStack() as stack:

        def make(
            asterisk: str = "auto",
            without: Collection[str] = (),
            voice_settings: dict[str, Any] | None = None,
            *,
            faulty: bool = False,
            bridges: int = 1,
        ) -> Lab:
            return _new_lab(
                stack, asterisk, without, voice_settings, faulty=faulty, bridges=bridges
            )

        yield make
