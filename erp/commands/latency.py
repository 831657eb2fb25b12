"""`orderline erp latency`: how long each read takes at each system, hop by hop.

It asks for one item and one customer over and over, each read as a call would make it, and never
more than one at a time: what is measured is the way, not the load.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal

from erp.commands.configured import Asked
from erp.commands.known import known_customer, known_item
from erp.commands.table import table
from erp.deadline import Deadline
from erp.gateway import hop_map
from erp.gateway.hops import percentile
from erp.model import Customer, Item, OrderStatus
from erp.port import ErpPort

BUDGET_S = 10.0
"""Seconds for each read: more than a turn has, so that a slow system is measured, not cut off."""

HISTORY = 5

TIMES = ("n", "p50 ms", "p95 ms")

Read = Callable[[Deadline], Awaitable[object]]


async def rounds(
    erp: ErpPort,
    item_number: str,
    phone: str,
    times: int,
    able: Callable[[str, str], bool] = lambda system, operation: True,
) -> None:
    """Ask every read `times` times over. The hops come out at the gateway's observer.

    able: tells whether a system can do an operation; what it can't do is not asked. Raises
    CommandError when the item or the customer is not there, and ErpError.
    """

    def asked(operation: str) -> bool:
        return able(erp.system_of(operation), operation)

    item = await known_item(erp, item_number, _soon())
    customer = await known_customer(erp, phone, _soon())
    order = await erp.last_order(customer, _soon()) if asked("last_order") else None
    reads = _reads(erp, item, customer, item_number, phone)
    if isinstance(order, OrderStatus) and order.number:
        number = order.number
        reads["order_status"] = lambda soon: erp.order_status(customer, number, soon)
        reads["tracking"] = lambda soon: erp.tracking(customer, number, soon)
    for _ in range(times):
        for operation, read in reads.items():
            if asked(operation):
                await read(_soon())


def report(asked: Asked) -> str:
    """Return two tables: what each operation took at each system in all, and hop by hop."""
    times_ms: dict[tuple[str, str], list[float]] = defaultdict(list)
    for trace, total_ms in asked:
        times_ms[trace.operation, trace.system].append(total_ms)
    rows = [
        (*key, *_times(len(found), percentile(found, 0.5), percentile(found, 0.95)))
        for key, found in ((key, sorted(times_ms[key])) for key in sorted(times_ms))
    ]
    hops = [
        (row.operation, row.system, row.hop.value, *_times(row.n, row.p50_ms, row.p95_ms))
        for row in hop_map(trace for trace, _ in asked)
    ]
    whole = table(("operation", "system", *TIMES), rows)
    return f"{whole}\n\n{table(('operation', 'system', 'hop', *TIMES), hops)}"


def _times(number: int, p50_ms: float, p95_ms: float) -> tuple[str, str, str]:
    return str(number), f"{p50_ms:.1f}", f"{p95_ms:.1f}"


def _reads(
    erp: ErpPort, item: Item, customer: Customer, item_number: str, phone: str
) -> dict[str, Read]:
    name, account = customer.name, customer.account
    return {
        "ping": erp.ping,
        "find_item": lambda soon: erp.find_item(item_number, soon),
        "availability": lambda soon: erp.availability(item, date.today(), soon),
        "price": lambda soon: erp.price(item, customer, Decimal(1), soon),
        "last_order": lambda soon: erp.last_order(customer, soon),
        "order_history": lambda soon: erp.order_history(customer, HISTORY, soon),
        "balance": lambda soon: erp.balance(customer, soon),
        "customers_by_phone": lambda soon: erp.customers_by_phone(phone, soon),
        "customer_by_account": lambda soon: erp.customer_by_account(account, soon),
        "customers_by_name": lambda soon: erp.customers_by_name(name, soon),
    }


def _soon() -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), BUDGET_S)
