from __future__ import annotations

import typing

import pytest

from asterisk_agi.dialogue import machine
from asterisk_agi.dialogue.effects import (
    AskAvailability,
    AskLastOrder,
    DropQuery,
    EndpointProfile,
    Finish,
    HandOff,
    Line,
    LineKind,
    Say,
)
from asterisk_agi.dialogue.events import (
    CallAnswered,
    CallbackBooked,
    CallbackPlanned,
    CallbackRefused,
    CustomersFound,
    DeskTold,
    Event,
    FillerDue,
    Intent,
    KeyPressed,
    KeysEnded,
    LongestCallReached,
    LookupFailed,
    LookupOutcome,
    NothingHeard,
    NumberRefused,
    QueryAnswered,
    QueryFailed,
    TransferFailed,
    TurnHeard,
)
from asterisk_agi.dialogue.machine import TABLE, IllegalStep
from asterisk_agi.dialogue.state import DialogueSettings, StateName
from dialplan.reasons import Reason
from erp.model import OrderState, Receipt
from tests.unit.asterisk_agi.dialogue.builders import (
    ANNA,
    BOB,
    FRIDAY,
    SETTINGS,
    TODAY,
    Call,
    answered,
    available,
    customer,
    in_state,
    not_found,
    order,
    units,
)

NOT_BEFORE_THE_ANSWER = {TurnHeard, NothingHeard, KeysEnded, QueryAnswered, QueryFailed, FillerDue}


ONLY_IN: dict[object, set[StateName]] = {
    CallAnswered: {StateName.GREETING, StateName.ASKING_DESK, StateName.ENDING},
    DeskTold: {StateName.ASKING_DESK},
    CallbackPlanned: {StateName.CONFIRMING_CALLBACK},
    NumberRefused: {StateName.CONFIRMING_CALLBACK},
    CallbackBooked: {StateName.BOOKING_CALLBACK},
    CallbackRefused: {StateName.BOOKING_CALLBACK},
    TransferFailed: {StateName.ENDING},
}
"""What answers to something that is waited for, and only there."""


class TestTable:
    def test_every_pair_that_can_come_has_an_entry_and_no_other_has(self) -> None:
        for name in StateName:
            for event in typing.get_args(Event):
                illegal = (
                    name not in ONLY_IN[event]
                    if event in ONLY_IN
                    else name is StateName.GREETING and event in NOT_BEFORE_THE_ANSWER
                )
                assert ((name, event) in TABLE) is not illegal, (name, event)

    def test_refuses_an_event_that_cannot_come(self) -> None:
        with pytest.raises(IllegalStep, match="FillerDue cannot come in state greeting"):
            machine.step(machine.start(SETTINGS), FillerDue(), TODAY)

    def test_refuses_a_target_that_the_table_does_not_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pair: tuple[StateName, type[object]] = (StateName.CHECKING, FillerDue)
        changed = {**TABLE, pair: machine.Rule(TABLE[pair].handler, frozenset())}
        monkeypatch.setattr(machine, "TABLE", changed)
        with pytest.raises(IllegalStep, match="must not lead to checking"):
            in_state(StateName.CHECKING).feed(FillerDue())

    def test_only_a_zero_and_a_transfer_in_vain_leave_the_ending(self) -> None:
        for (name, event), rule in TABLE.items():
            if name is StateName.ENDING and event not in (KeyPressed, TransferFailed):
                assert rule.targets == {StateName.ENDING}


class TestGreeting:
    def test_says_company_and_that_it_is_automated(self) -> None:
        call = Call().answer()
        assert "automated assistant of Acme Supplies" in call.said
        assert call.said.endswith("How can I help you?")
        assert call.name is StateName.LISTENING

    def test_greets_the_only_match_by_name(self) -> None:
        assert Call().answer(ANNA).said.startswith("Hello, Anna Berg. This is the automated")

    def test_greets_the_company_when_the_number_has_no_person(self) -> None:
        assert Call().answer(customer(contact="")).said.startswith("Hello, Northwind.")

    def test_uses_no_name_when_several_have_the_number(self) -> None:
        call = Call().answer(ANNA, BOB)
        assert "Anna" not in call.said
        assert "Bob" not in call.said

    def test_says_the_assistants_own_name(self) -> None:
        call = Call(DialogueSettings(company="Acme", assistant="Robin")).answer()
        assert "this is Robin, the automated assistant of Acme." in call.said

    def test_takes_a_late_lookup_silently(self) -> None:
        call = Call().answer(lookup=LookupOutcome.LATE).feed(CustomersFound((ANNA,)))
        assert call.effects == ()
        assert call.hear(Intent.ORDER_STATUS).only(AskLastOrder).customer == ANNA

    def test_keeps_a_lookup_that_came_before_the_answer(self) -> None:
        call = Call().feed(CustomersFound((ANNA,))).answer(lookup=LookupOutcome.LATE)
        assert "Anna Berg" in call.said

    def test_says_honestly_that_the_system_is_down_and_offers_a_human(self) -> None:
        call = Call().answer(lookup=LookupOutcome.FAILED)
        assert "can't reach our order system" in call.said
        assert "automated assistant" in call.said
        assert call.name is StateName.OFFERING_HUMAN
        assert call.hear(Intent.YES).only(HandOff).reason is Reason.BACKEND_DOWN

    def test_hands_over_with_the_reason_of_the_failed_lookup(self) -> None:
        answered_at = CallAnswered(LookupOutcome.FAILED, reason=Reason.BACKEND_REFUSED)
        call = Call().feed(answered_at).hear(Intent.YES)
        assert call.only(HandOff).reason is Reason.BACKEND_REFUSED

    def test_listens_when_no_human_is_wanted(self) -> None:
        call = Call().answer(lookup=LookupOutcome.FAILED).hear(Intent.NO)
        assert call.name is StateName.LISTENING
        assert call.hear(Intent.AVAILABILITY, "4521").has(AskAvailability)


class TestAvailability:
    def test_asks_for_now_and_tells_the_fact_first(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.AVAILABILITY, "4521")
        assert call.effects == (AskAvailability("4521", None),)
        call.feed(answered(available(70)))
        assert call.facts == ["70 units are available of item 4 5 2 1, M8 hex bolt, now."]
        assert call.lines[-1] == Line("Is there anything else?", LineKind.FIXED)
        assert call.name is StateName.LISTENING

    def test_asks_for_a_date(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.AVAILABILITY, "4521", FRIDAY)
        assert call.only(AskAvailability) == AskAvailability("4521", FRIDAY)
        call.feed(answered(available(1, on=FRIDAY)))
        assert call.facts[0].startswith("1 unit is available of item 4 5 2 1")
        assert call.facts[0].endswith("by Friday, November 27th.")

    def test_tells_what_comes_in_when_there_is_none(self) -> None:
        incoming = (Receipt(FRIDAY, units(500)),)
        call = in_state(StateName.CHECKING).feed(answered(available(0, incoming=incoming)))
        assert call.facts[0].startswith("None is available")
        assert call.facts[1] == "500 units are due in on Friday, November 27th."

    def test_tells_what_comes_in_when_it_is_less_than_wanted(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.AVAILABILITY, "4521", amount=50)
        call.feed(answered(available(30)))
        assert call.facts[0].startswith("Only 30 units are available")
        assert call.facts[1] == "No delivery to us is planned."

    def test_asks_for_a_missing_number_and_keeps_the_day(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.AVAILABILITY, day=FRIDAY)
        assert (call.name, call.said) == (StateName.ASKING_ITEM, "Which item number, please?")
        assert call.hear(Intent.ITEM_NUMBER, "4521").only(AskAvailability).on == FRIDAY

    def test_a_bare_day_means_the_item_before(self) -> None:
        call = in_state(StateName.CHECKING).feed(answered(available()))
        assert call.hear(Intent.DAY, day=FRIDAY).only(AskAvailability).item_number == "4521"

    def test_a_bare_day_without_an_item_asks_for_one(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.DAY, day=FRIDAY)
        assert call.name is StateName.ASKING_ITEM
        assert call.hear(Intent.ITEM_NUMBER, "4521").only(AskAvailability).on == FRIDAY

    def test_a_bare_number_means_the_day_before(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.AVAILABILITY, "4521", FRIDAY)
        call.feed(answered(available(on=FRIDAY))).hear(Intent.ITEM_NUMBER, "4522")
        assert call.only(AskAvailability) == AskAvailability("4522", FRIDAY)

    def test_an_unknown_item_is_said_and_asked_for_again(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.AVAILABILITY, "9999", FRIDAY)
        call.feed(answered(not_found()))
        assert call.facts == ["There is no item 9 9 9 9 in our catalogue."]
        assert call.name is StateName.ASKING_ITEM
        assert call.hear(Intent.ITEM_NUMBER, "4521").only(AskAvailability).on == FRIDAY

    def test_an_unknown_item_is_not_what_a_bare_day_means(self) -> None:
        call = in_state(StateName.CHECKING).feed(answered(not_found()))
        assert not call.hear(Intent.DAY, day=FRIDAY).has(AskAvailability)


class TestOrderStatus:
    def test_asks_for_the_only_match(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.ORDER_STATUS)
        assert call.effects == (AskLastOrder(ANNA),)
        call.feed(answered(order()))
        assert call.facts[0] == (
            "Your last order, number S O 1 0 4 2 of Thursday, November 12th, is partly shipped."
        )
        assert call.facts[1] == "The next delivery is planned for Tuesday, November 24th."
        assert call.facts[2] == "It has 2 lines."

    def test_an_account_without_orders(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.ORDER_STATUS)
        call.feed(answered(not_found("an order of this account")))
        assert call.facts == ["There is no order of Northwind in our system."]

    def test_an_unreadable_state_is_said_and_a_human_offered(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.ORDER_STATUS)
        call.feed(answered(order(OrderState.UNREADABLE)))
        assert "can't read its status" in call.facts[0]
        assert call.hear(Intent.YES).only(HandOff).reason is Reason.BACKEND_BAD_ANSWER

    def test_an_unknown_number_gets_no_order_but_a_human(self) -> None:
        call = Call().answer().hear(Intent.ORDER_STATUS)
        assert "can't find an account" in call.said
        assert not call.has(AskLastOrder)
        assert call.hear(Intent.YES).only(HandOff).reason is Reason.NO_ACCOUNT

    def test_several_matches_are_asked_which_one_it_is(self) -> None:
        call = Call().answer(ANNA, BOB).hear(Intent.ORDER_STATUS)
        assert "For Anna Berg of Northwind, say or press 1." in call.said
        assert not call.has(AskLastOrder)
        assert call.hear(Intent.CHOICE, choice=2).only(AskLastOrder).customer == BOB

    def test_a_match_is_chosen_by_key_once_for_the_call(self) -> None:
        call = Call().answer(ANNA, BOB).hear(Intent.ORDER_STATUS).press("1")
        assert call.only(AskLastOrder).customer == ANNA
        call.feed(answered(order())).hear(Intent.ORDER_STATUS)
        assert call.only(AskLastOrder).customer == ANNA

    @pytest.mark.parametrize("choice", [0, 3, 9])
    def test_a_choice_that_was_not_offered_gets_nothing(self, choice: int) -> None:
        call = Call().answer(ANNA, BOB).hear(Intent.ORDER_STATUS).hear(Intent.CHOICE, choice=choice)
        assert call.name is StateName.CHOOSING_CONTACT
        assert not call.has(AskLastOrder)

    def test_none_of_them_gets_a_human(self) -> None:
        call = Call().answer(ANNA, BOB).hear(Intent.ORDER_STATUS).hear(Intent.NO)
        assert call.state.reason is Reason.NO_ACCOUNT
        assert call.name is StateName.OFFERING_HUMAN

    def test_too_many_matches_go_to_a_human(self) -> None:
        many = tuple(customer(account=f"C{n}") for n in range(SETTINGS.choices_max + 1))
        assert Call().answer(*many).hear(Intent.ORDER_STATUS).name is StateName.OFFERING_HUMAN

    def test_waits_for_a_late_lookup(self) -> None:
        call = Call().answer(lookup=LookupOutcome.LATE).hear(Intent.ORDER_STATUS)
        assert call.name is StateName.CHECKING
        assert [line.kind for line in call.lines] == [LineKind.FILLER]
        assert call.feed(CustomersFound((ANNA,))).only(AskLastOrder).customer == ANNA

    def test_a_late_lookup_that_fails_is_said(self) -> None:
        call = Call().answer(lookup=LookupOutcome.LATE).hear(Intent.ORDER_STATUS)
        call.feed(LookupFailed(Reason.BACKEND_SLOW))
        assert "couldn't look up your account" in call.said
        assert call.hear(Intent.YES).only(HandOff).reason is Reason.BACKEND_SLOW

    def test_a_late_lookup_that_never_ends_is_not_waited_for(self) -> None:
        call = Call().answer(lookup=LookupOutcome.LATE).hear(Intent.ORDER_STATUS)
        assert machine.listening(call.state).no_input_s is not None
        assert call.feed(NothingHeard()).name is StateName.OFFERING_HUMAN

    def test_a_failed_lookup_is_told_when_an_order_is_asked_for(self) -> None:
        call = Call().answer(lookup=LookupOutcome.LATE).feed(LookupFailed(Reason.BACKEND_DOWN))
        assert call.effects == ()
        assert call.hear(Intent.ORDER_STATUS).name is StateName.OFFERING_HUMAN


class TestTalk:
    def test_help_and_repeat(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.HELP)
        assert "status of your last order" in call.said
        before = call.lines
        assert call.hear(Intent.REPEAT).lines == before

    def test_repeat_says_the_answer_again_as_a_fact(self) -> None:
        call = in_state(StateName.CHECKING).feed(answered(available()))
        facts = call.facts
        assert call.hear(Intent.REPEAT).facts == facts

    def test_goodbye_completes(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.GOODBYE)
        assert call.effects[-1] == Finish(Reason.GOODBYE)
        assert call.has(Say)

    def test_human_by_voice(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.HUMAN)
        assert "put you through" in call.said
        assert call.effects[-1] == HandOff(Reason.CALLER_ASKED)

    def test_no_ends_the_call_only_after_anything_else(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.NO)
        assert call.name is StateName.LISTENING
        call = in_state(StateName.CHECKING).feed(answered(available())).hear(Intent.NO)
        assert call.has(Finish)

    def test_yes_and_thanks_go_on(self) -> None:
        call = in_state(StateName.LISTENING)
        assert call.hear(Intent.YES).said == "What would you like to know?"
        assert call.hear(Intent.THANKS).said.startswith("You're welcome.")


class TestSilence:
    @pytest.mark.parametrize(
        "name",
        [
            StateName.LISTENING,
            StateName.ASKING_ITEM,
            StateName.ASKING_ORDER,
            StateName.CHOOSING_CONTACT,
            StateName.KEYPAD,
            StateName.OFFERING_HUMAN,
            StateName.OFFERING_RETRY,
        ],
    )
    def test_two_prompts_then_a_human(self, name: StateName) -> None:
        call = in_state(name)
        for _ in range(2):
            assert "Are you still there?" in call.feed(NothingHeard()).said
            assert call.name is name
        assert call.feed(NothingHeard()).only(HandOff).reason is Reason.NO_INPUT

    def test_speech_begins_the_count_anew(self) -> None:
        call = in_state(StateName.LISTENING).feed(NothingHeard(), NothingHeard())
        call.hear(Intent.HELP).feed(NothingHeard(), NothingHeard())
        assert call.name is StateName.LISTENING


class TestMisunderstanding:
    def test_second_offers_the_keypad_and_third_goes_to_a_human(self) -> None:
        call = in_state(StateName.LISTENING)
        names = []
        for _ in range(2):
            names.append(call.hear(Intent.NOT_UNDERSTOOD).name)
            assert call.said.startswith("Sorry")
        assert names == [StateName.LISTENING, StateName.KEYPAD]
        assert "press the item number" in call.said
        assert call.hear(Intent.NOT_UNDERSTOOD).only(HandOff).reason is Reason.NOT_UNDERSTOOD

    def test_an_understood_turn_begins_the_count_anew(self) -> None:
        call = in_state(StateName.LISTENING).hear(Intent.NOT_UNDERSTOOD).hear(Intent.HELP)
        assert call.hear(Intent.NOT_UNDERSTOOD).name is StateName.LISTENING

    def test_a_noise_without_words_is_none(self) -> None:
        call = in_state(StateName.LISTENING)
        for _ in range(5):
            assert call.hear(Intent.NOT_UNDERSTOOD, text="").effects == ()

    def test_a_number_that_was_not_got_counts(self) -> None:
        call = in_state(StateName.ASKING_ITEM).hear(Intent.ITEM_NUMBER).hear(Intent.AVAILABILITY)
        assert call.name is StateName.KEYPAD

    @pytest.mark.parametrize(
        "name",
        [
            StateName.OFFERING_HUMAN,
            StateName.OFFERING_RETRY,
            StateName.CHOOSING_CONTACT,
            StateName.ASKING_ORDER,
        ],
    )
    def test_a_question_with_few_answers_offers_its_own_keys(self, name: StateName) -> None:
        call = in_state(name).hear(Intent.NOT_UNDERSTOOD).hear(Intent.NOT_UNDERSTOOD)
        assert call.name is name
        assert "ress" in call.said
        assert call.hear(Intent.NOT_UNDERSTOOD).only(HandOff).reason is Reason.NOT_UNDERSTOOD


class TestQueries:
    def test_filler_while_checking_only(self) -> None:
        call = in_state(StateName.CHECKING).feed(FillerDue())
        assert call.lines == (Line("One moment, I'm checking.", LineKind.FILLER),)
        assert call.feed(answered(available()), FillerDue()).effects == ()

    @pytest.mark.parametrize(
        "reason",
        [
            Reason.BACKEND_SLOW,
            Reason.BACKEND_DOWN,
            Reason.BACKEND_REFUSED,
            Reason.BACKEND_BAD_ANSWER,
        ],
    )
    def test_a_failure_is_said_and_a_human_offered_for_it(self, reason: Reason) -> None:
        call = in_state(StateName.CHECKING).feed(QueryFailed(reason))
        assert call.facts == []
        assert call.said.endswith("Shall I put you through to a colleague?")
        assert call.hear(Intent.YES).only(HandOff).reason is reason

    def test_a_new_question_replaces_the_old_one(self) -> None:
        call = in_state(StateName.CHECKING).hear(Intent.AVAILABILITY, "4522")
        assert call.effects == (DropQuery(), AskAvailability("4522", None))
        assert call.feed(answered(available(number="4522"))).facts

    def test_a_day_that_comes_after_the_question_completes_it(self) -> None:
        call = in_state(StateName.CHECKING).hear(Intent.DAY, day=FRIDAY)
        assert call.effects == (DropQuery(), AskAvailability("4521", FRIDAY))

    @pytest.mark.parametrize(
        "intent", [Intent.NOTHING, Intent.NOT_UNDERSTOOD, Intent.THANKS, Intent.YES]
    )
    def test_talk_without_a_question_does_not_disturb(self, intent: Intent) -> None:
        assert in_state(StateName.CHECKING).hear(intent).effects == ()

    def test_the_same_question_again_does_not_disturb(self) -> None:
        assert in_state(StateName.CHECKING).hear(Intent.AVAILABILITY, "4521").effects == ()
        call = in_state(StateName.LISTENING).hear(Intent.ORDER_STATUS).hear(Intent.ORDER_STATUS)
        assert call.effects == ()

    def test_repeat_gives_a_sign_of_life(self) -> None:
        call = in_state(StateName.CHECKING).hear(Intent.REPEAT)
        assert [line.kind for line in call.lines] == [LineKind.FILLER]

    @pytest.mark.parametrize("intent", [Intent.HUMAN, Intent.GOODBYE])
    def test_leaving_drops_the_query(self, intent: Intent) -> None:
        call = in_state(StateName.CHECKING).hear(intent)
        assert call.effects[0] == DropQuery()
        assert call.only(DropQuery)

    def test_an_answer_of_the_wrong_kind_is_not_told(self) -> None:
        """And the caller is not left without a word: nothing else will come."""
        call = in_state(StateName.CHECKING).feed(answered(order()))
        assert (call.facts, call.name) == ([], StateName.OFFERING_HUMAN)

    @pytest.mark.parametrize("name", [name for name in StateName if name is not StateName.GREETING])
    def test_longest_call_goes_to_a_human(self, name: StateName) -> None:
        call = in_state(name).feed(LongestCallReached())
        if name in (StateName.ENDING, StateName.ASKING_DESK, StateName.BOOKING_CALLBACK):
            assert call.effects == (), "it is on its way to its end"
        else:
            assert call.said.startswith("I'm sorry, our time")
            assert call.only(HandOff).reason is Reason.LONGEST_CALL


class TestListening:
    def test_profiles(self) -> None:
        profiles = {name: machine.listening(in_state(name).state).profile for name in StateName}
        assert profiles[StateName.LISTENING] is EndpointProfile.OPEN
        assert profiles[StateName.ASKING_ITEM] is EndpointProfile.DICTATION
        assert profiles[StateName.OFFERING_HUMAN] is EndpointProfile.SHORT

    def test_no_timer_while_a_query_has_its_own_deadline(self) -> None:
        assert machine.listening(in_state(StateName.CHECKING).state).no_input_s is None
        assert machine.listening(in_state(StateName.ENDING).state).no_input_s is None

    def test_timer_from_the_settings(self) -> None:
        call = Call(DialogueSettings(no_input_s=9.0)).answer()
        assert machine.listening(call.state).no_input_s == 9.0
        assert machine.listening(call.state).keys_s is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"item_digits_min": 0},
        {"item_digits_min": 6},
        {"order_digits_min": 6},
        {"choices_max": 10},
    ],
)
def test_settings_refuse_what_cannot_work(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DialogueSettings(**wrong)  # type: ignore[arg-type]


def test_decimal_amounts_are_told_plainly() -> None:
    call = in_state(StateName.CHECKING).feed(answered(available("12.50", unit="m")))
    assert call.facts[0].startswith("12.5 meters are available")
