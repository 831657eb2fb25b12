"""One AGI command as bytes: checked, quoted, escaped.

Every argument is quoted, needed or not. `parse_args` in res_agi.c takes a backslash as an escape
outside quotes as well, so quoting only what has a space in it loses backslashes. It knows no
escape for a line end: control characters cannot be carried, and are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from asterisk_agi.errors import AgiUsageError

COMMAND_MAX_BYTES = 2047
"""Longest command with its line end. Asterisk reads into 2,048 bytes (res_agi.c, AGI_BUF_LEN)
and would take the rest of a longer line as the next command."""

WORDS_MAX = 127
"""Most words of one command (res_agi.c, MAX_ARGS is 128 and holds an end mark). `parse_args`
checks that bound for plain words only; quoted ones would be written past its array."""

DEAD_SAFE_VERBS = frozenset(
    {
        "ASYNCAGI BREAK",
        "DATABASE DEL",
        "DATABASE DELTREE",
        "DATABASE GET",
        "DATABASE PUT",
        "EXEC",
        "GET FULL VARIABLE",
        "GET VARIABLE",
        "NOOP",
        "SET VARIABLE",
        "SPEECH DESTROY",
        "SPEECH UNLOAD GRAMMAR",
        "VERBOSE",
    }
)
"""What Asterisk still does after the hangup: `dead` is 1 in the command table of res_agi.c."""

_VERB = re.compile(r"[A-Z]+(?: [A-Z]+){0,3}")
_REFUSED = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED = re.compile(r'(["\\])')


@dataclass(frozen=True)
class Command:
    """A verb of one to four words (`SET VARIABLE`) and its arguments, unquoted."""

    verb: str
    args: tuple[str, ...] = ()

    @property
    def dead_safe(self) -> bool:
        """True when Asterisk takes it on a dead channel."""
        return self.verb in DEAD_SAFE_VERBS


def quoted(argument: str) -> str:
    """Return the argument as `parse_args` reads it back. AgiUsageError for a control character."""
    if _REFUSED.search(argument):
        raise AgiUsageError("a control character cannot be sent in an AGI argument")
    return '"' + _ESCAPED.sub(r"\\\1", argument) + '"'


def encode(command: Command) -> bytes:
    """Return the line to send.

    Raises AgiUsageError, our own fault, when the verb is no verb, an argument holds a control
    character or cannot be UTF-8, or the whole is more than Asterisk reads.
    """
    if not _VERB.fullmatch(command.verb):
        raise AgiUsageError("an AGI verb is one to four words of capital letters")
    words = [*command.verb.split(" "), *map(quoted, command.args)]
    if len(words) > WORDS_MAX:
        raise AgiUsageError(f"an AGI command has at most {WORDS_MAX} words")
    try:
        line = " ".join(words).encode("utf-8") + b"\n"
    except UnicodeEncodeError as error:
        raise AgiUsageError("an AGI argument is not text: it has a lone surrogate") from error
    if len(line) > COMMAND_MAX_BYTES:
        raise AgiUsageError(f"{command.verb} is over {COMMAND_MAX_BYTES} bytes when quoted")
    return line
