"""What the tasks of call-backs say to the human who reads them in the business system. Pure."""

from __future__ import annotations

from datetime import datetime

from erp.callbacks.book import Callback, State
from erp.callbacks.model import CallbackRequest
from erp.callbacks.task_list import Task, outcome_key

_OUTCOMES = {
    State.HUMAN_UNANSWERED: (
        "nobody of us answered",
        "The customer's telephone did not ring. Call the customer.",
    ),
    State.CUSTOMER_UNANSWERED: (
        "customer not reached",
        "The customer's telephone was rung once and is not rung again by itself.",
    ),
    State.CANCELLED: (
        "not dialled",
        "The rules of the configuration do not allow it now. Call the customer.",
    ),
    State.UNKNOWN: (
        "unknown whether it took place",
        "The call was begun and then lost from sight. It is not dialled again by itself: "
        "find out whether the customer was called, and call if not.",
    ),
}
"""Of each outcome that a human must know: the end of the title, and what to do."""


def agreed_task(request: CallbackRequest, after: datetime) -> Task:
    """Return the task of a call-back that was agreed. after: see `Task`."""
    lines = [
        f"Call back: {request.number}",
        f"Agreed for: {request.at.isoformat(timespec='minutes')}",
        f"Name: {_line(request.name) or '-'}",
        f"Account: {_line(request.account) or '-'}",
        "",
        request.summary or "No summary.",
        "",
        "Orderline dials it by itself at that time.",
        f"Call {request.session}, call-back {request.key}",
    ]
    title = f"Call back {_line(request.name) or request.number}"
    return Task(request.key, request.key, title, "\n".join(lines), request.at, after)


def outcome_task(row: Callback, state: State, why: str, now: datetime) -> Task | None:
    """Return the task about an outcome; None when it needs no human."""
    if state not in _OUTCOMES:
        return None
    short, what = _OUTCOMES[state]
    lines = [
        f"Call-back to {row.number}: {short} ({why}).",
        what,
        f"Agreed for: {row.at.isoformat(timespec='minutes')}",
        f"Name: {_line(row.name) or '-'}",
        f"Account: {_line(row.account) or '-'}",
        "",
        row.summary or "No summary.",
        "",
        f"Call {row.session}, call-back {row.key}",
    ]
    title = f"Call-back: {short}: {_line(row.name) or row.number}"
    return Task(outcome_key(row.key), row.key, title, "\n".join(lines), now, now)


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
