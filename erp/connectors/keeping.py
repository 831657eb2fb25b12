"""Writes of a configured system: looked up by their key, made, and read back as a receipt.

Each operation that writes has two parts in a profile: `find`, which asks for what was written with
a key, and `create`. This knows neither when to look up nor what to do when a write fails on its
way: that is `erp.gateway.writing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from erp.assembly import Origin, Record
from erp.connector import Attempt
from erp.connectors.engine import Value
from erp.connectors.part_reader import Means, PartReader
from erp.errors import UnreadableAnswer
from erp.model import NotFound, WriteReceipt
from erp.profiles import PartPlan
from erp.trace import Hop
from erp.writes import TaskByKey, Write


@dataclass(frozen=True)
class Keeping:
    """One write, or one look-up, at one system."""

    means: Means
    find: PartPlan
    create: PartPlan
    values: Mapping[str, Value]
    attempt: Attempt
    origin: Origin

    async def answer(self, query: Write | TaskByKey) -> WriteReceipt | NotFound:
        """Write it, or look it up. Raises ErpError and UnreadableAnswer."""
        if isinstance(query, Write):
            return await self._written(query.key)
        found = await self._found(query.key, existed=True)
        return found or NotFound(f"a task with key {query.key}", self.origin.source())

    async def _written(self, key: str) -> WriteReceipt:
        """Write; its record is in the answer, or it is looked up."""
        written = await self.means.engine.write(
            self.create.prepared, self.find.prepared, self.values, self.attempt
        )
        plan = self.find if written.by_find else self.create
        with self.attempt.trace.span(Hop.MAP):
            records = [plan.mapper(row) for row in written.rows[:1]]
        receipt = self._receipt(key, records, written.existed)
        receipt = receipt or await self._found(key, existed=written.existed)
        if receipt is None:
            raise UnreadableAnswer("nothing by which what it wrote could be found")
        return receipt

    async def _found(self, key: str, existed: bool) -> WriteReceipt | None:
        reader = PartReader(self.means, self.values, self.attempt)
        records = (await reader.read((self.find,)))[self.find.name]
        return self._receipt(key, records, existed)

    def _receipt(self, key: str, records: Sequence[Record], existed: bool) -> WriteReceipt | None:
        record = str(records[0].get("record_id") or "") if records else ""
        return WriteReceipt(key, record, self.origin.source(record), existed) if record else None
