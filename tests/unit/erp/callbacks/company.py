"""A store in a folder, a business system that can fail, and a clock: for tests of call-backs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from erp.callbacks.model import CallbackRequest
from erp.callbacks.settings import CallbackSettings
from erp.callbacks.times import Schedule
from erp.deadline import Deadline
from erp.errors import ErpError
from erp.events.model import CallEvent, CallIds
from erp.model import Customer, NotFound, Source, WriteReceipt
from erp.port import ErpPort
from erp.store.settings import StoreSettings
from erp.store.store import Store
from erp.writes import CreateTask

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=timezone.utc)
"""Twelve in New York, on a Friday."""
DANA, MARCUS = "+12125550101", "+12125550102"


@dataclass
class Clock:
    """The time of the wall."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Company:
    """A business system that keeps tasks by their keys, or raises what it is told to."""

    tasks: dict[str, CreateTask] = field(default_factory=dict)
    fails: ErpError | None = None
    writes: int = 0

    @contextlib.asynccontextmanager
    async def for_call(self, session: str) -> AsyncIterator[ErpPort]:
        yield cast("ErpPort", self)

    async def create_task(self, task: CreateTask, deadline: Deadline) -> WriteReceipt:
        if self.fails is not None:
            raise self.fails
        existed = task.key in self.tasks
        self.writes += not existed
        self.tasks.setdefault(task.key, task)
        return WriteReceipt(task.key, f"task,{len(self.tasks)}", _source("create_task"), existed)

    async def customer_by_account(self, account: str, deadline: Deadline) -> Customer | NotFound:
        source = _source("customer_by_account")
        if account != "C001":
            return NotFound(f"account {account}", source)
        return Customer("party,1", "C001", "Harbor Machine Works", "Dana Whitfield", source)


def _source(operation: str) -> Source:
    return Source("books", operation, "1", NOON)


class Told:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[CallIds, CallEvent]] = []

    def tell(self, ids: CallIds, event: CallEvent) -> None:
        self.events.append((ids, event))

    def types(self) -> list[str]:
        return [event.type for _, event in self.events]


def request(key: str = "key-0001", number: str = DANA, after_s: float = 600) -> CallbackRequest:
    at = NOON + timedelta(seconds=after_s)
    return CallbackRequest(
        key, f"session-{key}", number, at, "Dana Whitfield", "C001", f"asked for 4521 ({key})"
    )


def schedule(**changes: object) -> Schedule:
    made = CallbackSettings(enabled=True, **changes)  # type: ignore[arg-type]
    return Schedule(made, ZoneInfo("UTC"))


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    store = await Store.open(StoreSettings(folder=folder))
    try:
        yield store
    finally:
        await store.close()
