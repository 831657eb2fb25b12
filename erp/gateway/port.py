"""The port of one call: each operation is a query, answered by the systems the call began with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from erp.deadline import Deadline
from erp.errors import BackendSlow
from erp.gateway.flights import Flights
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
from erp.queries import (
    AvailabilityOf,
    BalanceOf,
    CustomerByAccount,
    CustomersByName,
    CustomersByPhone,
    FindItem,
    LastOrderOf,
    OrderHistoryOf,
    OrderStatusOf,
    Ping,
    PriceFor,
    Query,
    TrackingOf,
)
from erp.writes import CreateTask

if TYPE_CHECKING:
    from erp.gateway.generation import Generation

R = TypeVar("R")


class CallPort:
    """`erp.port.ErpPort` of one call. session: the call's own name."""

    def __init__(
        self, generation: Generation, session: str, clock: Callable[[], float]
    ) -> None:
        self._generation = generation
        self._session = session
        self._flights = Flights(clock)

    def system_of(self, operation: str) -> str:
        """Name of the configured system that answers an operation."""
        return self._generation.plans[operation].system

    async def ping(self, deadline: Deadline) -> None:
        """Ask the system that knows the customers for a trifle."""
        await self._ask(Ping(), deadline)

    async def find_item(self, number: str, deadline: Deadline) -> Item | NotFound:
        """Return the item with this number."""
        return await self._ask(FindItem(number), deadline)

    async def availability(self, item: Item, on: date, deadline: Deadline) -> Availability:
        """Return the available-to-promise of an item at a date."""
        return await self._ask(AvailabilityOf(item, on), deadline)

    async def price(
        self, item: Item, customer: Customer, quantity: Decimal, deadline: Deadline
    ) -> Price | NotFound:
        """Return what this customer pays for a unit when buying this quantity."""
        return await self._ask(PriceFor(item, customer, quantity), deadline)

    async def order_status(
        self, customer: Customer, number: str, deadline: Deadline
    ) -> OrderStatus | NotFound:
        """Return one sales order of the customer's account."""
        return await self._ask(OrderStatusOf(customer, number), deadline)

    async def last_order(self, customer: Customer, deadline: Deadline) -> OrderStatus | NotFound:
        """Return the newest sales order of the customer's account."""
        return await self._ask(LastOrderOf(customer), deadline)

    async def order_history(
        self, customer: Customer, limit: int, deadline: Deadline
    ) -> OrderHistory:
        """Return the newest sales orders of the customer's account."""
        return await self._ask(OrderHistoryOf(customer, limit), deadline)

    async def tracking(
        self, customer: Customer, order_number: str, deadline: Deadline
    ) -> Tracking | NotFound:
        """Return the deliveries of one sales order of the customer's account."""
        return await self._ask(TrackingOf(customer, order_number), deadline)

    async def balance(self, customer: Customer, deadline: Deadline) -> Balance | NotFound:
        """Return what the customer's account owes."""
        return await self._ask(BalanceOf(customer), deadline)

    async def customers_by_phone(self, number: str, deadline: Deadline) -> tuple[Customer, ...]:
        """Return who has this telephone number."""
        return await self._ask(CustomersByPhone(number), deadline)

    async def customer_by_account(self, account: str, deadline: Deadline) -> Customer | NotFound:
        """Return the account with this number."""
        return await self._ask(CustomerByAccount(account), deadline)

    async def customers_by_name(self, name: str, deadline: Deadline) -> tuple[Customer, ...]:
        """Return the accounts whose name contains these words."""
        return await self._ask(CustomersByName(name), deadline)

    async def create_task(self, task: CreateTask, deadline: Deadline) -> WriteReceipt:
        """Write a task for a human, unless one with its key is there."""
        return await self._generation.writing.do(task, self._session, deadline)

    async def _ask(self, query: Query[R], deadline: Deadline) -> R:
        generation = self._generation
        kept = generation.cache.fresh(query)
        if kept is not None:
            answer, old = kept
            if old:
                generation.refresh(query)
            return answer
        answers, session = generation.answers, self._session

        def late() -> R:
            operation = query.operation
            system = self.system_of(operation)
            error = BackendSlow(system, operation, "no answer by the deadline")
            return answers.without_systems(query, error)

        return await self._flights.ask(
            query.identity(),
            lambda flight: answers.answer(query, session, deadline, flight),
            deadline,
            late,
        )
