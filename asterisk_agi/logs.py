"""Logging of the voice process: the call's session on every line.

The session travels in a context variable, so that every task of a call, and every module below
it, logs with it and nobody has to pass it on.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

current_session: ContextVar[str] = ContextVar("current_session", default="-")
"""The session of the call that this task works for; `-` outside a call."""

LINE = "%(asctime)s %(levelname)s %(session)s %(name)s: %(message)s"


class SessionFilter(logging.Filter):
    """Puts the call's session on each record, and keeps a record on one line.

    A line break in a logged value (a caller's name) could forge a line of its own.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete the record; always keeps it."""
        record.session = current_session.get()
        message = record.getMessage()
        if not message.isprintable():
            record.msg = "".join(c if c.isprintable() else " " for c in message)
            record.args = None
        return True


def configure(level: str) -> None:
    """Log to standard error from `level` on; called once, by the command."""
    handler = logging.StreamHandler()
    handler.addFilter(SessionFilter())
    handler.setFormatter(logging.Formatter(LINE))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
