"""Logging of our processes: the call's session on every line, and no line that is not ours.

The session travels in a context variable, so that every task of a call, and every module below
it, logs with it and nobody has to pass it on. Personal data is masked where it is logged
(`dialplan.masking`); other people's libraries mask nothing (an HTTP client logs each URL, with
the caller's number in it), so they are heard from WARNING on, whatever `log.level` says.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

current_session: ContextVar[str] = ContextVar("current_session", default="-")
"""The session of the call that this task works for; `-` outside a call."""

LINE = "%(asctime)s %(levelname)s %(session)s %(name)s: %(message)s"

ROOMS = ("asterisk_agi", "ami_bridge", "dialplan", "erp")
"""Our own loggers, by their first name."""

CONTINUED = "    | "
"""Begins each further line of a record: a traceback's, which may quote what somebody sent."""


class SessionFilter(logging.Filter):
    """Puts the call's session on each record, and keeps a record on one line.

    A line break in a logged value (a caller's name) could forge a line of its own.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete the record; always keeps it."""
        record.session = getattr(record, "call", "") or current_session.get()
        message = record.getMessage()
        if not message.isprintable():
            record.msg = one_line(message)
            record.args = None
        return True


class LineFormatter(logging.Formatter):
    """Formats a record so that every line of its traceback shows that it is one."""

    def formatException(self, ei: object) -> str:
        """Return the traceback, each line marked and free of control characters."""
        text = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(CONTINUED + one_line(line) for line in text.splitlines())

    def formatStack(self, stack_info: str) -> str:
        """Return the stack, marked alike."""
        return "\n".join(CONTINUED + one_line(line) for line in stack_info.splitlines())


def one_line(text: str) -> str:
    """Return a text with a blank for each character that is not printable."""
    return "".join(c if c.isprintable() else " " for c in text)


def configure(level: str) -> None:
    """Log to standard error from `level` on; called once, by the command."""
    handler = logging.StreamHandler()
    handler.addFilter(SessionFilter())
    handler.setFormatter(LineFormatter(LINE))
    ours = logging.getLevelName(level.upper())
    logging.basicConfig(level=max(ours, logging.WARNING), handlers=[handler], force=True)
    for room in ROOMS:
        logging.getLogger(room).setLevel(ours)
