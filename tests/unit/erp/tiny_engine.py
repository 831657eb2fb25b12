"""An engine without a protocol: a request is a word and the parameters that it names.

    sql: items :item_number     asks `answers["items"]` with the value of item_number
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from erp.connector import Attempt
from erp.connectors.engine import RawRow, Value, Written
from erp.deadline import Deadline
from erp.profiles import Profile, ProfileError
from erp.profiles.load import build
from erp.profiles.source import Source, parse
from erp.settings import SystemSettings
from erp.trace import Trace

Answer = Callable[[Mapping[str, Value]], Awaitable[Sequence[RawRow]]]


@dataclass(frozen=True)
class Asked:
    word: str
    names: frozenset[str]


def prepare(part: Mapping[str, object], where: str) -> Asked:
    text = part.get("sql")
    if not isinstance(text, str):
        raise ProfileError(f"{where}.sql is missing: write a word")
    return Asked(text.split()[0], frozenset(re.findall(r":([a-z_.]+)", text)))


prepare_write = prepare


def check_section(section: Mapping[str, object], where: str) -> None:
    if "bad" in section:
        raise ProfileError(f"{where}.bad is not known")


class TinyEngine:
    """Its answers are set by the test: rows, an error, or a function of the values."""

    def __init__(
        self,
        system: str,
        settings: SystemSettings,
        section: Mapping[str, object],
        tls: str | None,
        parameters: Mapping[str, str],
    ) -> None:
        self.parameters = dict(parameters)
        self.answers: dict[str, Sequence[RawRow] | Exception | Answer] = {}
        self.asked: list[tuple[str, dict[str, Value]]] = []
        self.opened = self.closed = self.tended = 0
        self.by_find = self.existed = False
        engines.append(self)

    async def open(self, deadline: Deadline, trace: Trace | None = None) -> None:
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1

    async def tend(self, deadline: Deadline) -> None:
        self.tended += 1

    async def read(
        self, prepared: Asked, values: Mapping[str, Value], attempt: Attempt
    ) -> Sequence[RawRow]:
        self.asked.append((prepared.word, {name: values[name] for name in prepared.names}))
        answer = self.answers.get(prepared.word, ())
        if isinstance(answer, Exception):
            raise answer
        return await answer(values) if callable(answer) else answer

    async def write(
        self, prepared: Asked, find: Asked, values: Mapping[str, Value], attempt: Attempt
    ) -> Written:
        attempt.trace.sent = True
        return Written(await self.read(prepared, values, attempt), self.by_find, self.existed)

    def words(self) -> list[str]:
        return [word for word, _ in self.asked]


engines: list[TinyEngine] = []
"""Those that were made, the newest last."""

TABLE = {"sql": ("tests.unit.erp.tiny_engine", "TinyEngine")}
"""Put it in the place of `erp.profiles.engines.ENGINES`."""

HEAD = """
profile: tiny
version: 2
changes:
  - {version: 2, on: 2026-11-21, what: finds items}
  - {version: 1, on: 2026-11-02, what: begins}
engine: sql
lock: strict
rollback: transaction
"""

FIND_ITEM = """
typical_ms: {find_item: 5}
operations:
  find_item:
    item:
      sql: items :item_number
      fields:
        record_id: {from: ID}
        number: {from: CODE}
        name: {from: NAME}
        unit: {value: piece}
"""


def content(text: str = FIND_ITEM, head: str = HEAD) -> dict[str, Any]:
    """Read a profile's YAML, to be changed by a test."""
    found = parse(head + text, "tiny.yaml")
    assert isinstance(found, dict)
    return found


def profile(values: dict[str, Any] | None = None) -> Profile:
    """Make a profile of values."""
    values = content() if values is None else values
    return build(Source(Path("tiny.yaml"), yaml.safe_dump(values), values))
