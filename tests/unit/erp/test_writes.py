"""What may be written: keys that every system can keep, texts of bounded length, aware times."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.parameters import written
from erp.shapes import PARAMETERS
from erp.writes import (
    PHONE_MAX,
    TEXT_MAX,
    TITLE_MAX,
    CreateTask,
    TaskByKey,
    as_text,
    as_title,
)
from tests.unit.erp.gateway.fakes import customer

KEY = "6f1c2a9b-4d5e-4c1a-9a77-0f2d3b4c5d6e"
DUE = datetime(2026, 11, 21, 23, 30, tzinfo=timezone.utc)
TOKYO = timezone(timedelta(hours=9))


def a_task(**changes: object) -> CreateTask:
    values: dict[str, object] = {"key": KEY, "title": "Call back", "text": "soon", "due": DUE}
    return CreateTask(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"key": "short"}, "key: write 8 to 64 letters"),
        ({"key": "a" * 65}, "key: write 8 to 64 letters"),
        ({"key": "0123456789%"}, "key: write 8 to 64 letters"),
        ({"key": "-123456789"}, "key: write 8 to 64 letters"),
        ({"due": datetime(2026, 11, 21)}, "due has no time zone"),
        ({"title": "x" * (TITLE_MAX + 1)}, "title is longer than 100 characters"),
        ({"text": "x" * (TEXT_MAX + 1)}, "text is longer than 2000 characters"),
        ({"phone": "1" * (PHONE_MAX + 1)}, "phone is longer than 40 characters"),
        ({"title": " "}, "title: write one line"),
        ({"title": "two\nlines"}, "title: write one line"),
        ({"text": "a\0b"}, "text has control characters"),
        ({"phone": "+1\x1b"}, "phone has control characters"),
    ],
)
def test_what_no_system_could_keep_is_refused(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        a_task(**changes)


def test_the_longest_of_all_is_taken() -> None:
    task = a_task(key="a" * 64, title="x" * TITLE_MAX, text="ä\n\t" * (TEXT_MAX // 3))
    assert task.look_up() == TaskByKey("a" * 64)


def test_nothing_of_a_person_is_in_its_repr() -> None:
    shown = repr(a_task(title="Anna", text="secret", phone="+4930123", customer=customer()))
    assert not any(word in shown for word in ("Anna", "Ann", "secret", "4930123", "C1"))


def test_the_day_and_time_are_the_companys_own() -> None:
    values = written(a_task(), TOKYO)
    assert (str(values["due"]), values["due_time"]) == ("2026-11-22", "08:30")
    assert values["due_utc"] == "2026-11-21 23:30:00"
    assert set(values) == set(PARAMETERS["create_task"])


def test_a_caller_whom_nobody_knows_has_no_record() -> None:
    values = written(a_task(), TOKYO)
    assert values["customer_id"] is None
    assert (values["account"], values["customer_name"], values["phone"]) == ("", "", "")
    known = written(a_task(customer=customer()), TOKYO)
    assert (known["customer_id"], known["account"]) == ("5", "C1")


def test_a_look_up_knows_the_key_alone() -> None:
    assert written(TaskByKey(KEY), None) == {"task_key": KEY}


@settings(max_examples=60)
@given(st.text(max_size=3000), st.text(max_size=300))
def test_whatever_a_caller_is_called_can_be_made_a_task(text: str, title: str) -> None:
    task = a_task(text=as_text(text), title=as_title(title))
    assert len(task.text) <= TEXT_MAX


def test_what_is_plain_stays_as_it_is() -> None:
    assert as_title("Rückruf für Müller & Söhne") == "Rückruf für Müller & Söhne"
    assert as_title(" a\n b\0c ") == "a b c"
    assert as_title("\n") == "-"
    assert as_text("one\n\ttwo\x00") == "one\n\ttwo"
