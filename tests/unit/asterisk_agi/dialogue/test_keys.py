from __future__ import annotations

import pytest

from asterisk_agi.dialogue import machine
from asterisk_agi.dialogue.effects import (
    AskAvailability,
    AskOrder,
    AskPrice,
    AskTracking,
    HandOff,
    Say,
)
from asterisk_agi.dialogue.events import Intent, KeysEnded
from asterisk_agi.dialogue.state import DialogueSettings, StateName
from dialplan.reasons import Reason
from tests.unit.asterisk_agi.dialogue.builders import ANNA, AT_DESK, Call, in_state

NO_ZERO = (
    StateName.KEYPAD,
    StateName.KEYING_NUMBER,
    StateName.ASKING_DESK,
    StateName.BOOKING_CALLBACK,
)
"""Inside a number a 0 is a digit; in the last two the caller is on the way."""


class TestKeys:
    @pytest.mark.parametrize("name", [name for name in StateName if name not in NO_ZERO])
    def test_zero_reaches_a_human_in_every_state(self, name: StateName) -> None:
        call = in_state(name).press("0")
        # Whom the desk was asked for has a reason already.
        at_desk = name in AT_DESK
        assert call.only(HandOff).reason is (Reason.CALLER_ASKED if at_desk else Reason.KEY_ZERO)
        assert call.has(Say)
        assert call.name is StateName.ENDING

    def test_zero_reaches_a_human_when_the_keypad_was_offered(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.NOT_UNDERSTOOD).hear(Intent.NOT_UNDERSTOOD)
        assert call.press("0").only(HandOff).reason is Reason.KEY_ZERO

    def test_zero_inside_a_number_is_a_digit(self) -> None:
        call = in_state(StateName.LISTENING).press("4501")
        assert call.only(AskAvailability).item_number == "4501"

    def test_zero_after_a_key_pressed_by_mistake_reaches_a_human(self) -> None:
        call = in_state(StateName.LISTENING).press("40").feed(KeysEnded())
        assert call.only(HandOff).reason is Reason.KEY_ZERO

    def test_zero_does_not_hand_over_twice(self) -> None:
        assert in_state(StateName.LISTENING).press("00").effects == ()

    def test_a_full_number_needs_no_hash(self) -> None:
        call = in_state(StateName.ASKING_ITEM).press("4521")
        assert call.only(AskAvailability).item_number == "4521"
        assert call.press("#").effects == ()

    def test_a_shorter_number_ends_with_hash_or_time(self) -> None:
        settings = DialogueSettings(item_digits_min=2, item_digits_max=6)
        for end in ("#", ""):
            call = Call(settings).answer().press(f"452{end}")
            if not end:
                assert machine.listening(call.state).keys_s == settings.keys_s
                call.feed(KeysEnded())
            assert call.only(AskAvailability).item_number == "452"

    def test_a_number_that_is_too_short_is_asked_for_again(self) -> None:
        call = in_state(StateName.LISTENING).press("45#")
        assert "no complete item number" in call.said
        assert (call.name, call.state.keys) == (StateName.KEYPAD, "")

    def test_star_clears_the_number(self) -> None:
        call = in_state(StateName.LISTENING).press("99*4521")
        assert call.only(AskAvailability).item_number == "4521"

    def test_an_order_number_is_keyed_where_one_is_asked_for(self) -> None:
        call = in_state(StateName.ASKING_ORDER).press("203")
        assert call.name is StateName.ASKING_ORDER
        assert machine.listening(call.state).keys_s is not None
        assert call.press("4").only(AskOrder).number == "2034"

    def test_an_order_number_ends_with_hash_or_time(self) -> None:
        settings = DialogueSettings(order_digits_min=2, order_digits_max=6)
        for end in ("#", ""):
            call = Call(settings).answer(ANNA).hear(Intent.ORDER_TRACKING).press(f"203{end}")
            if not end:
                call.feed(KeysEnded())
            assert call.only(AskTracking).number == "203"

    def test_an_order_number_that_is_too_short_is_asked_for_again(self) -> None:
        call = in_state(StateName.ASKING_ORDER).press("20").feed(KeysEnded())
        assert call.has(HandOff), "a 0 at its end means the human"
        call = in_state(StateName.ASKING_ORDER).press("23#")
        assert call.said.startswith("That was no complete order number.")
        assert (call.name, call.state.keys) == (StateName.ASKING_ORDER, "")

    def test_a_number_that_is_keyed_for_a_price_asks_for_the_price(self) -> None:
        call = Call().answer(ANNA).hear(Intent.PRICE).press("4521")
        assert call.only(AskPrice).item_number == "4521"

    def test_yes_and_no_by_key(self) -> None:
        assert in_state(StateName.OFFERING_HUMAN).press("1").has(HandOff)
        assert in_state(StateName.OFFERING_HUMAN).press("2").name is StateName.LISTENING

    def test_unknown_keys_do_nothing(self) -> None:
        for name in StateName:
            assert not in_state(name).press("A").has(HandOff)
