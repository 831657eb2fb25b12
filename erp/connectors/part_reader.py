"""Asks the parts of one query, and maps their rows to neutral records.

Parts that name nothing of another one are asked side by side; the others wait for those whose
values they name. When one fails, the others are taken back.

    request -> rows -> limit -> refine -> map -> those that the query asks for -> first
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from erp.assembly import Record
from erp.connector import Attempt
from erp.connectors.bounded import together
from erp.connectors.engine import Engine, RawRow, Value
from erp.errors import UnreadableAnswer
from erp.profiles import PartPlan, Profile
from erp.profiles.profile import NamedRequest
from erp.systems import adapter_class
from erp.systems.adapter import RefineContext
from erp.trace import Hop

Rank = Callable[[str, Record], int | None]
"""(part, record) -> None when the query does not ask for it; the lowest is meant."""


@dataclass(frozen=True)
class Means:
    """With what one system is asked."""

    engine: Engine[Any]
    profile: Profile
    adapter: object = None
    """Made by the class that the profile names; None when it names none."""


@dataclass(frozen=True)
class Rows:
    """What came of one part."""

    asked_for: Sequence[RawRow] = ()
    """All that the query asks for, refined."""
    rows: Sequence[RawRow] = ()
    """Those of them that count: perhaps the first only."""
    records: Sequence[Record] = ()
    """The records of `rows`."""


class PartReader:
    """Reads the parts of one query. Used once."""

    def __init__(
        self,
        means: Means,
        values: Mapping[str, Value],
        attempt: Attempt,
        rank: Rank | None = None,
    ) -> None:
        self._engine = means.engine
        self._means = means
        self._values = values
        self._attempt = attempt
        self._rank = rank
        self._tasks: dict[str, asyncio.Task[Rows]] = {}

    async def read(self, plans: Sequence[PartPlan]) -> dict[str, Sequence[Record]]:
        """Ask all parts. Returns their records. Raises ErpError and UnreadableAnswer."""
        asking.set(self)
        if len(plans) == 1:
            return {plans[0].name: (await self._part(plans[0], ())).records}
        loop = asyncio.get_running_loop()
        trace = self._attempt.trace
        for number, plan in enumerate(plans):
            self._tasks[plan.name] = loop.create_task(
                self._part(plan, [earlier.name for earlier in plans[:number]]),
                name=f"{trace.system}-{trace.operation}-{plan.name}",
            )
        found = await together(list(self._tasks.values()))
        return {plan.name: part.records for plan, part in zip(plans, found, strict=True)}

    async def fetch(self, request_name: str, /, **values: Value) -> Sequence[RawRow]:
        """Ask a named request of the profile; see `erp.systems.adapter.Fetch`."""
        request = self._means.profile.requests.get(request_name)
        if request is None:
            raise UnreadableAnswer(f"a step that asks {request_name!r}, which is no request")
        return await self._named(request_name, request, {**self._values, **values})

    async def _named(
        self, name: str, request: NamedRequest, values: Mapping[str, Value]
    ) -> Sequence[RawRow]:
        missing = request.prepared.names - set(values)
        if missing:
            names = ", ".join(sorted(missing))
            raise UnreadableAnswer(f"a step that asks {name!r} without {names}")
        rows = await self._engine.read(request.prepared, values, self._attempt)
        _check_limit(rows, request.limit, name)
        return rows

    async def _part(self, plan: PartPlan, earlier: Sequence[str]) -> Rows:
        values = dict(self._values)
        for name in plan.needs:
            first = (await self._tasks[name]).records
            if not first:
                return Rows()
            values.update(_named_values(name, first[0]))
        if plan.prepared is None:
            rows = _within(plan, await self._tasks[plan.within])
        else:
            rows = await self._engine.read(plan.prepared, values, self._attempt)
        if not plan.first:
            _check_limit(rows, plan.limit, plan.name)
        if plan.refine:
            rows = await self._refined(plan, rows, values, earlier)
        with self._attempt.trace.span(Hop.MAP):
            return self._counted(plan, rows)

    async def _refined(
        self,
        plan: PartPlan,
        rows: Sequence[RawRow],
        values: dict[str, Value],
        earlier: Sequence[str],
    ) -> Sequence[RawRow]:
        parts = {}
        for name in earlier:
            part = await self._tasks[name]
            parts[name] = part.rows
            if part.records:
                values.update(_named_values(name, part.records[0]))
        context = RefineContext(values, cast(date, values["today"]), self.fetch, parts)
        refiners = adapter_class(self._means.profile.adapter).REFINERS
        return await refiners[plan.refine](self._means.adapter, rows, context)

    def _counted(self, plan: PartPlan, rows: Sequence[RawRow]) -> Rows:
        """Map the rows, and keep those that the query asks for."""
        most = 1 if plan.first or plan.single else len(rows)
        if self._rank is None:
            return Rows(rows, rows[:most], [plan.mapper(row) for row in rows[:most]])
        found = _ranked(plan, rows, self._rank)
        return Rows(
            [row for row, _ in found],
            [row for row, _ in found[:most]],
            [record for _, record in found[:most]],
        )


asking: ContextVar[PartReader] = ContextVar("asking")
"""The query for which an adapter's step runs."""


def _ranked(
    plan: PartPlan, rows: Iterable[RawRow], rank: Rank
) -> list[tuple[RawRow, Record]]:
    found = []
    for row in rows:
        record = plan.mapper(row)
        place = rank(plan.name, record)
        if place is not None:
            found.append((place, row, record))
    found.sort(key=lambda entry: entry[0])
    return [(row, record) for _, row, record in found]


def _named_values(part: str, record: Record) -> dict[str, Value]:
    return {f"{part}.{name}": cast(Value, value) for name, value in record.items()}


def _check_limit(rows: Sequence[RawRow], limit: int, name: str) -> None:
    if len(rows) > limit:
        raise UnreadableAnswer(f"{len(rows)} rows of {name}: its limit is {limit}")


def _within(plan: PartPlan, outer: Rows) -> Sequence[RawRow]:
    """Return the rows that lie in those of another part."""
    if not plan.rows:
        # A join: each row is a line, and the first one is the order as well.
        return outer.asked_for
    found: list[RawRow] = []
    for row in outer.rows:
        found.extend(_nested(row, plan))
    return found


def _nested(row: RawRow, plan: PartPlan) -> Sequence[RawRow]:
    value: object = row
    for step in plan.rows:
        value = _step(value, step)
    if value is None:
        return ()
    rows: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, dict) for entry in rows):
        raise UnreadableAnswer(f"{'.'.join(plan.rows)} that is no list of objects")
    return rows


def _step(value: object, step: str) -> object:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list | tuple) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return None
