from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from erp.events import describe
from erp.events.envelope import LINE_MAX_BYTES, TEXT_MAX_CHARS, read, type_of, write
from erp.events.errors import UnreadableEvent
from erp.events.model import CallEvent, CallIds, Health, Started, Turn
from tests.unit.erp.events.samples import EVENTS, IDS, NOON, SOURCE, envelope

ROOT = Path(__file__).resolve().parents[4]
SCHEMA = json.loads(resources.files("erp.events").joinpath("schema/call-event-1.json").read_text())
VALID = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def name(event: CallEvent) -> str:
    return event.type


def test_the_samples_are_all_types() -> None:
    assert {type(event) for event in EVENTS} == set(describe.KINDS)


@pytest.mark.parametrize("event", EVENTS, ids=name)
def test_every_told_event_is_valid_by_the_packaged_schema(event: CallEvent) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for told in (envelope(event), envelope(event).numbered(7)):
        VALID.validate(json.loads(told.text))


@pytest.mark.parametrize("event", EVENTS, ids=name)
def test_the_schema_refuses_an_event_without_a_field_or_of_another_type(event: CallEvent) -> None:
    document = dict(envelope(event).document)
    for field in vars(event):
        less = {key: value for key, value in document["data"].items() if key != field}
        assert not VALID.is_valid({**document, "data": less}), field
    assert not VALID.is_valid({**document, "type": "orderline.call.other"})
    assert not VALID.is_valid({**document, "data": {**document["data"], "session": 7}})


def test_schema_and_page_are_what_the_classes_say() -> None:
    assert describe.SCHEMA_FILE.read_text("utf-8") == describe.schema_text(), "run: make docs"
    page = (ROOT / "docs" / "event_types.rst").read_text("utf-8")
    assert page == describe.page(), "run: make docs"


def test_every_field_is_explained() -> None:
    kinds: tuple[type[Any], ...] = (CallIds, *describe.KINDS)
    for kind in kinds:
        for field, about in describe._fields(kind):
            assert about.get("description"), f"{kind.__name__}.{field}"


@pytest.mark.parametrize("event", EVENTS, ids=name)
def test_what_was_written_is_read_as_it_was(event: CallEvent) -> None:
    told = envelope(event)
    assert read(told.text.encode() + b"\n") == told


def test_the_envelope_of_an_event() -> None:
    told = write(IDS, Started("**01", "600"), SOURCE, key="k", now=NOON).numbered(3)
    assert json.loads(told.text) == {
        "specversion": "1.0",
        "id": "k",
        "source": "orderline/voice@127.0.0.1:4573",
        "type": "orderline.call.started",
        "subject": IDS.session,
        "time": "2026-11-21T12:00:00.000Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:orderline:call-event:1",
        "sequence": "0000000003",
        "data": {
            "session": IDS.session,
            "uniqueid": "1700000000.7",
            "sip_call_id": "call-id@sip",
            "profile": "default",
            "caller": "**01",
            "extension": "600",
        },
    }


def test_ids_differ_and_health_has_no_subject() -> None:
    first, second = (write(IDS, EVENTS[0], SOURCE) for _ in range(2))
    assert first.id != second.id
    health = write(CallIds(""), EVENTS[-1], SOURCE)
    assert (health.type, "subject" in health.document) == ("orderline.health", False)
    assert health.time.tzinfo is not None


class Word(str, Enum):
    ONE = "one"


def test_values_that_json_does_not_know_become_ones_that_it_does() -> None:
    told = write(IDS, Turn(1, Word.ONE, math.nan, {"erp_ms": math.inf}), SOURCE)
    VALID.validate(json.loads(told.text))
    assert (told.data["confidence"], told.data["intent"], told.data["hops"]) == (
        0.0, "one", {"erp_ms": 0.0},
    )  # fmt: skip


def test_a_field_beyond_the_cap_is_cut() -> None:
    told = write(IDS, Health("x", False, "w" * (TEXT_MAX_CHARS + 1)), SOURCE)
    VALID.validate(json.loads(told.text))
    assert len(told.data["why"]) == TEXT_MAX_CHARS


GOOD: dict[str, Any] = dict(envelope(EVENTS[0]).document)


@dataclass(frozen=True)
class Bad:
    line: bytes
    why: str


@pytest.mark.parametrize(
    "bad",
    [
        Bad(b"", "JSONDecodeError"),
        Bad(b"[]", "TypeError"),
        Bad(b"\xff", "UnicodeDecodeError"),
        Bad(b"[" * 60_000, "RecursionError"),
        Bad(b" " * (LINE_MAX_BYTES + 1), "65537 bytes"),
        *(
            Bad(json.dumps({**GOOD, key: value}).encode(), "its|in it|no data")
            for key, value in (
                ("id", 7), ("id", ""), ("id", "x" * 65), ("id", "a\nb"), ("subject", ""),
                ("time", "noon"), ("time", "2026-01-01T00:00:00"), ("time", 7), ("data", []),
            )
        ),
        *(
            Bad(json.dumps({k: v for k, v in GOOD.items() if k != key}).encode(), "KeyError")
            for key in ("id", "type", "source", "time", "data")
        ),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(bad: Bad) -> None:
    with pytest.raises(UnreadableEvent, match=bad.why):
        read(bad.line)


@settings(max_examples=60)
@given(st.binary(max_size=200) | st.text(max_size=99).map(lambda text: json.dumps(text).encode()))
def test_no_line_does_more_than_be_refused(line: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        read(line)


def test_types() -> None:
    assert type_of(EVENTS[0]) == "orderline.call.started"
    assert type_of(Health) == "orderline.health"
    assert write(IDS, EVENTS[0], SOURCE, now=datetime.now(timezone.utc)).id
