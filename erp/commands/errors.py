"""What is wrong with a command, as whoever typed it must mend it."""

from __future__ import annotations


class CommandError(ValueError):
    """A command can't be done: one sentence that names what is wrong, and the mend."""
