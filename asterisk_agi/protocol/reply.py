"""Replies of Asterisk: one line, or a usage block of several for code 520.

    200 result=1 (value)
    200 result= (timeout)
    200 result=0 endpos=12480
    100 result=0 Trying...
    510 Invalid or unknown command
    511 Command Not Permitted on a dead channel or intercept routine
    520-Invalid command syntax.  Proper usage follows:
    ... any lines ...
    520 End of proper usage.

Source: res_agi.c, `agi_handle_command` and the handlers. This file knows nothing of HANGUP.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from asterisk_agi.errors import AgiPeerError

SUCCESS = 200
INVALID_COMMAND = 510
DEAD_CHANNEL = 511
USAGE = 520

USAGE_MAX_LINES = 500
"""Lines of one usage block; the longest of Asterisk 22 (SPEECH RECOGNIZE) has under 50."""

USAGE_MAX_BYTES = 64 * 1024
"""Bytes of one usage block."""

_CODE = re.compile(r"([1-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_RESULT = re.compile(r"result=(?P<result>[^ ]*)(?: (?P<rest>.*))?", re.DOTALL)
_WHOLE_DATA = re.compile(r"\((?P<data>.*)\)", re.DOTALL)
_DATA_FIRST = re.compile(r"\((?P<data>[^)]*)\) (?P<rest>.*)", re.DOTALL)
_ENDPOS = re.compile(r"(?:^| )endpos=([0-9]{1,18})(?: |$)")
_USAGE_END = "520 End of proper usage."


@dataclass(frozen=True)
class Reply:
    """The answer to one command."""

    code: int
    """200, or 510, 511, 520 for a refusal; 1xx is not final."""
    result: str = ""
    """What stands after `result=`: a number, keys that were pressed, or nothing."""
    data: str | None = None
    """What stands in parentheses: a variable's value, `timeout`, `hangup`; None without."""
    endpos: int | None = None
    """Position in the sound file, samples; None when the reply has none."""
    text: str = ""
    """The first line after its code."""
    usage: tuple[str, ...] = ()
    """The lines of a usage block, for code 520."""

    @property
    def ok(self) -> bool:
        """True when Asterisk did what was asked."""
        return self.code == SUCCESS and self.result != "-1"

    @property
    def final(self) -> bool:
        """False for a provisional reply: another one follows."""
        return self.code >= SUCCESS


class ReplyReader:
    """Turns the lines of replies into replies."""

    def __init__(self) -> None:
        self._usage: list[str] | None = None
        self._usage_bytes = 0
        self._first = ""

    def add_line(self, line: bytes) -> Reply | None:
        """Take one line; return the reply that it completes, None within a usage block.

        Raises AgiPeerError when the line is no reply or the block is over its caps.
        """
        text = line.decode("utf-8", "replace")
        if self._usage is not None:
            return self._continue_usage(self._usage, text, len(line))
        code, mark, rest = _parts(text)
        if mark == "-":
            self._usage, self._usage_bytes, self._first = [], 0, rest
            return None
        return _single(code, rest)

    def _continue_usage(self, usage: list[str], text: str, size: int) -> Reply | None:
        # The usage text comes from XML documentation and may lack its last line end: then the
        # closing words stand behind it, on the same line.
        if text.endswith(_USAGE_END) or text.startswith("520 "):
            if before := text.removesuffix(_USAGE_END):
                usage.append(before)
            self._usage = None
            return Reply(USAGE, text=self._first, usage=tuple(usage))
        self._usage_bytes += size + 1
        if len(usage) >= USAGE_MAX_LINES or self._usage_bytes > USAGE_MAX_BYTES:
            raise AgiPeerError("a usage block is over its caps")
        usage.append(text)
        return None


def _parts(text: str) -> tuple[int, str, str]:
    found = _CODE.fullmatch(text)
    if found is None:
        raise AgiPeerError("a line is neither a reply nor HANGUP")
    code, mark, rest = found.groups()
    if mark == "-" and code != str(USAGE):
        raise AgiPeerError(f"a reply of several lines has code {code}")
    return int(code), mark or "", rest or ""


def _single(code: int, text: str) -> Reply:
    found = _RESULT.fullmatch(text)
    if found is None:
        if code == SUCCESS:
            raise AgiPeerError("a reply 200 has no result=")
        return Reply(code, text=text)
    data, rest = _data(found["rest"] or "")
    endpos = _ENDPOS.search(rest)
    return Reply(
        code,
        result=found["result"],
        data=data,
        endpos=int(endpos[1]) if endpos else None,
        text=text,
    )


def _data(rest: str) -> tuple[str | None, str]:
    """Split `(data) more`. A variable's value may hold parentheses: then the last one closes."""
    if whole := _WHOLE_DATA.fullmatch(rest):
        return whole["data"], ""
    if first := _DATA_FIRST.fullmatch(rest):
        return first["data"], first["rest"]
    if rest.startswith("("):
        # A value with a line end in it is sent as it is: the rest comes as a line of its own
        # and could pass for a reply.
        raise AgiPeerError("a reply's value is not closed: a line end in a variable?")
    return None, rest
