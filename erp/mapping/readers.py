"""How a field's value is read: `as: text`, `number`, `flag`, `unit`, `date` or `code`.

A reader gets the value and its whole raw row (for `times` and `by`) and returns the value of the
neutral record, or None when it is missing. It raises UnreadableAnswer, which names the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from erp.connectors.engine import RawRow
from erp.errors import UnreadableAnswer
from erp.mapping.codes import Tables
from erp.mapping.constants import number_at
from erp.mapping.dates import compile_date
from erp.mapping.keys import (
    a_thing,
    list_at,
    mistake,
    path_at,
    place,
    shown,
    truth_at,
    unknown,
    whole_at,
)
from erp.mapping.sources import ABSENT, Source, bytes_only, compile_conversion, lookup, stepped
from erp.mapping.values import EXACT, NUMBER_MAX_PLACES, finite, number, plain_text
from erp.shapes import Kind

Reader = Callable[[object, RawRow], object]

DEFAULT_AS: dict[Kind, str] = {
    Kind.TEXT: "text",
    Kind.NUMBER: "number",
    Kind.DATE: "date",
    Kind.FLAG: "flag",
}
ALLOWED_AS: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("text", "unit"),
    Kind.NUMBER: ("number",),
    Kind.DATE: ("date",),
    Kind.FLAG: ("flag",),
    Kind.ORDER_STATE: ("code",),
    Kind.DELIVERY_STATE: ("code",),
}
OPTIONS: dict[str, tuple[str, ...]] = {
    "text": (),
    "number": ("comma", "decimals", "negate", "times", "factor"),
    "date": ("form", "pivot", "none"),
    "flag": ("yes", "no"),
    "code": ("codes",),
    "unit": (),
}
"""The keys that go with each way to read."""

YES: tuple[object, ...] = ("Y", "X", 1)
NO: tuple[object, ...] = ("N", "", 0)


def way(spec: Mapping[str, object], kind: Kind, where: str) -> str:
    """Return how a field is read. Raises ProfileError when that can't be, or is not said."""
    if "as" not in spec:
        if kind not in DEFAULT_AS:
            raise mistake(where, f"is {a_thing(kind.value)} with no as: write as: code, or value")
        return DEFAULT_AS[kind]
    found = spec["as"]
    if not isinstance(found, str) or found not in OPTIONS:
        raise unknown(place(where, "as"), found, OPTIONS)
    if found not in ALLOWED_AS[kind]:
        allowed = " or ".join(ALLOWED_AS[kind])
        raise mistake(
            place(where, "as"), f"is {found}, but this is {a_thing(kind.value)}: write {allowed}"
        )
    return found


def compile_reader(
    how: str, kind: Kind, spec: Mapping[str, object], tables: Tables, *, label: str, where: str
) -> Reader:
    """Return the reader of a field. how: a key of OPTIONS. Raises ProfileError."""
    if how == "number":
        return _number_reader(spec, label, where)
    if how == "date":
        date = compile_date(spec, label, where)
        return lambda value, raw: date(value)
    if how == "flag":
        return _flag_reader(spec, label, where)
    if how == "code":
        return _code_reader(spec, kind, tables, label, where)
    if how == "unit":
        return _unit_reader(tables, label)
    return lambda value, raw: _text(value, label) or None


def _text(value: object, label: str) -> str:
    if value is True:
        raise UnreadableAnswer(f"{label} is no text")
    return plain_text(value, label)


def _unit_reader(tables: Tables, label: str) -> Reader:
    units = tables.units

    def read(value: object, raw: RawRow) -> object:
        code = _text(value, label)
        return units.get(code, code) or None

    return read


def _code_reader(
    spec: Mapping[str, object], kind: Kind, tables: Tables, label: str, where: str
) -> Reader:
    if "codes" not in spec:
        raise mistake(place(where, "codes"), "is missing: write the name of a code table")
    at = place(where, "codes")
    table = tables.table(spec["codes"], at)
    read = table.reader(kind, at, bytes_only(compile_conversion(spec, label, where)))
    if "default" not in spec:
        return read
    return lambda value, raw: None if _is_blank(value) else read(value, raw)


def _is_blank(value: object) -> bool:
    return value is None or value is False or (isinstance(value, str) and not value.strip())


def _flag_reader(spec: Mapping[str, object], label: str, where: str) -> Reader:
    answers = _answers(spec, where)
    blank_is_missing = "default" in spec

    def read(value: object, raw: RawRow) -> object:
        if value is None or isinstance(value, bool):
            return value
        text = plain_text(value, label).upper()
        if not text and blank_is_missing:
            return None
        if text not in answers:
            raise UnreadableAnswer(f"{label} is neither yes nor no")
        return answers[text]

    return read


def _answers(spec: Mapping[str, object], where: str) -> dict[str, bool]:
    answers: dict[str, bool] = {}
    given = {}
    for key, defaults in (("yes", YES), ("no", NO)):
        at = place(where, key)
        given[key] = list_at(spec[key], at, "raw values") if key in spec else defaults
    for key, values in given.items():
        for value in values:
            text = _answer(value, place(where, key))
            if answers.setdefault(text, key == "yes") == (key == "yes"):
                continue
            if "yes" in spec and "no" in spec:
                raise mistake(place(where, key), f"has {shown(value)}, as yes has: take one away")
            # One of them is the default, and gives way to what is written.
            answers[text] = "yes" in spec
    return answers


def _answer(value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise mistake(where, f"has {shown(value)}: write it in quotes")
    return plain_text(value, "it").upper()


def _number_reader(spec: Mapping[str, object], label: str, where: str) -> Reader:
    comma = truth_at(spec.get("comma", False), place(where, "comma"))
    scale = _scale(spec, where)
    implied = "decimals" in spec
    times = _times(spec, label, where)
    if scale == 1 and times is None and not implied:
        return lambda value, raw: number(value, label, comma=comma)

    def read(value: object, raw: RawRow) -> Decimal | None:
        found = number(value, label, comma=comma)
        if found is None:
            return None
        if implied and found != found.to_integral_value():
            raise UnreadableAnswer(f"{label} has a point, though its decimals are implied")
        if times is not None:
            found = EXACT.multiply(found, times(raw))
        return finite(EXACT.multiply(found, scale), label)

    return read


def _scale(spec: Mapping[str, object], where: str) -> Decimal:
    """Return what the digits are multiplied by: implied decimals, the sign and the factor."""
    decimals = whole_at(spec.get("decimals", 0), place(where, "decimals"), 0, NUMBER_MAX_PLACES)
    factor = number_at(spec.get("factor", 1), place(where, "factor"))
    if not factor:
        raise mistake(place(where, "factor"), "is 0: write another number")
    sign = -1 if truth_at(spec.get("negate", False), place(where, "negate")) else 1
    return EXACT.multiply(factor, Decimal(sign).scaleb(-decimals))


def _times(
    spec: Mapping[str, object], label: str, where: str
) -> Callable[[RawRow], Decimal] | None:
    if "times" not in spec:
        return None
    path = path_at(spec["times"], place(where, "times"))
    what = f"{label}: {'.'.join(path)}, by which it is multiplied,"
    conversion = bytes_only(compile_conversion(spec, what, where))
    source: Source = stepped(lookup(path, what), conversion)
    comma = spec.get("comma") is True

    def read(raw: RawRow) -> Decimal:
        value = source(raw)
        found = None if value is ABSENT else number(value, what, comma=comma)
        if found is None:
            raise UnreadableAnswer(f"{what} is missing")
        return found

    return read
