"""The operations a caller may ask for, each with what it declares about itself.

One literal table, read by the gateway, the disclosure rules and the documentation. It says what
an operation is, not how a system does it: that is the connector's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Sensitivity(str, Enum):
    """How much harm an answer does in the wrong ears."""

    PUBLIC = "public"
    """Anybody may know it: the catalogue."""
    BUSINESS = "business"
    """Every caller may hear it, but it is nobody else's business: stock."""
    ACCOUNT = "account"
    """Only for the account that it is about: its orders."""
    PERSONAL = "personal"
    """It says who somebody is: names and telephone numbers."""


@dataclass(frozen=True)
class Freshness:
    """Whether an answer may come from a cache, and how old it may be then."""

    max_age_s: float = 0.0
    """Longest age in seconds; 0 means live: asked anew each time."""

    @property
    def live(self) -> bool:
        """Tell whether the answer must come from the system itself."""
        return self.max_age_s == 0


LIVE = Freshness()
CATALOGUE = Freshness(max_age_s=3600.0)
PROFILE = Freshness(max_age_s=300.0)


@dataclass(frozen=True)
class Operation:
    """What one operation declares."""

    name: str
    """Its name in the port, in `Source.operation` and in logs."""
    sensitivity: Sensitivity
    assurance: int
    """What must be known of the caller: 0 nothing, 1 number matched, 2 PIN or knowledge,
    3 two factors."""
    freshness: Freshness
    write: bool = False
    """True when it changes the system; a write is never retried, cached or speculated."""
    confirm: bool = False
    """True when the caller must hear the exact payload and say yes first."""
    undo: str = ""
    """Name of the operation that takes it back; empty when there is nothing to take back."""


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("ping", Sensitivity.PUBLIC, assurance=0, freshness=LIVE),
        Operation("find_item", Sensitivity.PUBLIC, assurance=0, freshness=CATALOGUE),
        Operation("availability", Sensitivity.BUSINESS, assurance=0, freshness=LIVE),
        Operation("customers_by_phone", Sensitivity.PERSONAL, assurance=0, freshness=PROFILE),
        Operation("last_order", Sensitivity.ACCOUNT, assurance=1, freshness=LIVE),
    )
}
"""Every operation of `erp.port.ErpPort` but opening and closing, by name."""
