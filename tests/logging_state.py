"""The process's logging, put back after whoever configured it for a whole process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from asterisk_agi.logs import ROOMS


@contextmanager
def logging_as_before() -> Iterator[None]:
    """Undo what a command, or a test in its place, configures: the other tests have their own."""
    loggers = [logging.root, *map(logging.getLogger, ROOMS)]
    levels, handlers = [logger.level for logger in loggers], logging.root.handlers[:]
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        logging.root.handlers[:] = handlers
