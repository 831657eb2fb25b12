"""What every test needs: the process's own state, as it was before."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from asterisk_agi.logs import ROOMS


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what a command configures for its whole process: the other tests have their own."""
    loggers = [logging.root, *map(logging.getLogger, ROOMS)]
    levels, handlers = [logger.level for logger in loggers], logging.root.handlers[:]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    logging.root.handlers[:] = handlers
