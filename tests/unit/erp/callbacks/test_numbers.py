"""Which numbers may be called back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.callbacks.numbers import SPELLING_MAX_CHARS, NumberRefused, callable_number, zones_of
from erp.callbacks.settings import CHANNEL_MAX_CHARS, CallbackSettings

US = frozenset({"US"})


@pytest.mark.parametrize(
    "spelling", ["+12125550101", "212-555-0101", "(212) 555 0101", "tel:+1-212-555-0101"]
)
def test_spellings_of_one_number(spelling: str) -> None:
    assert callable_number(spelling, "US", US) == "+12125550101"


@pytest.mark.parametrize(
    ("spelling", "why"),
    [
        ("+19005551234", "kind"),  # premium
        ("+18005551234", "kind"),  # toll-free
        ("+18765551234", "country"),  # Jamaica: the calling code of the US
        ("+4930123456", "country"),
        ("+88213123456", "complete"),
        ("+870773111632", "country"),  # a satellite telephone
        ("911", "complete"),
        ("+1212555010", "complete"),
        ("+12125550101;ext=5", "extension"),
        ("", "no telephone number"),
        ("anonymous", "no telephone number"),
        ("+1" + "2" * SPELLING_MAX_CHARS, "too long"),
    ],
)
def test_what_is_refused_and_why(spelling: str, why: str) -> None:
    with pytest.raises(NumberRefused, match=why):
        callable_number(spelling, "US", US)


@given(st.one_of(st.text(max_size=80), st.from_regex(r"\+?[0-9 ,;@&/$(){}\r\n-]{5,40}")))
@settings(max_examples=200, deadline=None)
def test_what_comes_out_is_a_plus_and_digits(spelling: str) -> None:
    try:
        number = callable_number(spelling, "US", US)
    except NumberRefused:
        return
    assert re.fullmatch(r"\+1[0-9]{10}", number, re.ASCII)


def test_zones() -> None:
    assert [zone.key for zone in zones_of("+12125550101")] == ["America/New_York"]
    assert len(zones_of("+18005551234")) > 1
    assert zones_of("+870773111632") == ()
    assert zones_of("no number") == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("human", "Local/a@b,30)"),
        ("human", "PJSIP/anna&PJSIP/ben,x"),
        ("human", "${EVIL}"),
        ("human", "PJSIP/" + "a" * CHANNEL_MAX_CHARS),
        ("customer", "PJSIP/trunk"),
        ("customer", "PJSIP/{number}@{number}"),
        ("customer", "PJSIP/{number}@trunk,20,g"),
        ("caller_id", "Anna <1>"),
        ("default_region", "usa"),
        ("allowed_regions", ("US", "XX")),
        ("attempts", 0),
        ("look_s", 0.0),
    ],
)
def test_settings_that_can_not_work(key: str, value: object) -> None:
    with pytest.raises(ValueError, match="write"):
        CallbackSettings(**{key: value})  # type: ignore[arg-type]
