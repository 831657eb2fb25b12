"""The connector of every configured system: a profile, an engine, and perhaps an adapter.

    query -> parameters -> part_reader (engine, adapter, mapping) -> assembly -> answer

It knows no protocol and no vendor, never retries and caches nothing; the company's own facts
(`learn`) are read once, when it is opened, or with the first query after a failed opening. What
the engine and the mapping can't read becomes `erp.errors` in `_mapped`, and nowhere else.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, TypeVar, cast

from erp import systems
from erp.assembly import RANKED, Origin, assemble, nothing, rank
from erp.connector import Attempt, Capabilities
from erp.connectors.bounded import Bounded
from erp.connectors.company import Company, company_of, known_zone
from erp.connectors.engine import RawRow, Value
from erp.connectors.keeping import Keeping
from erp.connectors.part_reader import Means, PartReader, asking
from erp.deadline import Deadline
from erp.errors import BackendRefused, BackendSlow, BadAnswer, ErpError, UnreadableAnswer
from erp.model import Customer, Item, NotFound
from erp.parameters import parameters, wanted, written
from erp.profiles import PartPlan, Profile, ProfileError
from erp.profiles import engines as engine_table
from erp.profiles.parts import GIVEN
from erp.queries import (
    AvailabilityOf,
    BalanceOf,
    CustomerByAccount,
    FindItem,
    LastOrderOf,
    OrderHistoryOf,
    OrderStatusOf,
    PriceFor,
    Query,
    TrackingOf,
)
from erp.settings import SystemSettings
from erp.trace import Hop, Trace
from erp.writes import CreateTask, TaskByKey, Write

_log = logging.getLogger(__name__)

R = TypeVar("R")

_OF_ITEM = (AvailabilityOf, PriceFor)
_OF_CUSTOMER = (PriceFor, OrderStatusOf, LastOrderOf, OrderHistoryOf, TrackingOf, BalanceOf)


class ConfiguredConnector:
    """One configured system: implements `erp.connector.Connector`. Belongs to one event loop."""

    def __init__(
        self,
        name: str,
        settings: SystemSettings,
        profile: Profile,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        """Check the settings against the profile; no I/O.

        Raises ValueError (ProfileError is one) with one sentence when it can't work.
        """
        self._name = name
        self._settings = settings
        self._now = now
        self._parameters = _given(name, settings, profile)
        engine = engine_table.factory(profile.engine)(
            name, settings, profile.section, profile.tls, self._parameters
        )
        self._means = Means(engine, profile, _adapter(profile))
        self._company: Company | None = None
        self._learning = asyncio.Lock()
        self._bounded = Bounded()

    @property
    def capabilities(self) -> Capabilities:
        """What the profile declares."""
        return self._means.profile.capabilities(self._name, self._settings.connections)

    async def open(self, deadline: Deadline, trace: Trace | None = None) -> None:
        """Connect, log in, learn, and ping. May be called again after a failure."""
        noted = Trace(self._name, "open") if trace is None else trace
        attempt = Attempt(deadline, noted)

        async def work() -> None:
            await self._means.engine.open(deadline, noted)
            company = await self._learn(attempt)
            await self._ping(company, attempt)

        await self._by(deadline, "open", work())

    async def close(self) -> None:
        """Close every connection. May be called twice, and without `open`."""
        await self._means.engine.close()
        await self._bounded.close()

    async def tend(self, deadline: Deadline) -> None:
        """Renew what expires soon, and keep connections warm."""
        await self._by(deadline, "tend", self._means.engine.tend(deadline))

    async def ask(self, query: Query[R], attempt: Attempt) -> R:
        """Answer a query by the attempt's deadline. Raises ErpError, and nothing else."""
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        operation = query.operation

        def log(level: int, about: str, ending: str) -> None:
            _log.log(
                level, "query system=%s operation=%s record=%s ms=%.1f result=%s",
                self._name, operation, about or "-", (loop.time() - begin_s) * 1000, ending,
            )

        try:
            result = await self._by(attempt.deadline, operation, self._answer(query, attempt))
        except ErpError as error:
            log(logging.WARNING, "", error.reason.value)
            raise
        log(logging.INFO, _records(query, result), "ok")
        return cast(R, result)

    # Answering

    async def _answer(self, query: Query[Any], attempt: Attempt) -> object:
        plans = self._means.profile.operations.get(query.operation)
        if plans is None:
            raise BackendRefused(
                self._name, query.operation, "its profile can't do this"
            )
        company = self._company or await self._learn(attempt)
        if isinstance(query, Write | TaskByKey):
            return await self._keep(query, plans, company, attempt)
        if wanted(query, self._settings.calling_code) == "":
            # Nobody has such a number; but that must not be said of a system that is down.
            await self._ping(company, attempt)
            return nothing(query, self._origin(query, company))
        here = await self._here(query, attempt)
        if isinstance(here, NotFound):
            return nothing(query, self._origin(query, company), here.wanted)
        values = self._values(company) | parameters(
            here, company.today(self._now()), self._settings.calling_code
        )
        parts = await self._reader(values, attempt, here).read(plans)
        with attempt.trace.span(Hop.MAP):
            return assemble(here, parts, self._origin(here, company))

    async def _keep(
        self,
        query: Write | TaskByKey,
        plans: Sequence[PartPlan],
        company: Company,
        attempt: Attempt,
    ) -> object:
        """Write, or look up what was written."""
        if isinstance(query, CreateTask) and query.customer is not None:
            query = await self._of_own_customer(query, query.customer, attempt)
        today: Value = company.today(self._now())
        values = {**self._values(company), "today": today, **written(query, company.zone)}
        find, create = plans
        origin = self._origin(query, company)
        return await Keeping(self._means, find, create, values, attempt, origin).answer(query)

    async def _of_own_customer(
        self, task: CreateTask, customer: Customer, attempt: Attempt
    ) -> CreateTask:
        """Return the task with this system's own customer; it is written without one, too."""
        if not self._foreign(customer, "customer_id", task):
            return task
        found = await self._lookup(task, CustomerByAccount(customer.account), attempt)
        if isinstance(found, NotFound):
            found = dataclasses.replace(customer, record_id="")
        return dataclasses.replace(task, customer=cast(Customer, found))

    async def _here(self, query: Query[Any], attempt: Attempt) -> Query[Any] | NotFound:
        """Return the query with this system's own item and customer, where a request names them.

        Another system may have found them, by the same number; its record means nothing here.
        """
        if isinstance(query, _OF_ITEM) and self._foreign(query.item, "item_id", query):
            item = await self._lookup(query, FindItem(query.item.number), attempt)
            if isinstance(item, NotFound):
                return item
            _demand_unit(query, cast(Item, item))
            query = dataclasses.replace(query, item=cast(Item, item))
        if isinstance(query, _OF_CUSTOMER) and self._foreign(query.customer, "customer_id", query):
            found = await self._lookup(query, CustomerByAccount(query.customer.account), attempt)
            if isinstance(found, NotFound):
                return found
            query = dataclasses.replace(query, customer=cast(Customer, found))
        return query

    async def _lookup(self, query: Query[Any], first: Query[Any], attempt: Attempt) -> object:
        if first.operation not in self._means.profile.operations:
            raise BackendRefused(
                self._name, query.operation,
                f"another system's record: its profile needs {first.operation} to find its own",
            )
        return await self._answer(first, attempt)

    def _foreign(self, thing: Item | Customer, name: str, query: Query[Any]) -> bool:
        """Tell whether a request names the record of something that another system has found."""
        if thing.source.system == self._name:
            return False
        profile = self._means.profile
        plans = profile.operations[query.operation]
        asked = [plan.prepared for plan in plans if plan.prepared is not None]
        if any(plan.refine for plan in plans):
            asked += [request.prepared for request in profile.requests.values()]
        # The engine's section may name it as well, as the one whose rows the database shows.
        return any(name in prepared.names for prepared in asked) or name in str(profile.section)

    def _reader(
        self, values: Mapping[str, Value], attempt: Attempt, query: Query[Any] | None = None
    ) -> PartReader:
        if query is None or query.operation not in RANKED:
            return PartReader(self._means, values, attempt)
        code = self._settings.calling_code
        return PartReader(
            self._means, values, attempt, lambda part, record: rank(query, part, record, code)
        )

    def _origin(self, query: Query[Any], company: Company) -> Origin:
        now = self._now()
        names = self._parameters.get("warehouses", "").split(",")
        return Origin(
            system=self._name,
            operation=query.operation,
            read_at=now.astimezone(timezone.utc),
            today=company.today(now),
            currency=company.currency,
            warehouses=frozenset(name.strip() for name in names if name.strip()),
        )

    # The company

    def _values(self, company: Company) -> dict[str, Value]:
        return {"warehouses": "", **self._parameters, **company.learned}

    async def _ping(self, company: Company, attempt: Attempt) -> None:
        plans = self._means.profile.operations.get("ping", ())
        if plans:
            today = company.today(self._now())
            await self._reader({**self._values(company), "today": today}, attempt).read(plans)

    async def _learn(self, attempt: Attempt) -> Company:
        """Ask what later requests name; once for all who wait."""
        async with self._learning:
            if self._company is None or attempt.trace.operation == "open":
                self._company = await self._read_company(attempt)
            return self._company

    async def _read_company(self, attempt: Attempt) -> Company:
        zone = self._settings.time_zone
        company = company_of(self._name, {}, self._parameters, zone)
        for plan in self._means.profile.learn:
            today = company.today(self._now())
            values = {**self._values(company), "today": today}
            found = (await self._reader(values, attempt).read((plan,)))[plan.name]
            if not found:
                raise UnreadableAnswer(f"no row of {plan.where}")
            learned = {**company.learned, **cast(Mapping[str, Value], found[0])}
            company = company_of(self._name, learned, self._parameters, zone)
        return company

    # Ending

    async def _by(
        self, deadline: Deadline, operation: str, work: Coroutine[object, object, R]
    ) -> R:
        with self._mapped(operation):
            return await self._bounded.run(f"{self._name}-{operation}", work, deadline)

    @contextmanager
    def _mapped(self, operation: str) -> Iterator[None]:
        """Map what others raise to `erp.errors`: the one place where that is done."""
        try:
            yield
        except ErpError:
            raise
        except asyncio.TimeoutError as error:
            raise BackendSlow(self._name, operation, "no answer by the deadline") from error
        except ProfileError as error:
            raise BadAnswer(self._name, operation, f"cannot be asked: {error}") from error
        except UnreadableAnswer as error:
            raise BadAnswer(self._name, operation, f"answered with {error}") from error


def _demand_unit(query: AvailabilityOf | PriceFor, own: Item) -> None:
    """Raise UnreadableAnswer when a quantity in another system's unit would pass for our own."""
    theirs = query.item.unit
    if isinstance(query, PriceFor) and own.unit.casefold() != theirs.casefold():
        raise UnreadableAnswer(
            f"an item that it counts by {own.unit[:20]!a}, and {query.item.source.system} by "
            f"{theirs[:20]!a}: mend `units` of a profile"
        )


def _given(name: str, settings: SystemSettings, profile: Profile) -> dict[str, str]:
    """Return the system's parameters with the profile's defaults. Raises ValueError."""
    where = f"systems.{name}"
    for kind, declared, given in (
        ("parameters", profile.parameters, frozenset(settings.parameters) - GIVEN),
        ("secrets", profile.secrets, frozenset(settings.secrets)),
    ):
        for key in sorted(given - set(declared)):
            known = ", ".join(sorted(declared)) or "none"
            raise ValueError(
                f"{where}.{kind}.{key} is nothing that profile {profile.name} asks for: "
                f"known are {known}"
            )
        for key, entry in declared.items():
            if key not in given and entry.default is None:
                raise ValueError(
                    f"{where}.{kind}.{key} is missing: profile {profile.name} needs it "
                    f"({entry.about})"
                )
    if settings.time_zone and known_zone(settings.time_zone) is None:
        raise ValueError(
            f"{where}.time_zone is {settings.time_zone!r}: write a name as in Europe/Berlin"
        )
    defaults = {key: entry.default or "" for key, entry in profile.parameters.items()}
    return {**defaults, **settings.parameters}


def _adapter(profile: Profile) -> object:
    return systems.adapter_class(profile.adapter)(_fetch) if profile.adapter else None


async def _fetch(request_name: str, /, **values: Value) -> Sequence[RawRow]:
    return await asking.get().fetch(request_name, **values)


def _records(query: Query[Any], result: object) -> str:
    """Return the records that an answer was read from, for the log.

    Where a system has no other key of an account than its number, that is not shown.
    """
    found: Sequence[Any] = result if isinstance(result, tuple) else (result,)
    private = {entry.account for entry in found if isinstance(entry, Customer)}
    if isinstance(query, _OF_CUSTOMER):
        private.add(query.customer.account)
    records = [entry.source.record for entry in found if entry is not None]
    return "+".join("account" if record in private else record for record in records)
