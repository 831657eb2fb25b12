"""The labs that the tests share: one start for the whole run, in a folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.rig.lab import Lab

MakeLab = Callable[..., Lab]
FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Let a live test that fails run up to twice more; the summary names it (RERUN).

    Here Asterisk, the ERP, the recogniser, the callers and other tests share two cores: a caller
    whose processor is taken away for a second speaks into our speech, or is not understood, which
    says nothing about the product. Not so for a lost call or a write that was done twice: tests of
    these are marked `at_once`.
    """
    for item in items:
        live = FOLDER in item.path.parents and item.get_closest_marker("live") is not None
        if live and item.get_closest_marker("at_once") is None:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=2))


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
