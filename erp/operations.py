"""The operations a caller may ask for, each with what it declares about itself.

One literal table, read by the gateway, the disclosure rules and the documentation. It says what
an operation is, not how a system does it: that is the connector's. Of the writes, those in `WRITES`
can be run; the others are declared only.
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
    FINANCIAL = "financial"
    """Only for the account that it is about, and only after a check: its balance and credit."""
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
    freshness: Freshness = LIVE
    write: bool = False
    """True when it changes the system; a write is never retried, cached or speculated."""
    confirm: bool = False
    """True when the caller must hear the exact payload and say yes first."""
    undo: str = ""
    """Name of the operation that takes it back; empty when there is nothing to take back."""


def _write(name: str, sensitivity: Sensitivity, assurance: int, undo: str = "") -> Operation:
    return Operation(name, sensitivity, assurance, write=True, confirm=True, undo=undo)


_S = Sensitivity

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("ping", _S.PUBLIC, assurance=0),
        Operation("find_item", _S.PUBLIC, assurance=0, freshness=CATALOGUE),
        Operation("availability", _S.BUSINESS, assurance=0),
        Operation("price", _S.ACCOUNT, assurance=1),
        Operation("order_status", _S.ACCOUNT, assurance=1),
        Operation("last_order", _S.ACCOUNT, assurance=1),
        Operation("order_history", _S.ACCOUNT, assurance=1),
        Operation("tracking", _S.ACCOUNT, assurance=1),
        Operation("balance", _S.FINANCIAL, assurance=2),
        Operation("customers_by_phone", _S.PERSONAL, assurance=0, freshness=PROFILE),
        Operation("customer_by_account", _S.PERSONAL, assurance=0, freshness=PROFILE),
        Operation("customers_by_name", _S.PERSONAL, assurance=0, freshness=PROFILE),
        _write("create_order", _S.ACCOUNT, assurance=1, undo="cancel_order"),
        _write("cancel_order", _S.ACCOUNT, assurance=1),
        _write("cancel_line", _S.ACCOUNT, assurance=1, undo="create_order"),
        _write("change_delivery", _S.ACCOUNT, assurance=1, undo="change_delivery"),
        _write("add_note", _S.BUSINESS, assurance=0, undo="add_note"),
        _write("create_task", _S.BUSINESS, assurance=0, undo="close_task"),
        _write("close_task", _S.BUSINESS, assurance=0, undo="create_task"),
        _write("request_credit", _S.FINANCIAL, assurance=2, undo="close_task"),
        Operation("log_activity", _S.BUSINESS, assurance=0, write=True),
    )
}
"""Every operation, by name. A write's undo may be itself, with the former values."""

READS = tuple(name for name, operation in OPERATIONS.items() if not operation.write)
"""The reading operations of `erp.port.ErpPort`."""

WRITES = ("create_task",)
"""The writing operations of `erp.port.ErpPort`."""
