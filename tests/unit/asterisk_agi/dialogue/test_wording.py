from __future__ import annotations

import ast
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import asterisk_agi.dialogue
from asterisk_agi.dialogue import phrases, spoken, wording
from asterisk_agi.dialogue.effects import LineKind, Say
from asterisk_agi.dialogue.events import (
    Intent,
    LongestCallReached,
    LookupOutcome,
    NothingHeard,
    QueryFailed,
)
from asterisk_agi.dialogue.state import DialogueSettings
from dialplan.reasons import Reason
from erp.model import (
    Delivery,
    DeliveryState,
    Money,
    OrderHistory,
    OrderState,
    OrderSummary,
    Receipt,
)
from tests.unit.asterisk_agi.dialogue.builders import (
    ANNA,
    FRIDAY,
    SETTINGS,
    TODAY,
    Call,
    available,
    delivery,
    order,
    source,
    tracking,
    units,
)


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        ("1", "Unit", "1 unit"),
        ("70", "Unit", "70 units"),
        ("2.50", "m", "2.5 meters"),
        ("100", "kg", "100 kilograms"),
        ("1", "u", "1 unit"),
        ("3", "Box", "3 boxes"),
        ("2", "Foot", "2 feet"),
        ("0", "piece", "0 pieces"),
        ("1200", "pcs", "1200 pieces"),
        ("2", "", "2 units"),
    ],
)
def test_quantities(amount: str, unit: str, text: str) -> None:
    assert spoken.quantity(units(amount, unit)) == text


def test_numbers_are_read_character_by_character() -> None:
    assert spoken.spelled("SO-1042") == "S O 1 0 4 2"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("0.42", "USD", "42 cents"),
        ("12.50", "USD", "12 dollars and 50 cents"),
        ("1.00", "USD", "1 dollar"),
        ("1.01", "USD", "1 dollar and 1 cent"),
        ("0.378", "USD", "37.8 cents"),
        ("12.505", "EUR", "12 euros and 50.5 cents"),
        ("1250", "EUR", "1250 euros"),
        ("0.01", "GBP", "1 penny"),
        ("3.02", "GBP", "3 pounds and 2 pence"),
        ("0", "USD", "0 dollars"),
        ("-12.40", "USD", "minus 12 dollars and 40 cents"),
        ("12.50", "CHF", "12.5 C H F"),
        ("1500", "jpy", "1500 J P Y"),
    ],
)
def test_money(amount: str, currency: str, text: str) -> None:
    assert spoken.money(Money(Decimal(amount), currency)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "less than a minute ago"),
        (59, "less than a minute ago"),
        (60, "1 minute ago"),
        (1200, "20 minutes ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (47 * 3600, "47 hours ago"),
        (48 * 3600, "2 days ago"),
        (30 * 86400, "30 days ago"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert spoken.age(seconds) == text


def test_ordinals() -> None:
    assert [spoken.ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "30th"]
    )


def test_days() -> None:
    assert spoken.by_day(TODAY, TODAY) == "now"
    assert spoken.by_day(FRIDAY, TODAY) == "by Friday, November 27th"
    assert spoken.day(date(2027, 11, 5), TODAY) == "Friday, November 5th, 2027"


def test_only_two_receipts_are_told() -> None:
    receipts = tuple(Receipt(date(2026, 12, n), units(n)) for n in (1, 2, 3))
    lines = wording.availability_lines(available(0, incoming=receipts), None, TODAY)
    assert [line.text for line in lines[1:]] == [
        "1 unit is due in on Tuesday, December 1st.",
        "2 units are due in on Wednesday, December 2nd.",
    ]


def test_receipts_are_not_told_when_there_is_enough() -> None:
    receipts = (Receipt(FRIDAY, units(5)),)
    assert len(wording.availability_lines(available(50, incoming=receipts), 50, TODAY)) == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (OrderState.DRAFT, "not confirmed yet"),
        (OrderState.QUOTATION, "not confirmed yet"),
        (OrderState.CONFIRMED, "is confirmed"),
        (OrderState.PROCESSING, "is being processed"),
        (OrderState.PARTLY_SHIPPED, "is partly shipped"),
        (OrderState.SHIPPED, "is shipped"),
        (OrderState.CANCELLED, "is cancelled"),
        (OrderState.UNREADABLE, "can't read its status"),
    ],
)
def test_every_state_of_an_order_has_words(state: OrderState, words: str) -> None:
    assert words in wording.order_lines(order(state), TODAY)[0].text


def test_deliveries() -> None:
    def delivery(state: OrderState, on: date | None) -> str:
        return " ".join(line.text for line in wording.order_lines(order(state, on), TODAY)[1:-1])

    late = date(2026, 11, 20)
    assert "left on Friday, November 20th" in delivery(OrderState.SHIPPED, late)
    assert "was planned for Friday" in delivery(OrderState.PROCESSING, late)
    assert "is planned for Friday, November 27th" in delivery(OrderState.CONFIRMED, FRIDAY)
    assert delivery(OrderState.CANCELLED, FRIDAY) == delivery(OrderState.CONFIRMED, None) == ""


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (delivery(), "left on Friday, November 20th, with Parcel Post"),
        (delivery(shipped_on=None, carrier=""), "of order 2 0 3 4 left."),
        (
            delivery(DeliveryState.DELIVERED),
            "left on Friday, November 20th, with Parcel Post, and is delivered",
        ),
        (delivery(DeliveryState.PLANNED, planned_on=FRIDAY), "is planned for Friday, November 27"),
        (
            delivery(DeliveryState.PLANNED, planned_on=date(2026, 11, 20)),
            "was planned for Friday, November 20th",
        ),
        (delivery(DeliveryState.PLANNED), "has not left yet"),
        (
            delivery(DeliveryState.PACKED, planned_on=FRIDAY),
            "is packed, and is planned for Friday, November 27th",
        ),
        (delivery(DeliveryState.PACKED), "is packed, and has not left yet"),
        (delivery(DeliveryState.CANCELLED), "is cancelled"),
        (delivery(DeliveryState.UNREADABLE), "I can't read its status"),
    ],
)
def test_every_state_of_a_delivery_has_words(given: Delivery, text: str) -> None:
    lines = wording.tracking_lines(tracking(given), TODAY)
    assert text in lines[0].text
    gone = given.state in (DeliveryState.SHIPPED, DeliveryState.DELIVERED)
    assert (len(lines) == 2) is gone, "only what has left has a reference that helps"


def test_several_deliveries_are_counted_and_three_are_told() -> None:
    planned = delivery(DeliveryState.PLANNED, planned_on=FRIDAY)
    lines = wording.tracking_lines(tracking(delivery(reference=""), *(planned,) * 3), TODAY)
    assert [line.text for line in lines] == [
        "4 deliveries belong to order 2 0 3 4.",
        "The 1st left on Friday, November 20th, with Parcel Post.",
        "The 2nd is planned for Friday, November 27th.",
        "The 3rd is planned for Friday, November 27th.",
    ]


def test_an_order_without_a_number_is_told_without_one() -> None:
    (line,) = wording.history_lines(
        OrderHistory((OrderSummary("1", "", FRIDAY, OrderState.DRAFT),), source()), TODAY
    )
    assert line.text.startswith("An order without a number yet, of Friday")


def test_an_order_of_one_line_names_it() -> None:
    lines = wording.order_lines(order(lines=1), TODAY)
    assert lines[-1].text == "It is for 50 units of M8 hex bolt."
    assert "line" not in wording.order_lines(order(lines=0), TODAY)[-1].text


def test_facts_are_made_in_one_module_only() -> None:
    folder = Path(asterisk_agi.dialogue.__file__).parent
    makers = {
        file.name
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "FACT"
    }
    assert makers == {"wording.py"}


def test_every_fixed_sentence_is_known_before_the_first_call() -> None:
    """Sentences with a name are made in the call; all others are made at the start."""
    settings = DialogueSettings(company="Acme", assistant="Robin")
    prepared = set(phrases.fixed_phrases(settings))
    calls = [
        Call(settings).answer(),
        Call(settings).answer(lookup=LookupOutcome.FAILED).hear(Intent.YES),
        Call(settings).answer().hear(Intent.ORDER_STATUS).hear(Intent.NO).hear(Intent.GOODBYE),
        Call(settings).answer(ANNA).hear(Intent.HELP).hear(Intent.YES).hear(Intent.THANKS),
        Call(settings).answer(*(ANNA,) * 9).hear(Intent.ORDER_STATUS),
        Call(settings).answer().hear(Intent.AVAILABILITY).feed(*(NothingHeard(),) * 3),
        Call(settings).answer().press("4#").feed(LongestCallReached()),
        Call(settings).answer(ANNA).hear(Intent.ORDER).press("2#").feed(NothingHeard()),
        Call(settings).answer(ANNA).hear(Intent.BALANCE),
        Call(settings).answer(ANNA).hear(Intent.ORDER).hear(Intent.ORDER_NUMBER).press("2#"),
    ]
    retried = Call(settings).answer().hear(Intent.AVAILABILITY, "4521")
    calls.append(retried.feed(QueryFailed(Reason.BACKEND_SLOW, keypad=True)))
    for reason in phrases.FAILURES:
        failed = Call(settings).answer().hear(Intent.AVAILABILITY, "4521")
        calls.append(failed.feed(QueryFailed(reason)))
    misheard = Call(settings).answer(lookup=LookupOutcome.FAILED)
    for _ in range(3):
        calls.append(misheard.hear(Intent.NOT_UNDERSTOOD))
    for call in calls:
        for effect in call.history:
            if isinstance(effect, Say):
                names = {line.text for line in effect.lines if "Anna Berg" in line.text}
                assert {line.text for line in effect.lines} - names <= prepared


def test_fixed_phrases_are_unique_ascii_and_end() -> None:
    texts = phrases.fixed_phrases(SETTINGS)
    assert len(texts) == len(set(texts))
    assert all(text.isascii() and text[-1] in ".?" for text in texts)


def test_every_backend_failure_has_a_sentence() -> None:
    assert {reason for reason in Reason if reason.name.startswith("BACKEND")} == set(
        phrases.FAILURES
    )


def test_greeting_is_no_fact() -> None:
    assert wording.greeting_line(ANNA).kind is LineKind.FIXED
