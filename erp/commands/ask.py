"""`orderline erp ask OPERATION ...`: one read of the configured systems, as a call would make it.

It prints what the system answered, where and when it was read, and where the time went. Nothing
is masked: whoever runs it reads the ERP with our user's rights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from erp.commands.errors import CommandError
from erp.deadline import Deadline
from erp.model import Customer, Item, Money, NotFound, Quantity
from erp.parameters import HISTORY_MAX
from erp.port import ErpPort

AMOUNT_MAX = 1_000_000_000
"""Largest quantity that may be asked for: a mistyped exponent would keep us busy for ever."""


@dataclass(frozen=True)
class Question:
    """One operation, as it is asked on the command line."""

    usage: str
    """Its arguments, those in brackets may be left out."""
    ask: Callable[[ErpPort, Sequence[str], Deadline], Awaitable[object]]

    @property
    def least(self) -> int:
        """Fewest arguments."""
        return sum(not word.startswith("[") for word in self.usage.split())

    @property
    def most(self) -> int:
        """Most arguments."""
        return len(self.usage.split())


async def answer(
    erp: ErpPort, operation: str, arguments: Sequence[str], deadline: Deadline
) -> object:
    """Ask, and return the answer. Raises CommandError, or ErpError as the port does."""
    question = QUESTIONS[operation]
    if not question.least <= len(arguments) <= question.most:
        raise CommandError(f"{operation} takes {question.usage or 'nothing'}: write that behind it")
    return await question.ask(erp, arguments, deadline)


async def _item(erp: ErpPort, number: str, deadline: Deadline) -> Item:
    found = await erp.find_item(number, deadline)
    if isinstance(found, NotFound):
        raise CommandError(f"there is no item {number}")
    return found


async def _customer(erp: ErpPort, account: str, deadline: Deadline) -> Customer:
    found = await erp.customer_by_account(account, deadline)
    if isinstance(found, NotFound):
        raise CommandError(f"there is no account {account}")
    return found


async def _availability(erp: ErpPort, words: Sequence[str], deadline: Deadline) -> object:
    on = _day(words[1]) if len(words) > 1 else date.today()
    return await erp.availability(await _item(erp, words[0], deadline), on, deadline)


async def _price(erp: ErpPort, words: Sequence[str], deadline: Deadline) -> object:
    quantity = _amount(words[2]) if len(words) > 2 else Decimal(1)
    item, customer = await _item(erp, words[0], deadline), await _customer(erp, words[1], deadline)
    return await erp.price(item, customer, quantity, deadline)


async def _order_status(erp: ErpPort, words: Sequence[str], deadline: Deadline) -> object:
    return await erp.order_status(await _customer(erp, words[0], deadline), words[1], deadline)


async def _last_order(erp: ErpPort, words: Sequence[str], deadline: Deadline) -> object:
    return await erp.last_order(await _customer(erp, words[0], deadline), deadline)


async def _order_history(erp: ErpPort, words: Sequence[str], deadline: Deadline) -> object:
    limit = _limit(words[1]) if len(words) > 1 else 5
    return await erp.order_history(await _customer(erp, words[0], deadline), limit, deadline)


async def _tracking(erp: ErpPort, words: Sequence[str], deadline: Deadline) -> object:
    return await erp.tracking(await _customer(erp, words[0], deadline), words[1], deadline)


async def _balance(erp: ErpPort, words: Sequence[str], deadline: Deadline) -> object:
    return await erp.balance(await _customer(erp, words[0], deadline), deadline)


QUESTIONS: dict[str, Question] = {
    "ping": Question("", lambda erp, words, deadline: erp.ping(deadline)),
    "find_item": Question(
        "NUMBER", lambda erp, words, deadline: erp.find_item(words[0], deadline)
    ),
    "availability": Question("NUMBER [DAY]", _availability),
    "price": Question("NUMBER ACCOUNT [QUANTITY]", _price),
    "order_status": Question("ACCOUNT ORDER", _order_status),
    "last_order": Question("ACCOUNT", _last_order),
    "order_history": Question("ACCOUNT [LIMIT]", _order_history),
    "tracking": Question("ACCOUNT ORDER", _tracking),
    "balance": Question("ACCOUNT", _balance),
    "customers_by_phone": Question(
        "TELEPHONE", lambda erp, words, deadline: erp.customers_by_phone(words[0], deadline)
    ),
    "customer_by_account": Question(
        "ACCOUNT", lambda erp, words, deadline: erp.customer_by_account(words[0], deadline)
    ),
    "customers_by_name": Question(
        "NAME", lambda erp, words, deadline: erp.customers_by_name(words[0], deadline)
    ),
}
"""Every read operation, and what it is asked with."""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no day: write it as 2026-05-31") from error


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise CommandError(f"{text!r} is no number: write it as 50") from error
    if amount.is_nan() or not 0 < amount <= AMOUNT_MAX:
        raise CommandError(f"{text!r} is out of reach: write above 0, {AMOUNT_MAX} at most")
    return amount


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= HISTORY_MAX):
        raise CommandError(f"{text!r} is no number of orders: write 1 to {HISTORY_MAX}")
    return int(text)


def shown(value: object, indent: str = "") -> str:
    """Return an answer as lines of `name: value`."""
    if isinstance(value, tuple):
        return "\n".join(f"{indent}- {shown(one, indent + '  ').lstrip()}" for one in value) or (
            f"{indent}none"
        )
    if dataclasses.is_dataclass(value) and _plain(value) is None:
        return "\n".join(_fields(value, indent))
    return f"{indent}{_plain(value)}"


def _fields(value: object, indent: str) -> Iterator[str]:
    for field in dataclasses.fields(value):  # type: ignore[arg-type]
        inner = getattr(value, field.name)
        plain = _plain(inner)
        if plain is not None:
            yield f"{indent}{field.name}: {plain}"
        else:
            yield f"{indent}{field.name}:"
            yield shown(inner, indent + "  ")


def _plain(value: object) -> str | None:
    """Return a value that fits on one line, or None."""
    for kind, text in _ON_ONE_LINE:
        if isinstance(value, kind):
            return text(value)
    return None if isinstance(value, tuple) or dataclasses.is_dataclass(value) else str(value)


_ON_ONE_LINE: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (type(None), lambda value: "-"),
    (Quantity, lambda value: f"{value.amount.normalize():f} {value.unit}"),
    (Money, lambda value: f"{value.amount:f} {value.currency}"),
    (NotFound, lambda value: f"not found: {value.wanted}"),
    (Enum, lambda value: str(value.value)),
    (datetime, lambda value: value.isoformat(timespec="milliseconds")),
)
