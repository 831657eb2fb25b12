"""What a profile writes as a finished value: `value`, `default` and what an example `gives`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from erp.errors import UnreadableAnswer
from erp.mapping.keys import mistake, shown, unknown
from erp.mapping.values import BLANKS, number, number_text
from erp.model import DeliveryState, OrderState
from erp.shapes import Kind

STATES: dict[Kind, type[OrderState] | type[DeliveryState]] = {
    Kind.ORDER_STATE: OrderState,
    Kind.DELIVERY_STATE: DeliveryState,
}
EMPTY: dict[Kind, object] = {Kind.TEXT: "", Kind.FLAG: False}
"""What a missing value is; of all other kinds it is None."""


def constant(kind: Kind, value: object, where: str) -> object:
    """Return a value of a kind as a profile writes it. Raises ProfileError."""
    if kind in STATES:
        return state_at(STATES[kind], value, where)
    if kind is Kind.NUMBER:
        return number_at(value, where)
    if kind is Kind.DATE:
        return _date_at(value, where)
    if kind is Kind.FLAG:
        if not isinstance(value, bool):
            raise mistake(where, f"is {shown(value)}: write true or false")
        return value
    if isinstance(value, str):
        return value.strip(BLANKS)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(number_at(value, where))
    raise mistake(where, f"is {shown(value)}: write a text, in quotes when it is all digits")


def state_at(states: type[Enum], value: object, where: str) -> Enum:
    """Return a state by its name. Raises ProfileError."""
    for state in states:
        if state.value == value:
            return state
    raise unknown(where, value, [str(state.value) for state in states])


def number_at(value: object, where: str) -> Decimal:
    """Return a number as YAML or a text gives it. Raises ProfileError."""
    try:
        found = number(value, "it")
    except UnreadableAnswer as error:
        raise mistake(where, f"is {shown(value)}: write a number") from error
    if found is None:
        raise mistake(where, f"is {shown(value)}: write a number")
    return found


def _date_at(value: object, where: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise mistake(where, f"is {shown(value)}: write a date, as in 2026-11-21") from error
