"""What every test needs: the process's own state, as it was before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import logging_state


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what a test configures for its whole process."""
    with logging_state.logging_as_before():
        yield
