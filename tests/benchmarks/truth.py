"""The ERP's own answer, read beside the product: Tryton's forecast, through Tryton's own RPC.

Shares no code with the connector. The forecast is Tryton's `forecast_quantity`, asked at the
wanted day and at the day of every later move; its minimum, never below zero, is what may be
promised. Source: trytond 8.2, JSON-RPC; modules/stock, `Product.get_quantity`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any

import aiohttp

HORIZON_DAYS = 120
"""The demo company plans nothing further ahead."""


class Truth:
    """A client of the lab's Tryton. Use as `async with Truth(status["erp"]) as truth`."""

    def __init__(self, erp: Mapping[str, str]) -> None:
        self._erp = erp
        self._http = aiohttp.ClientSession()
        self._headers: dict[str, str] = {}
        self._warehouses: list[int] = []

    async def __aenter__(self) -> Truth:
        user = self._erp["user"]
        login = await self._call("common.db.login", user, {"password": self._erp["password"]})
        session = f"{user}:{login[0]}:{login[1]}"
        token = base64.b64encode(session.encode()).decode()
        self._headers = {"Authorization": f"Session {token}"}
        kind = [["type", "=", "warehouse"]]
        self._warehouses = await self._call("model.stock.location.search", kind, 0, None, None, {})
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.close()

    async def available(self, item: str, on: date) -> Decimal:
        """Return what may be promised of an item at a day. Raises LookupError for no item."""
        products = await self._call(
            "model.product.product.search", [["code", "=", item]], 0, None, None, {}
        )
        if not products:
            raise LookupError(f"the ERP has no item {item}")
        days = {on, *(await self._later_moves(products[0], on))}
        return max(Decimal(0), min([await self._forecast(products[0], day) for day in days]))

    async def _later_moves(self, product: int, on: date) -> set[date]:
        """Return the days after `on` at which something is planned to move."""
        domain = [
            ["product", "=", product],
            ["state", "in", ["draft", "assigned"]],
            ["planned_date", ">", _day(on)],
            ["planned_date", "<", _day(on + timedelta(days=HORIZON_DAYS))],
        ]
        moves = await self._call(
            "model.stock.move.search_read", domain, 0, None, None, ["planned_date"], {}
        )
        return {_date(move["planned_date"]) for move in moves}

    async def _forecast(self, product: int, day: date) -> Decimal:
        context = {
            "locations": self._warehouses,
            "stock_date_end": _day(day),
            "forecast": True,
            "with_childs": True,
        }
        rows = await self._call(
            "model.product.product.read", [product], ["forecast_quantity"], context
        )
        return Decimal(str(rows[0]["forecast_quantity"]))

    async def _call(self, method: str, *parameters: Any) -> Any:
        url = f"{self._erp['url'].rstrip('/')}/{self._erp['database']}/rpc/"
        question = {"id": 1, "method": method, "params": list(parameters)}
        async with self._http.post(url, json=question, headers=self._headers) as answer:
            answer.raise_for_status()
            told = await answer.json(content_type=None)
        if isinstance(told, dict) and told.get("error"):
            raise RuntimeError(f"{method}: {told['error']}")
        return told["result"] if isinstance(told, dict) else told


def _day(day: date) -> dict[str, Any]:
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


def _date(value: Mapping[str, int]) -> date:
    return date(value["year"], value["month"], value["day"])
