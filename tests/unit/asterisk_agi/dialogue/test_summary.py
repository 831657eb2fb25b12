from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.dialogue.events import Intent, LookupOutcome, QueryFailed
from asterisk_agi.dialogue.state import Caller, start
from asterisk_agi.dialogue.summary import SUMMARY_MAX, hung_up, summarise
from dialplan.reasons import Reason
from tests.unit.asterisk_agi.dialogue.builders import (
    ANNA,
    BOB,
    FRIDAY,
    SETTINGS,
    Call,
    answered,
    available,
    customer,
    delivery,
    history,
    order,
    price,
    tracking,
)


def test_says_who_why_and_what_was_told() -> None:
    call = Call().answer(ANNA).hear(Intent.AVAILABILITY, "4521", FRIDAY)
    call.feed(answered(available(70, on=FRIDAY))).hear(Intent.ORDER_STATUS)
    call.feed(answered(order())).hear(Intent.HUMAN)
    assert summarise(call.state, Reason.CALLER_ASKED) == (
        "Caller: Anna Berg of Northwind (account C1). Why: caller asked for a person. "
        "Told: item 4521 on 2026-11-27: 70 units available; "
        "order SO1042 of 2026-11-12: partly shipped."
    )


def test_says_what_is_open() -> None:
    call = Call().answer().hear(Intent.AVAILABILITY, "4521", FRIDAY, amount=50)
    call.feed(QueryFailed(Reason.BACKEND_DOWN)).hear(Intent.YES)
    text = summarise(call.state, Reason.BACKEND_DOWN)
    assert "Open: availability of item 4521 on 2026-11-27 (50 wanted)" in text
    assert "number is not in the system" in text


def test_an_order_question_without_an_account_is_open() -> None:
    call = Call().answer().hear(Intent.ORDER_STATUS).hear(Intent.YES)
    assert "Open: status of the last order" in summarise(call.state, Reason.NO_ACCOUNT)


def test_an_answered_question_is_not_open() -> None:
    call = Call().answer(ANNA).hear(Intent.ORDER_STATUS).feed(answered(order()))
    assert "Open" not in summarise(call.state, Reason.KEY_ZERO)


class TestHungUp:
    """What it means that the caller hangs up: see `hung_up`."""

    def test_after_an_answer_nothing_was_abandoned(self) -> None:
        call = Call().answer(ANNA)
        assert hung_up(call.state) is Reason.CALLER_HUNG_UP
        call.hear(Intent.ORDER_STATUS)
        assert hung_up(call.state) is Reason.CALLER_HUNG_UP, "the answer is not there yet"
        call.feed(answered(order()))
        assert hung_up(call.state) is Reason.ANSWERED

    @pytest.mark.parametrize(
        "then",
        [
            lambda call: call.hear(Intent.AVAILABILITY),
            lambda call: call.hear(Intent.NOT_UNDERSTOOD),
            lambda call: call.hear(Intent.BALANCE),
            lambda call: call.hear(Intent.HUMAN),
        ],
    )
    def test_with_a_question_open_the_call_was_abandoned(
        self, then: Callable[[Call], Call]
    ) -> None:
        call = Call().answer(ANNA).hear(Intent.ORDER_STATUS).feed(answered(order()))
        assert hung_up(then(call).state) is Reason.CALLER_HUNG_UP

    def test_during_the_goodbye_it_is_a_goodbye(self) -> None:
        assert hung_up(Call().answer(ANNA).hear(Intent.GOODBYE).state) is Reason.GOODBYE


def test_a_day_without_an_item_is_open() -> None:
    call = Call().answer().hear(Intent.AVAILABILITY, day=FRIDAY).press("0")
    text = summarise(call.state, Reason.KEY_ZERO)
    assert "Open: availability of an unknown item on 2026-11-27" in text


@pytest.mark.parametrize(
    ("meant", "text"),
    [
        ({"intent": Intent.PRICE, "item_number": "4521"}, "price of item 4521"),
        (
            {"intent": Intent.PRICE, "item_number": "4521", "amount": 50},
            "price of item 4521 (50 wanted)",
        ),
        ({"intent": Intent.ORDER, "order": "2034"}, "status of order 2034"),
        ({"intent": Intent.ORDER}, "status of an order"),
        ({"intent": Intent.ORDER_TRACKING, "order": "2034"}, "tracking of order 2034"),
        ({"intent": Intent.TRACKING}, "tracking of the last order"),
        ({"intent": Intent.ORDER_HISTORY}, "recent orders"),
        ({"intent": Intent.BALANCE}, "account balance"),
    ],
)
def test_every_question_that_was_not_answered_is_open(meant: dict[str, Any], text: str) -> None:
    call = Call().answer(ANNA).hear(**meant)
    assert f"Open: {text}." in summarise(call.state, Reason.KEY_ZERO)


def test_says_what_was_told_of_prices_and_orders() -> None:
    call = Call().answer(ANNA)
    call.hear(Intent.PRICE, "4521", amount=50).feed(answered(price("0.378", quantity="50")))
    call.hear(Intent.ORDER_TRACKING, order="2034").feed(answered(tracking(delivery())))
    call.hear(Intent.ORDER_HISTORY).feed(answered(history(1)))
    text = summarise(call.state, Reason.KEY_ZERO)
    assert "price of item 4521 at 50 pieces: 0.378 USD" in text
    assert "deliveries of order 2034: shipped PP40137" in text
    assert "recent orders: 2040 of 2026-11-20: shipped" in text
    assert "Open" not in text


def test_says_what_was_not_understood() -> None:
    call = Call().answer()
    for _ in range(3):
        call.hear(Intent.NOT_UNDERSTOOD, text="i want to return a pump")
    text = summarise(call.state, Reason.NOT_UNDERSTOOD)
    assert "Heard last: i want to return a pump" in text


def test_says_who_it_may_be() -> None:
    text = summarise(Call().answer(ANNA, BOB).state, Reason.KEY_ZERO)
    assert "one of 2 contacts with this number: Northwind; Southwind" in text
    assert "not looked up" in summarise(start(SETTINGS), Reason.KEY_ZERO)


def test_letters_become_ascii() -> None:
    state = Call().answer(customer("Jürgen Łukasz", "Søren & Çelik")).state
    assert "Jurgen Lukasz of Soren & Celik" in summarise(state, Reason.KEY_ZERO)


def test_every_reason_has_words_of_its_own_or_its_name() -> None:
    for reason in Reason:
        assert summarise(start(SETTINGS), reason).startswith("Caller: not looked up. Why: ")


@pytest.mark.parametrize("length", [10, 60, 5000])
def test_never_longer_than_the_contract_allows(length: int) -> None:
    long = customer("x" * length, "y" * length, "z" * length)
    told = tuple(f"item {n} " + "w" * length for n in range(8))
    state = replace(Call().answer(long).state, told=told)
    text = summarise(state, Reason.KEY_ZERO)
    assert len(text) <= SUMMARY_MAX
    assert "Why: caller pressed 0" in text


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(max_size=700))
def test_plain_characters_only(name: str, note: str) -> None:
    caller = Caller(LookupOutcome.DONE, (ANNA,), customer(name, name, name))
    state = replace(start(SETTINGS), caller=caller, told=(note,), heard=name)
    text = summarise(state, Reason.KEY_ZERO)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= SUMMARY_MAX
    assert not set(text) & set('"\\${}|,<>`^[]\r\n')
