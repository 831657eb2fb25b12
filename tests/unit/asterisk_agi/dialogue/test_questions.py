"""Prices, orders by number, tracking, histories and balances: from the question to the answer."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from asterisk_agi.dialogue import questions
from asterisk_agi.dialogue.effects import (
    AskAvailability,
    AskLastOrder,
    AskOrder,
    AskOrderHistory,
    AskPrice,
    AskTracking,
    DropQuery,
    HandOff,
)
from asterisk_agi.dialogue.events import CustomersFound, Intent, LookupOutcome, QueryFailed
from asterisk_agi.dialogue.questions import NEEDS, NUMBER_MATCHED, Question, Subject, query_of
from asterisk_agi.dialogue.state import StateName
from dialplan.reasons import Reason
from erp.model import DeliveryState, OrderState
from erp.operations import OPERATIONS, Operation, Sensitivity
from tests.unit.asterisk_agi.dialogue.builders import (
    ANNA,
    BOB,
    FRIDAY,
    Call,
    answered,
    available,
    delivery,
    history,
    in_state,
    not_found,
    order,
    price,
    source,
    tracking,
)

OF_AN_ACCOUNT = [
    Intent.PRICE,
    Intent.ORDER_STATUS,
    Intent.ORDER,
    Intent.TRACKING,
    Intent.ORDER_TRACKING,
    Intent.ORDER_HISTORY,
]


def known() -> Call:
    return Call().answer(ANNA)


def assert_it_cannot_be_read(call: Call) -> None:
    """Nothing of it is told, and the caller does not wait for an answer that never comes."""
    assert call.facts == []
    assert call.said.startswith("I'm sorry, I can't read the answer of our order system.")
    assert (call.name, call.state.query) == (StateName.OFFERING_HUMAN, None)


class TestNeeds:
    def test_every_subject_that_a_number_is_enough_for_can_be_asked(self) -> None:
        for subject in Subject:
            question = Question(subject, item_number="4521", order_number="2034")
            enough = NEEDS[subject].assurance <= NUMBER_MATCHED
            assert (query_of(question, ANNA) is not None) is enough, subject

    def test_nothing_of_an_account_is_asked_without_one(self) -> None:
        for subject in Subject:
            question = Question(subject, item_number="4521", order_number="2034")
            asked = query_of(question, None) is not None
            assert asked is (NEEDS[subject].assurance == questions.NOBODY), subject

    def test_what_is_missing_is_not_asked_for(self) -> None:
        for subject in (Subject.AVAILABILITY, Subject.PRICE, Subject.ORDER, Subject.TRACKING):
            assert query_of(Question(subject), ANNA) is None

    def test_the_rule_is_the_declaration_of_the_operation(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        strict = Operation("order_history", Sensitivity.ACCOUNT, assurance=2)
        monkeypatch.setitem(OPERATIONS, "order_history", strict)
        call = known().hear(Intent.ORDER_HISTORY)
        assert not call.has(AskOrderHistory)
        assert call.said.startswith("For that, a colleague must first check who is calling.")


class TestAssurance:
    @pytest.mark.parametrize("customers", [(), (ANNA,), (ANNA, BOB)])
    def test_a_balance_is_a_colleagues_whoever_calls(self, customers: tuple[object, ...]) -> None:
        call = Call().answer(*customers).hear(Intent.BALANCE)  # type: ignore[arg-type]
        assert call.said == (
            "For an account's balance, a colleague must first check who is calling. "
            "Shall I put you through to a colleague?"
        )
        assert call.facts == []
        assert call.hear(Intent.YES).only(HandOff).reason is Reason.NOT_VERIFIED

    @pytest.mark.parametrize("intent", OF_AN_ACCOUNT)
    def test_a_number_of_nobody_gets_a_human(self, intent: Intent) -> None:
        call = Call().answer().hear(intent, "4521", order="2034")
        assert "can't find an account" in call.said
        assert call.hear(Intent.YES).only(HandOff).reason is Reason.NO_ACCOUNT

    @pytest.mark.parametrize("intent", OF_AN_ACCOUNT)
    def test_several_contacts_are_asked_before_anything_is_told(self, intent: Intent) -> None:
        call = Call().answer(ANNA, BOB).hear(intent, "4521", order="2034")
        assert call.name is StateName.CHOOSING_CONTACT
        call.press("2")
        assert call.state.query is not None
        assert call.state.query.customer == BOB  # type: ignore[union-attr]

    def test_a_late_look_up_is_waited_for(self) -> None:
        call = Call().answer(lookup=LookupOutcome.LATE).hear(Intent.PRICE, "4521", amount=50)
        assert call.name is StateName.CHECKING
        query = call.feed(CustomersFound((ANNA,))).only(AskPrice)
        assert query == AskPrice(ANNA, "4521", Decimal(50))

    def test_a_number_that_is_asked_for_does_not_wait_for_the_look_up(self) -> None:
        call = Call().answer(lookup=LookupOutcome.LATE).hear(Intent.ORDER)
        assert call.name is StateName.ASKING_ORDER
        assert call.hear(Intent.ORDER_NUMBER, order="2034").name is StateName.CHECKING
        assert call.feed(CustomersFound((ANNA,))).only(AskOrder).number == "2034"

    def test_who_is_unknown_can_still_ask_for_stock(self) -> None:
        call = Call().answer().hear(Intent.PRICE, "4521").hear(Intent.NO)
        assert call.hear(Intent.ITEM_NUMBER, "4522").only(AskAvailability).item_number == "4522"


class TestPrice:
    def test_is_for_one_unless_said_otherwise(self) -> None:
        call = known().hear(Intent.PRICE, "4521")
        assert call.effects == (AskPrice(ANNA, "4521", Decimal(1)),)
        call.feed(answered(price("0.42")))
        assert call.facts == [
            "42 cents per piece is the price of item 4 5 2 1, M8 hex bolt, without tax."
        ]
        assert call.name is StateName.LISTENING

    def test_says_the_quantity_that_it_is_for(self) -> None:
        call = known().hear(Intent.PRICE, "4521", amount=50)
        call.feed(answered(price("0.378", quantity="50")))
        assert call.facts[0].startswith("37.8 cents per piece is the price of item 4 5 2 1")
        assert call.facts[0].endswith("for 50 pieces, without tax.")

    def test_asks_for_a_missing_number(self) -> None:
        call = known().hear(Intent.PRICE)
        assert call.said == "Which item number, please?"
        assert call.hear(Intent.ITEM_NUMBER, "4521").has(AskPrice)

    def test_and_another_number_means_its_price(self) -> None:
        call = known().hear(Intent.PRICE, "4521").feed(answered(price()))
        assert call.hear(Intent.ITEM_NUMBER, "4522").only(AskPrice).item_number == "4522"

    def test_and_by_friday_means_whether_it_is_there(self) -> None:
        call = known().hear(Intent.PRICE, "4521").feed(answered(price()))
        query = call.hear(Intent.DAY, day=FRIDAY).only(AskAvailability)
        assert query == AskAvailability("4521", FRIDAY)

    def test_an_unknown_item_is_asked_for_again(self) -> None:
        call = known().hear(Intent.PRICE, "9999").feed(answered(not_found()))
        assert call.facts == ["There is no item 9 9 9 9 in our catalogue."]
        assert call.hear(Intent.ITEM_NUMBER, "4521").has(AskPrice)

    def test_an_item_without_a_price_is_said_to_have_none(self) -> None:
        call = known().hear(Intent.PRICE, "4521")
        call.feed(answered(not_found("a price", operation="price")))
        assert call.facts == ["There is no price of item 4 5 2 1 for Northwind in our system."]
        assert call.name is StateName.LISTENING

    def test_of_another_item_is_not_told(self) -> None:
        call = known().hear(Intent.PRICE, "4521").feed(answered(price(number="4522")))
        assert_it_cannot_be_read(call)
        assert_it_cannot_be_read(known().hear(Intent.PRICE, "4521").feed(answered(available())))

    def test_of_another_quantity_is_not_told(self) -> None:
        call = known().hear(Intent.PRICE, "4521", amount=50)
        assert_it_cannot_be_read(call.feed(answered(price(quantity="1"))))

    def test_blanks_around_a_number_are_no_other_item(self) -> None:
        call = known().hear(Intent.PRICE, "4521").feed(answered(price(number="4521 ")))
        assert call.name is StateName.LISTENING

    def test_another_amount_is_another_question(self) -> None:
        call = known().hear(Intent.PRICE, "4521", amount=50)
        assert call.hear(Intent.PRICE, "4521").effects == ()
        call.hear(Intent.PRICE, "4521", amount=90)
        assert call.effects == (DropQuery(), AskPrice(ANNA, "4521", Decimal(90)))


class TestOrderByNumber:
    @pytest.mark.parametrize("intent", [Intent.ORDER, Intent.ORDER_NUMBER])
    def test_is_asked_for_and_told(self, intent: Intent) -> None:
        call = known().hear(intent, order="2034")
        assert call.effects == (AskOrder(ANNA, "2034"),)
        call.feed(answered(order(number="2034")))
        assert call.facts[0] == (
            "Order 2 0 3 4 of Thursday, November 12th, is partly shipped."
        )

    def test_a_missing_number_is_asked_for(self) -> None:
        call = known().hear(Intent.ORDER)
        assert (call.name, call.said) == (StateName.ASKING_ORDER, "Which order number, please?")
        assert call.hear(Intent.ORDER_NUMBER, order="2034").only(AskOrder).number == "2034"

    def test_a_number_that_was_not_got_counts(self) -> None:
        call = known().hear(Intent.ORDER).hear(Intent.ORDER_NUMBER)
        assert call.said == "Sorry, I didn't get that. Which order number, please?"
        call.hear(Intent.ORDER)
        assert "press the order number" in call.said
        assert call.name is StateName.ASKING_ORDER

    def test_an_item_can_be_asked_for_instead(self) -> None:
        call = known().hear(Intent.ORDER).hear(Intent.ITEM_NUMBER, "4521")
        assert call.only(AskAvailability).item_number == "4521"

    def test_an_unknown_order_is_said_and_asked_for_again(self) -> None:
        call = known().hear(Intent.ORDER, order="2099")
        call.feed(answered(not_found("order 2099", operation="order_status")))
        assert call.facts == ["There is no order 2 0 9 9 of Northwind in our system."]
        assert call.hear(Intent.ORDER_NUMBER, order="2034").only(AskOrder).number == "2034"

    def test_another_order_is_not_told(self) -> None:
        call = known().hear(Intent.ORDER, order="2034")
        assert_it_cannot_be_read(call.feed(answered(order(number="2035"))))

    def test_an_unreadable_state_is_said_and_a_human_offered(self) -> None:
        call = known().hear(Intent.ORDER, order="2034")
        call.feed(answered(order(OrderState.UNREADABLE, number="2034")))
        assert "can't read its status" in call.facts[0]
        assert call.name is StateName.OFFERING_HUMAN


class TestTracking:
    def test_is_of_the_last_order_when_none_is_named(self) -> None:
        call = known().hear(Intent.TRACKING)
        assert call.effects == (AskTracking(ANNA, None),)
        call.feed(answered(tracking(delivery())))
        assert call.facts == [
            "The delivery of order 2 0 3 4 left on Friday, November 20th, with Parcel Post.",
            "Its tracking reference is P P 4 0 1 3 7.",
        ]

    def test_is_of_the_order_that_is_named(self) -> None:
        call = known().hear(Intent.ORDER_TRACKING, order="2034")
        assert call.effects == (AskTracking(ANNA, "2034"),)
        call.feed(answered(tracking()))
        assert call.facts == ["No delivery of order 2 0 3 4 is planned yet."]

    def test_of_another_order_is_not_told(self) -> None:
        call = known().hear(Intent.ORDER_TRACKING, order="2034")
        assert_it_cannot_be_read(call.feed(answered(tracking(number="2035"))))

    def test_a_number_that_follows_is_the_order_to_track(self) -> None:
        call = known().hear(Intent.TRACKING).hear(Intent.ORDER_NUMBER, order="2034")
        assert call.effects == (DropQuery(), AskTracking(ANNA, "2034"))

    def test_an_order_without_a_number_is_told_instead(self) -> None:
        call = known().hear(Intent.TRACKING)
        call.feed(answered(order(OrderState.DRAFT, number="")))
        assert call.facts[0] == (
            "Your last order, of Thursday, November 12th, is a draft, and not confirmed yet."
        )

    def test_an_account_without_orders(self) -> None:
        call = known().hear(Intent.TRACKING)
        call.feed(answered(not_found("an order of this account", operation="last_order")))
        assert call.facts == ["There is no order of Northwind in our system."]

    def test_a_last_order_that_tracking_does_not_have(self) -> None:
        call = known().hear(Intent.TRACKING)
        call.feed(answered(not_found("order 2034", operation="tracking")))
        assert call.facts == ["There is no delivery of your last order in our system."]

    def test_states_that_cannot_be_read_are_said_and_a_human_offered(self) -> None:
        call = known().hear(Intent.TRACKING)
        call.feed(answered(tracking(delivery(DeliveryState.UNREADABLE))))
        assert "can't read its status" in call.facts[0]
        assert call.state.reason is Reason.BACKEND_BAD_ANSWER


class TestHistory:
    def test_three_are_told_and_that_there_are_more(self) -> None:
        call = known().hear(Intent.ORDER_HISTORY)
        assert call.effects == (AskOrderHistory(ANNA, 4),)
        call.feed(answered(history(4)))
        assert call.facts == [
            "Order 2 0 4 0 of Friday, November 20th, is shipped.",
            "Order 2 0 3 9 of Thursday, November 19th, is shipped.",
            "Order 2 0 3 8 of Wednesday, November 18th, is shipped.",
            "There are older orders as well.",
        ]

    def test_three_are_all(self) -> None:
        call = known().hear(Intent.ORDER_HISTORY).feed(answered(history(3)))
        assert len(call.facts) == 3

    def test_none(self) -> None:
        call = known().hear(Intent.ORDER_HISTORY).feed(answered(history(0)))
        assert call.facts == ["There is no order of Northwind in our system."]

    def test_a_state_that_cannot_be_read_is_said(self) -> None:
        call = known().hear(Intent.ORDER_HISTORY)
        call.feed(answered(history(1, OrderState.UNREADABLE)))
        assert "I can't read its status" in call.facts[0]


class TestAge:
    def test_an_old_answer_is_told_with_its_age(self) -> None:
        call = known().hear(Intent.PRICE, "4521").feed(answered(price(fallback=True)))
        assert call.facts[1] == "That is as of 20 minutes ago."

    def test_an_old_item_is_told_with_its_age(self) -> None:
        call = known().hear(Intent.AVAILABILITY, "4521").feed(answered(available(old_item=True)))
        assert call.facts[1] == "The item's name is as of 20 minutes ago."

    def test_an_old_customer_is_told_with_its_age(self) -> None:
        old = replace(ANNA, source=source("customers_by_phone", fallback=True))
        call = Call().answer(old).hear(Intent.ORDER_STATUS).feed(answered(order()))
        assert call.facts[1] == "Your account's name is as of 20 minutes ago."

    def test_a_new_answer_has_none(self) -> None:
        call = known().hear(Intent.AVAILABILITY, "4521").feed(answered(available()))
        assert "ago" not in call.said


class TestRetry:
    def test_is_offered_by_key_and_asks_the_same_again(self) -> None:
        call = known().hear(Intent.PRICE, "4521", amount=50)
        query = call.only(AskPrice)
        call.feed(QueryFailed(Reason.BACKEND_DOWN, keypad=True))
        assert call.said == (
            "I'm sorry, I can't reach our order system at the moment. "
            "Press one to try again, or zero for a colleague."
        )
        assert call.press("1").effects == (query,)
        assert call.feed(answered(price(quantity="50"))).facts

    def test_is_offered_once(self) -> None:
        call = in_state(StateName.OFFERING_RETRY).press("1")
        call.feed(QueryFailed(Reason.BACKEND_DOWN, keypad=True))
        assert call.name is StateName.OFFERING_HUMAN
        assert call.hear(Intent.YES).only(HandOff).reason is Reason.BACKEND_DOWN

    def test_a_new_question_may_be_tried_again_too(self) -> None:
        call = in_state(StateName.OFFERING_RETRY).press("1").hear(Intent.ORDER_STATUS)
        call.feed(QueryFailed(Reason.BACKEND_DOWN, keypad=True))
        assert call.name is StateName.OFFERING_RETRY
        assert call.press("1").has(AskLastOrder)

    @pytest.mark.parametrize("intent", [Intent.RETRY, Intent.YES])
    def test_by_voice(self, intent: Intent) -> None:
        assert in_state(StateName.OFFERING_RETRY).hear(intent).has(AskAvailability)

    def test_a_no_goes_on_with_other_questions(self) -> None:
        call = in_state(StateName.OFFERING_RETRY).hear(Intent.NO)
        assert (call.name, call.said) == (StateName.LISTENING, "What else can I do for you?")

    def test_zero_and_words_reach_the_human(self) -> None:
        assert in_state(StateName.OFFERING_RETRY).press("0").has(HandOff)
        assert in_state(StateName.OFFERING_RETRY).hear(Intent.HUMAN).has(HandOff)

    def test_star_says_it_again_and_other_keys_nothing(self) -> None:
        call = in_state(StateName.OFFERING_RETRY)
        said = call.lines
        assert call.press("*").lines == said
        assert call.press("2").effects == ()

    def test_is_not_offered_where_the_system_is_not_asked_to_be_tried_again(self) -> None:
        call = in_state(StateName.CHECKING).feed(QueryFailed(Reason.BACKEND_DOWN))
        assert call.name is StateName.OFFERING_HUMAN
