"""What the events of a call make of its line in `orderline calls`. Pure.

An event changes some columns of the call's row. Events of several processes may come late and
in any order between the processes, so nothing here depends on it; the first end stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from dialplan.reasons import RESULTS, Reason, disposition
from erp.events.envelope import CALL_BACK, TYPE_PREFIX, Envelope
from erp.events.model import (
    CallIds,
    Ended,
    Escalated,
    Identified,
    Started,
    Transferred,
    Turn,
)
from erp.store.tables import calls

Row = dict[str, Any]

_TEXT_SIZES = {
    column.name: column.type.length  # type: ignore[attr-defined]
    for column in calls.columns
    if column.name != "session" and getattr(column.type, "length", None)
}
_IDS = tuple(name for name in vars(CallIds("")) if name != "session")


def new_row(session: str, at: datetime) -> Row:
    """Return the row of a call of which nothing is known yet."""
    row: Row = {column.name: None for column in calls.columns}
    row |= dict.fromkeys(_TEXT_SIZES, "")
    return {**row, "session": session, "last_at": at, "turns": 0, "last_sequence": 0}


def project(row: Row, event: Envelope, process: str) -> None:
    """Change the row of a call by one of its events.

    process: the spool that the event came from; the one of `Started` serves the call.
    """
    data = event.data
    for name in _IDS:
        row[name] = row[name] or _text(name, data)
    row["last_at"] = max(row["last_at"], event.time)
    row["last_sequence"] += 1
    change = _CHANGES.get(event.type)
    if change is not None:
        change(row, data, event.time)
    if event.type == TYPE_PREFIX + Started.type:
        row["process"] = process


def _text(name: str, data: Mapping[str, Any], key: str = "") -> str:
    """Return a field as its column takes it: what is printable, cut to its size."""
    value = data.get(key or name)
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value if c.isprintable())[: _TEXT_SIZES[name]]


def _number(name: str, data: Mapping[str, Any]) -> float:
    value = data.get(name)
    return float(value) if isinstance(value, (int, float)) and abs(value) < 1e9 else 0.0


def _started(row: Row, data: Mapping[str, Any], at: datetime) -> None:
    row |= {"started_at": at, "caller": _text("caller", data)}
    row["extension"] = _text("extension", data)


def _identified(row: Row, data: Mapping[str, Any], at: datetime) -> None:
    row["account"] = _text("account", data)


def _turn(row: Row, data: Mapping[str, Any], at: datetime) -> None:
    row["turns"] = max(row["turns"], int(_number("number", data)))


def _escalated(row: Row, data: Mapping[str, Any], at: datetime) -> None:
    if data.get("way") == CALL_BACK:
        return
    row["escalated_at"] = row["escalated_at"] or at
    row["escalated_by"] = row["escalated_by"] or _text("escalated_by", data, "by")
    row["way"] = _text("way", data)
    # The end has the last word about why; until then this is what is known.
    row["reason"] = row["reason"] or _text("reason", data)


def _transferred(row: Row, data: Mapping[str, Any], at: datetime) -> None:
    if data.get("way") == CALL_BACK:
        return
    row |= {"human": _text("human", data), "waited_s": _number("waited_s", data)}


def _ended(row: Row, data: Mapping[str, Any], at: datetime) -> None:
    if row["ended_at"] is not None:
        return
    row |= {"ended_at": at, "lasted_s": _number("lasted_s", data)}
    row |= {name: _text(name, data) for name in ("result", "reason", "disposition")}
    row["turns"] = max(row["turns"], int(_number("turns", data)))


_CHANGES: Mapping[str, Callable[[Row, Mapping[str, Any], datetime], None]] = {
    TYPE_PREFIX + kind.type: change
    for kind, change in (
        (Started, _started),
        (Identified, _identified),
        (Turn, _turn),
        (Escalated, _escalated),
        (Transferred, _transferred),
        (Ended, _ended),
    )
}


def end_of_lost(row: Mapping[str, Any]) -> Ended:
    """Return the end of a call whose process died before it could tell one.

    It ends with the last that was heard of it: nobody knows how long it went on.
    """
    reason = Reason.TRANSFERRED if row["human"] else Reason.VOICE_LOST
    begin = row["started_at"] or row["last_at"]
    lasted_s = round((row["last_at"] - begin).total_seconds(), 1)
    return Ended(
        RESULTS[reason].value, reason.value, disposition(reason), lasted_s, row["turns"]
    )
