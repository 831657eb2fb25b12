"""The prelude of an AGI session: the lines `agi_name: value` up to an empty line.

It says who calls and what the dialplan asked for. Nothing here is checked against a
configuration. Source: res_agi.c `setup_env`, `launch_netscript`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from asterisk_agi.errors import AgiPeerError

PRELUDE_MAX_BYTES = 64 * 1024
"""All lines together. A real one has about 700 bytes."""

PRELUDE_MAX_VARIABLES = 256
"""Asterisk sends about 22 and one for each argument, of which it allows 127 (MAX_ARGS)."""

NAME_MAX_BYTES = 64
"""Longest variable name; the longest real one is `agi_network_script`."""

VALUE_MAX_BYTES = 8 * 1024
"""Longest value: as long as the longest line that Asterisk reads from extensions.conf."""

PREFIX = b"agi_"
"""How every line of a prelude begins: anything else is no AGI peer (a port scan, HTTP, TLS)."""

UNKNOWN = "unknown"
"""What Asterisk writes for a number or name that it does not have."""

_NAME = re.compile(r"agi_[a-z0-9_]+")
_CONTROLS = dict.fromkeys((*range(0x20), 0x7F), "\ufffd")


@dataclass(frozen=True)
class Prelude:
    """Who calls, on which channel, and where the dialplan was."""

    variables: Mapping[str, str]
    """Every variable as sent, by its whole name (`agi_channel`, ...)."""

    def _known(self, name: str) -> str:
        value = self.variables.get(name, "")
        return "" if value == UNKNOWN else value

    @property
    def uniqueid(self) -> str:
        """Uniqueid of the caller's channel."""
        return self.variables["agi_uniqueid"]

    @property
    def channel(self) -> str:
        """Name of the caller's channel."""
        return self.variables["agi_channel"]

    @property
    def caller_number(self) -> str:
        """Caller's number as signalled; empty when withheld."""
        return self._known("agi_callerid")

    @property
    def caller_name(self) -> str:
        """Caller's display name as signalled, empty when there is none. Anyone can forge it."""
        return self._known("agi_calleridname")

    @property
    def dnid(self) -> str:
        """Number that was dialled; empty when unknown."""
        return self._known("agi_dnid")

    @property
    def context(self) -> str:
        """Dialplan context that ran AGI()."""
        return self._known("agi_context")

    @property
    def extension(self) -> str:
        """Dialplan extension that ran AGI()."""
        return self._known("agi_extension")

    @property
    def network_script(self) -> str:
        """Path of the agi:// address, without its first slash: our profile's name."""
        return self.variables.get("agi_network_script", "")

    @property
    def args(self) -> tuple[str, ...]:
        """Arguments of AGI() after the address, in order."""
        found: list[str] = []
        while (name := f"agi_arg_{len(found) + 1}") in self.variables:
            found.append(self.variables[name])
        return tuple(found)


class PreludeReader:
    """Collects the lines of one prelude."""

    def __init__(self) -> None:
        self._variables: dict[str, str] = {}
        self._bytes = 0

    def add_line(self, line: bytes) -> Prelude | None:
        """Take one line, without its end; return the prelude when the line is the empty one.

        Raises AgiPeerError when this is no prelude, or is over a cap.
        """
        if not line:
            return self._finish()
        self._bytes += len(line) + 1
        if self._bytes > PRELUDE_MAX_BYTES:
            raise AgiPeerError(f"the prelude is over {PRELUDE_MAX_BYTES} bytes")
        if len(self._variables) >= PRELUDE_MAX_VARIABLES:
            raise AgiPeerError(f"the prelude has over {PRELUDE_MAX_VARIABLES} variables")
        name, value = _split(line)
        if name in self._variables:
            # Asterisk never repeats one. A second one is text of the caller's that got a line
            # of its own: believing it would let a display name choose the profile.
            raise AgiPeerError(f"the prelude has {name} twice")
        self._variables[name] = value
        return None

    def _finish(self) -> Prelude:
        for name in ("agi_channel", "agi_uniqueid"):
            if not self._variables.get(name):
                raise AgiPeerError(f"the prelude has no {name}")
        return Prelude(MappingProxyType(self._variables))


def _split(line: bytes) -> tuple[str, str]:
    raw_name, colon, raw_value = line.partition(b":")
    if not colon or len(raw_name) > NAME_MAX_BYTES:
        raise AgiPeerError("a line of the prelude is not `agi_name: value`")
    if len(raw_value) > VALUE_MAX_BYTES:
        raise AgiPeerError(f"a value of the prelude is over {VALUE_MAX_BYTES} bytes")
    name = raw_name.decode("ascii", "replace")
    if not _NAME.fullmatch(name):
        raise AgiPeerError("a line of the prelude is not `agi_name: value`")
    # A display name comes from the network as it likes; a terminal escape must not reach a log.
    return name, raw_value.decode("utf-8", "replace").strip().translate(_CONTROLS)
