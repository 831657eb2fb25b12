"""Personal data in logs."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan.masking import (
    Account,
    Channel,
    Personal,
    PersonName,
    Phone,
    Pin,
    Speech,
    masked_number,
)

KINDS: list[type[Personal]] = [Account, PersonName, Phone, Pin, Speech]
WAYS: list[Callable[[Personal], str]] = [
    str,
    repr,
    lambda value: f"{value}",
    lambda value: f"{value!r:>40}",
    lambda value: f"{value:>40}",
    lambda value: str([value, {"key": value}]),
    lambda value: logging.LogRecord("x", 10, "", 0, "%s %r", (value, value), None).getMessage(),
]


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+1 555 010 0123", "*********23"), ("12", "**"), ("", "(none)"), ("anonymous", "(none)")],
)
def test_a_telephone_number_shows_its_last_two_digits(number: str, shown: str) -> None:
    assert masked_number(number) == shown
    assert str(Phone(number)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Account("C00101"), "****01"),
        (Account("C1"), "**"),
        (Account("AB\n\n"), "****"),
        (Account(""), "(none)"),
        (PersonName("Dana Whitfield"), "<name>"),
        (PersonName(""), "(none)"),
        (Speech("where is my order"), "<4 words>"),
        (Speech("yes"), "<1 word>"),
        (Pin("4711"), "<pin>"),
        (Pin(""), "<pin>"),
        (Channel("PJSIP/600-0000001a"), "PJSIP/600-0000001a"),
        (Channel("PJSIP/line-0301234567-00000012"), "PJSIP/line-********67-00000012"),
        (Channel("Local/+4915112345678@out-00000012;2"), "Local/+***********78@out-00000012;2"),
        (Channel("SIP/0301234567"), "SIP/********67"),
    ],
)
def test_each_type_has_its_own_mask(value: Personal, shown: str) -> None:
    assert str(value) == shown


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("show", WAYS)
def test_however_it_is_formatted_only_the_mask_is_seen(
    kind: type[Personal], show: Callable[[Personal], str]
) -> None:
    value = kind("+49-SECRET-170-998877")
    shown = show(value)
    assert "SECRET" not in shown
    assert "9988" not in shown
    assert value.plain == "+49-SECRET-170-998877"


@given(st.sampled_from(KINDS), st.text(min_size=3))
def test_no_value_is_shown_whole_or_breaks_the_line(kind: type[Personal], plain: str) -> None:
    shown = str(kind(plain))
    assert shown.isprintable()
    # What the masks themselves say may be said by chance.
    ours = plain in f"<{kind.kind}> (none) <1 word> <2 words>"
    assert plain not in shown or not any(c.isalnum() for c in plain) or ours


def test_it_is_no_text_that_could_be_joined_by_mistake() -> None:
    with pytest.raises(TypeError):
        "".join([Phone("1")])  # type: ignore[list-item]
