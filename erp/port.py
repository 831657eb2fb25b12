"""The port to a business system: the operations a caller may ask for, typed.

Every call takes the turn's deadline and ends by it: with a result, or with one of
`erp.errors`. A connector retries reads only, within the deadline, and never a write.
Nothing here knows a vendor; connectors live in `erp/connectors/`.
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

from erp.deadline import Deadline
from erp.model import Availability, Customer, Item, NotFound, OrderStatus


class ErpPort(Protocol):
    """What the dialogue may ask of a business system.

    Raises (every operation): `erp.errors.BackendSlow` when the deadline passes,
    `BackendDown` when it cannot be reached, `BackendRefused` when it does not let our user in
    or do this, `BadAnswer` when its answer cannot be read.
    """

    @property
    def system(self) -> str:
        """Name of the configured system, as it stands in `Source.system`."""

    async def open(self, deadline: Deadline) -> None:
        """Connect and log in, so that no caller's turn pays for it."""

    async def close(self) -> None:
        """Close every connection. May be called twice."""

    async def ping(self, deadline: Deadline) -> None:
        """Ask the system for a trifle with our own login; return when it answered."""

    async def customers_by_phone(self, number: str, deadline: Deadline) -> tuple[Customer, ...]:
        """Return who has this telephone number (any spelling of it); empty when nobody has."""

    async def find_item(self, number: str, deadline: Deadline) -> Item | NotFound:
        """Return the item with this number (exactly, without regard to case)."""

    async def availability(self, item: Item, on: date, deadline: Deadline) -> Availability:
        """Return the available-to-promise of an item at a date (today or later)."""

    async def last_order(self, customer: Customer, deadline: Deadline) -> OrderStatus | NotFound:
        """Return the newest sales order of the customer's account."""
