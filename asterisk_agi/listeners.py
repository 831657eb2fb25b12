"""What this product listens on, and whether a stranger could get there.

Every listener is on loopback unless the configuration says otherwise. `orderline check` names
those that are not and that nothing else guards. Pure: looks at settings, opens nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from asterisk_agi.check import Check, NotWell
from asterisk_agi.door import AllowList


@dataclass(frozen=True)
class Listener:
    """One address that the product listens on."""

    key: str
    """The configuration's key of the address."""
    host: str
    what: str
    guard: str = ""
    """What keeps strangers out when it is not on loopback; '': nothing but the network."""


def on_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address; a name other than localhost: no."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def fastagi_guard(allow: Sequence[str]) -> str:
    """Return what guards FastAGI beyond loopback."""
    return "" if AllowList(allow).everybody else "fastagi.allow"


def listener_check(listeners: Sequence[Listener], allow: Sequence[str]) -> Check:
    """No listener is open to strangers, and the PBX is let in."""

    async def attempt() -> str:
        outside = [each for each in listeners if not on_loopback(each.host)]
        faults = [
            f"{each.key} {each.host} ({each.what}) is open to whoever reaches it: {_mend(each)}"
            for each in outside
            if not each.guard
        ]
        if any(each.guard for each in outside) and AllowList(allow).loopback_only:
            faults.append("fastagi.allow has only loopback: add the addresses of the PBX hosts")
        if faults:
            raise NotWell("; ".join(faults))
        if outside:
            return "guarded: " + ", ".join(f"{each.key} by {each.guard}" for each in outside)
        return "all on loopback"

    return Check("listeners", f"{len(listeners)} addresses", attempt)


def _mend(listener: Listener) -> str:
    if listener.key == "fastagi.host":
        return "write fastagi.allow"
    return "use an address of a network that only the PBX and the voice hosts are in"
