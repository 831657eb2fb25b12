"""The port to the business systems: the operations a caller may ask for, typed.

Every call takes the turn's deadline and ends by it: with a result, or with one of
`erp.errors`. Nothing here knows a vendor; the gateway (`erp.gateway`) is what stands behind it.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import date
from decimal import Decimal
from typing import Protocol

from erp.deadline import Deadline
from erp.model import (
    Availability,
    Balance,
    Customer,
    Item,
    NotFound,
    OrderHistory,
    OrderStatus,
    Price,
    Tracking,
    WriteReceipt,
)
from erp.writes import CreateTask


class ErpPort(Protocol):
    """What the dialogue of one call may ask.

    Raises (every operation): `erp.errors.BackendSlow` when the deadline passes,
    `BackendDown` when it cannot be reached, `BackendRefused` when it does not let our user in
    or do this, `BadAnswer` when its answer cannot be read.
    """

    def system_of(self, operation: str) -> str:
        """Name of the configured system that answers an operation."""

    async def ping(self, deadline: Deadline) -> None:
        """Ask the system that knows the customers for a trifle; return when it answered."""

    async def find_item(self, number: str, deadline: Deadline) -> Item | NotFound:
        """Return the item with this number (exactly, without regard to case)."""

    async def availability(self, item: Item, on: date, deadline: Deadline) -> Availability:
        """Return the available-to-promise of an item at a date (today or later)."""

    async def price(
        self, item: Item, customer: Customer, quantity: Decimal, deadline: Deadline
    ) -> Price | NotFound:
        """Return what this customer pays for a unit when buying this quantity (> 0) today."""

    async def order_status(
        self, customer: Customer, number: str, deadline: Deadline
    ) -> OrderStatus | NotFound:
        """Return one sales order of the customer's account, by its number."""

    async def last_order(self, customer: Customer, deadline: Deadline) -> OrderStatus | NotFound:
        """Return the newest sales order of the customer's account."""

    async def order_history(
        self, customer: Customer, limit: int, deadline: Deadline
    ) -> OrderHistory:
        """Return the newest sales orders of the customer's account. limit: 1 to 50."""

    async def tracking(
        self, customer: Customer, order_number: str, deadline: Deadline
    ) -> Tracking | NotFound:
        """Return the deliveries of one sales order of the customer's account."""

    async def balance(self, customer: Customer, deadline: Deadline) -> Balance | NotFound:
        """Return what the customer's account owes, and its credit limit."""

    async def customers_by_phone(self, number: str, deadline: Deadline) -> tuple[Customer, ...]:
        """Return who has this telephone number (any spelling of it); empty when nobody has."""

    async def customer_by_account(self, account: str, deadline: Deadline) -> Customer | NotFound:
        """Return the account with this number (exactly, without regard to case)."""

    async def customers_by_name(self, name: str, deadline: Deadline) -> tuple[Customer, ...]:
        """Return the accounts whose name contains these words; empty when none does."""

    async def create_task(self, task: CreateTask, deadline: Deadline) -> WriteReceipt:
        """Write a task for a human, unless one with its key is there; return the receipt.

        Give it at least some seconds: it is a look-up, the write, and perhaps a look-up again. A
        caller who hangs up does not stop it. Raises `erp.errors.WriteUnknown` too, when it may or
        may not have been done; every other error means that nothing was written. After any error
        it may be tried again with the same key.
        """


class ErpDoor(Protocol):
    """Where a call gets its port. A call keeps the systems and profiles that it began with."""

    def for_call(self, session: str) -> AbstractAsyncContextManager[ErpPort]:
        """Give the port of one call, for as long as the block lasts.

        session: the call's own name; equal reads are shared within it, and calls take turns.
        """
