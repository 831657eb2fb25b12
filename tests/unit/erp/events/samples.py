from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from erp.events.envelope import Envelope, write
from erp.events.model import (
    CallEvent,
    CallIds,
    Committed,
    Ended,
    Escalated,
    Health,
    Identified,
    Proposal,
    Query,
    Started,
    Transferred,
    Turn,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
IDS = CallIds("20261121T120000-abc123", "1700000000.7", "call-id@sip", "default")
NO_CALL = CallIds("")
SOURCE = "orderline/voice@127.0.0.1:4573"

EVENTS: tuple[CallEvent, ...] = (
    Started("*********01", "600"),
    Identified("C-100", "Harbor Marine", "Anna", 1, 1, "https://erp.example/party/C-100"),
    Turn(1, "availability", 0.93, {"endpoint_ms": 210.5, "erp_ms": 31.0}, "how many 4521"),
    Query(1, "tryton", "availability", "Availability", 31.2, "product 7", True),
    Proposal("p-1", "create_task", "0" * 64),
    Committed("p-1", "create_task", "tryton", "task 12"),
    Escalated("caller-asked", "wants a human", "https://erp.example/party/C-100"),
    Transferred("PJSIP/anna", 4.2),
    Ended("transfer", "caller-asked", "AIXFER", 41.5, 1),
    Health("erp:tryton", False, "it can't be reached"),
)


def envelope(event: CallEvent, *, ids: CallIds = IDS, after_s: float = 0.0) -> Envelope:
    ids = NO_CALL if isinstance(event, Health) else ids
    return write(ids, event, SOURCE, now=NOON + timedelta(seconds=after_s))


def call(session: str) -> Iterator[Envelope]:
    """A short call, as the voice process tells it."""
    ids = CallIds(session, "1.1", "", "default")
    for number, event in enumerate((EVENTS[0], EVENTS[2], EVENTS[3])):
        yield envelope(event, ids=ids, after_s=number)
