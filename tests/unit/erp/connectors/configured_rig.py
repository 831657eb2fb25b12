"""A configured connector on the tiny engine, and the profile of a small company."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from erp.connector import Attempt
from erp.connectors.configured import ConfiguredConnector
from erp.connectors.engine import RawRow
from erp.deadline import Deadline
from erp.queries import Query
from erp.secrets import Secret
from erp.settings import SystemSettings
from erp.systems.adapter import Fetch, RefineContext, Refiner
from erp.trace import Trace
from tests.unit.erp import tiny_engine
from tests.unit.erp.samples import NOW
from tests.unit.erp.tiny_engine import TinyEngine, content, profile

R = TypeVar("R")

COMPANY = """
adapter: tiny
parameters:
  company: {about: Number of the company}
  branch: {about: Number of the branch, default: "7"}
secrets:
  api_key: {about: The key of the interface}
typical_ms: {ping: 1, find_item: 5, availability: 9, price: 9, order_status: 9, last_order: 9,
  order_history: 9, tracking: 9, balance: 9, customers_by_phone: 9, customer_by_account: 9,
  customers_by_name: 9}
hedge: [find_item]
learn:
  - sql: company :company
    fields: {currency: {from: CURRENCY}, time_zone: {from: ZONE}}
  - sql: calendar :time_zone
    fields: {calendar: {from: NAME}}
requests:
  map: {sql: map :branch :extra, limit: 2}
operations:
  ping: {ping: {sql: ping :branch :today, fields: {}}}
  find_item:
    item:
      sql: items :item_number :calendar
      fields:
        {record_id: {from: ID}, number: {from: CODE}, name: {from: NAME}, unit: {value: piece}}
  availability:
    stock:
      sql: stock :item_id
      fields: {warehouse: {from: WH}, quantity: {from: QTY}}
    movements:
      sql: moves :item_id :today
      limit: 3
      fields: {warehouse: {from: WH}, on: {from: ON}, quantity: {from: QTY}}
  price:
    price:
      sql: price :item_number :account :quantity
      first: true
      limit: 1
      fields: {amount: {from: AMOUNT}}
  order_status:
    order:
      sql: order :order_number :customer_id
      fields: &order
        record_id: {from: ID}
        number: {from: NO}
        ordered_on: {from: DAY}
        state: {value: shipped}
    lines: &lines
      sql: lines :order.record_id
      fields: &line
        {item_number: {from: CODE}, item_name: {from: NAME}, quantity: {from: QTY},
         unit: {value: piece}}
  last_order:
    order: {sql: last :customer_id, fields: *order}
    lines: {within: order, fields: *line}
  order_history:
    orders: {sql: history :customer_id :limit, fields: *order}
  tracking:
    order: {sql: order :order_number :account, fields: {record_id: {from: ID}, number: {from: NO}}}
    deliveries:
      within: order
      rows: DELIVERIES.list
      refine: shipped
      fields: {record_id: {from: ID}, number: {from: NO}, state: {value: shipped}}
  balance:
    account: {sql: balance :account, fields: {owed: {from: OWED}, overdue: {from: LATE}}}
  customers_by_phone:
    customer: {sql: phones :phone_last, fields: &customer {record_id: {from: ID},
      account: {from: ACCT}, name: {from: NAME}, phone: {from: TEL}}}
  customer_by_account:
    customer: {sql: account :account, fields: *customer}
  customers_by_name:
    customer: {sql: names :name_like, fields: *customer}
"""


class Adapter:
    """Its one step notes what it is given, and asks for a map."""

    seen: ClassVar[list[RefineContext]] = []

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def shipped(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        self.seen.append(context)
        names = await context.fetch("map", extra=1)
        again = await self._fetch("map", extra=2)
        assert names == again
        return [{**row, "NO": f"{names[0]['PREFIX']}{row['NO']}"} for row in rows]

    REFINERS: ClassVar[Mapping[str, Refiner]] = {"shipped": shipped}


def settings(**values: Any) -> SystemSettings:
    given: dict[str, Any] = {
        "profile": "tiny", "url": "tiny://", "parameters": {"company": "3"},
        "secrets": {"api_key": Secret("k")},
    }
    return SystemSettings(**(given | values))


def connector(
    values: dict[str, Any] | None = None, now: datetime = NOW, **more: Any
) -> tuple[ConfiguredConnector, TinyEngine]:
    """Make a connector of COMPANY, or of other values, that has learned its company."""
    found = profile(content(COMPANY) if values is None else values)
    made = ConfiguredConnector("erp", settings(**more), found, lambda: now)
    engine = tiny_engine.engines[-1]
    engine.answers |= {
        "company": [{"CURRENCY": "usd", "ZONE": "Europe/Berlin"}], "calendar": [{"NAME": "A"}],
        "map": [{"PREFIX": "D-"}],
    }
    return made, engine


def deadline(budget_s: float = 5.0) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


def attempt(operation: str, budget_s: float = 5.0) -> Attempt:
    return Attempt(deadline(budget_s), Trace("erp", operation))


async def ask(made: ConfiguredConnector, query: Query[R], budget_s: float = 5.0) -> R:
    return await made.ask(query, attempt(query.operation, budget_s))
