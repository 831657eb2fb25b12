"""What every test needs: its turn on the machine, and the process's own state as it was before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import logging_state, turns


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what a test configures for its whole process."""
    with logging_state.logging_as_before():
        yield


@pytest.fixture(autouse=True)
def its_turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Wait until what floods the machine is over, or, to flood it, until nobody else runs."""
    run = turns.this_run()
    if run is None:
        yield
        return
    with turns.turn(run, alone=request.node.get_closest_marker("alone") is not None):
        yield
