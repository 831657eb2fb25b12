"""Who is free is asked before anybody is put through; what is said of it is true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from asterisk_agi.dialogue import desk_wording, machine, phrases
from asterisk_agi.dialogue.desk import DeskState, TransferFailure
from asterisk_agi.dialogue.effects import AskDesk, BookCallback, Finish, HandOff, PlanCallback
from asterisk_agi.dialogue.events import (
    CallAnswered,
    CallbackBooked,
    CallbackPlanned,
    CallbackRefused,
    DeskTold,
    FillerDue,
    Intent,
    KeysEnded,
    LongestCallReached,
    LookupOutcome,
    NothingHeard,
    NumberRefused,
    QueryFailed,
    TransferFailed,
)
from asterisk_agi.dialogue.state import People, StateName
from asterisk_agi.dialogue.summary import summarise
from dialplan.reasons import Reason
from tests.unit.asterisk_agi.dialogue.builders import (
    ANNA,
    AT,
    BUSY,
    NOW,
    PHONE,
    SETTINGS,
    Call,
    asking_desk,
    at_desk,
)

FREE = DeskState(known=True, staffed=3, free=2, now=NOW)
CLOSED = DeskState(
    known=True,
    open=False,
    callback_at=datetime(2026, 11, 23, 9, tzinfo=timezone.utc),
    voicemail=True,
    now=NOW,
    opens_at=datetime(2026, 11, 22, 9, tzinfo=timezone.utc),
)


def told(desk: DeskState, number: str = PHONE) -> Call:
    return asking_desk(number).feed(DeskTold(desk))


class TestAsking:
    def test_without_a_desk_the_caller_is_put_through_at_once(self) -> None:
        call = Call().answer(ANNA).hear(Intent.HUMAN)
        assert call.said == "I'll put you through to a colleague now."
        assert call.only(HandOff) == HandOff(Reason.CALLER_ASKED)

    def test_the_desk_is_asked_first_and_nothing_is_promised(self) -> None:
        call = asking_desk()
        assert (call.effects, call.name) == ((AskDesk(),), StateName.ASKING_DESK)

    @pytest.mark.parametrize(
        ("lead", "said"),
        [
            (lambda call: call.press("0"), ""),
            (lambda call: call.feed(NothingHeard(), NothingHeard(), NothingHeard()), "can't hear"),
            (lambda call: call.feed(LongestCallReached()), "our time for this call is up"),
            (lambda call: call.hear(Intent.BALANCE), "must first check who"),
            (lambda call: call.hear(Intent.BALANCE).feed(DeskTold(FREE)).hear(Intent.YES), ""),
            (lambda call: call.hear(Intent.GOODBYE).press("0"), ""),
        ],
    )
    def test_every_way_to_a_human_asks_first(
        self, lead: Callable[[Call], Call], said: str
    ) -> None:
        call = lead(Call(people=People(asked=True)).answer(ANNA))
        assert call.name is StateName.ASKING_DESK
        assert call.only(AskDesk) and not call.has(HandOff)
        assert said in call.said

    def test_a_call_back_that_is_asked_for_is_planned_at_once(self) -> None:
        call = Call(people=People(asked=True, number=PHONE)).answer(ANNA).hear(Intent.CALL_BACK)
        assert (call.effects, call.name) == ((AskDesk(),), StateName.ASKING_DESK)
        call.feed(DeskTold(replace(BUSY, free=2)))
        assert call.only(PlanCallback).number == PHONE
        assert call.name is StateName.CONFIRMING_CALLBACK

    def test_a_message_that_is_asked_for_is_taken_at_once(self) -> None:
        call = Call(people=People(asked=True)).answer(ANNA).hear(Intent.LEAVE_MESSAGE)
        assert call.feed(DeskTold(BUSY)).only(Finish).reason is Reason.VOICEMAIL

    @pytest.mark.parametrize("wish", [Intent.CALL_BACK, Intent.LEAVE_MESSAGE])
    def test_what_is_asked_for_and_cant_be_had_is_a_wish_for_a_human(self, wish: Intent) -> None:
        nothing = replace(BUSY, callback_at=None, voicemail=False, free=1)
        call = Call(people=People(asked=True)).answer(ANNA).hear(wish)
        assert call.feed(DeskTold(nothing)).only(HandOff).reason is Reason.CALLER_ASKED
        assert Call().answer(ANNA).hear(wish).only(HandOff).reason is Reason.CALLER_ASKED

    def test_a_wish_holds_for_one_look_only(self) -> None:
        call = Call(people=People(asked=True)).answer(ANNA).hear(Intent.CALL_BACK)
        call.feed(DeskTold(BUSY))
        assert call.state.people.wish is None

    @pytest.mark.parametrize("intent", [Intent.YES, Intent.RETRY])
    def test_what_is_asked_after_a_failure_can_be_answered_as_it_was_asked(
        self, intent: Intent
    ) -> None:
        call = Call().answer(ANNA).hear(Intent.HUMAN)
        call.feed(TransferFailed(TransferFailure.BUSY))
        assert call.said.endswith(phrases.TRY_AGAIN)
        assert "try again" in (machine.listening(call.state).phrases or ())
        assert call.hear(intent).only(HandOff).reason is Reason.CALLER_ASKED

    def test_three_misunderstandings_ask_first(self) -> None:
        call = Call(people=People(asked=True)).answer(ANNA)
        for _ in range(3):
            call.hear(Intent.NOT_UNDERSTOOD)
        assert call.only(AskDesk)
        assert call.feed(DeskTold(FREE)).only(HandOff).reason is Reason.NOT_UNDERSTOOD

    def test_a_caller_who_presses_zero_before_the_greeting_is_served(self) -> None:
        call = Call(people=People(asked=True)).press("0")
        call.feed(CallAnswered(LookupOutcome.DONE, (ANNA,)), DeskTold(FREE))
        assert call.only(HandOff).reason is Reason.KEY_ZERO
        assert call.state.caller.chosen == ANNA
        assert Call().press("0").feed(CallAnswered(LookupOutcome.DONE, (ANNA,))).effects == ()

    def test_what_comes_while_it_is_asked_changes_nothing(self) -> None:
        call = asking_desk().hear(Intent.GOODBYE).press("1").feed(FillerDue(), NothingHeard())
        assert call.name is StateName.ASKING_DESK
        assert machine.listening(call.state).no_input_s is None


class TestFree:
    def test_two_are_free(self) -> None:
        call = told(FREE)
        assert call.said == "Two colleagues are free. I'll put you through."
        assert call.only(HandOff) == HandOff(Reason.CALLER_ASKED)

    def test_one_is_free(self) -> None:
        assert told(replace(FREE, free=1)).said.startswith("One colleague is free.")

    def test_who_waits_already_comes_first(self) -> None:
        assert told(replace(FREE, waiting=1)).said.startswith("One colleague is free.")
        call = told(replace(FREE, waiting=2, wait_s=30.0))
        assert call.said.startswith("Other callers are waiting already. The wait is about one")

    def test_when_nothing_is_known_it_is_as_without_a_desk(self) -> None:
        call = told(DeskState())
        assert call.said == "I'll put you through to a colleague now."
        assert call.only(HandOff) == HandOff(Reason.CALLER_ASKED)


class TestOffered:
    """The caller asked for something that we can't do: nothing is offered that can't be had."""

    @staticmethod
    def offered(desk: DeskState) -> Call:
        call = Call(people=People(asked=True, number=PHONE)).answer(ANNA).hear(Intent.BALANCE)
        return call.feed(DeskTold(desk))

    @pytest.mark.parametrize("desk", [FREE, DeskState()])
    def test_a_human_is_offered_who_is_free_or_of_whom_nothing_is_known(
        self, desk: DeskState
    ) -> None:
        call = self.offered(desk)
        assert (call.said, call.name) == (phrases.OFFER, StateName.OFFERING_HUMAN)
        call.hear(Intent.YES).feed(DeskTold(desk))
        assert call.only(HandOff).reason is Reason.NOT_VERIFIED

    def test_who_is_not_free_is_not_offered(self) -> None:
        call = self.offered(BUSY)
        assert call.said.startswith("All colleagues are talking. The wait is about four minutes.")
        assert call.said.endswith("or do you leave a message?")
        assert call.name is StateName.OFFERING_CALLBACK

    def test_where_one_can_only_hold_the_wait_is_told_with_the_offer(self) -> None:
        call = self.offered(replace(BUSY, callback_at=None, voicemail=False))
        assert call.said.endswith(f"about four minutes. {phrases.OFFER}")
        assert call.name is StateName.OFFERING_HUMAN

    def test_where_nothing_can_be_had_nothing_is_offered(self) -> None:
        call = self.offered(DeskState(known=True, now=NOW))
        assert call.said == f"There is no colleague at work at the moment. {phrases.WHAT_ELSE}"
        assert call.name is StateName.LISTENING
        call.hear(Intent.HUMAN).feed(DeskTold(DeskState(known=True, now=NOW)))
        assert call.only(HandOff).by_label, "who wants a human all the same has the label"

    def test_a_no_goes_on_with_the_caller(self) -> None:
        call = self.offered(replace(BUSY, voicemail=False))
        call.hear(Intent.NO).hear(Intent.NO)
        assert (call.said, call.name) == (phrases.WHAT_ELSE, StateName.LISTENING)

    def test_the_system_that_is_down_is_told_while_the_desk_is_asked(self) -> None:
        call = Call(people=People(asked=True)).answer(ANNA)
        call.hear(Intent.AVAILABILITY, "4521").feed(QueryFailed(Reason.BACKEND_DOWN))
        assert "I can't reach our order system" in call.said
        assert call.only(AskDesk) and call.name is StateName.ASKING_DESK


class TestBusy:
    def test_says_the_wait_and_offers(self) -> None:
        call = told(replace(BUSY, voicemail=False))
        assert call.said == (
            "All colleagues are talking. The wait is about four minutes. "
            "Shall a colleague call you back, or do you hold?"
        )
        assert call.name is StateName.OFFERING_CALLBACK

    @pytest.mark.parametrize(
        ("wait_s", "words"),
        [
            (None, "I can't tell how long the wait is."),
            (5.0, "about one minute."),
            (61.0, "about two minutes."),
            (3000.0, "about fifty minutes."),
            (4000.0, "more than an hour."),
        ],
    )
    def test_the_wait_is_never_rounded_down(self, wait_s: float | None, words: str) -> None:
        assert words in told(replace(BUSY, wait_s=wait_s)).said

    def test_only_what_can_be_had_is_offered(self) -> None:
        question = told(replace(BUSY, callback_at=None)).said
        assert "call you back" not in question and "leave a message" in question
        holding = told(replace(BUSY, callback_at=None, voicemail=False))
        assert holding.said.endswith("Please hold the line, I'm putting you through.")
        assert holding.only(HandOff) == HandOff(Reason.CALLER_ASKED, holds=True)

    def test_nobody_there(self) -> None:
        call = told(replace(BUSY, staffed=0))
        assert call.said.startswith("There is no colleague at work at the moment.")
        assert "hold" not in call.said

    def test_closed_says_when_it_opens(self) -> None:
        call = told(CLOSED)
        assert call.said == (
            "Our office is closed now; we open tomorrow at nine a.m. "
            "Shall a colleague call you back, or do you leave a message?"
        )

    def test_closed_with_nothing_to_offer_still_finds_the_label(self) -> None:
        call = told(replace(CLOSED, callback_at=None, voicemail=False))
        assert call.said.endswith("I'll pass your call on all the same.")
        assert call.only(HandOff).by_label

    def test_the_longest_call_leaves_no_time_for_a_question(self) -> None:
        call = Call(people=People(asked=True)).answer(ANNA).feed(LongestCallReached())
        call.feed(DeskTold(BUSY))
        assert call.said.startswith("All colleagues are talking.")
        assert call.only(HandOff).reason is Reason.LONGEST_CALL


class TestChoosing:
    def offered(self, desk: DeskState = BUSY) -> Call:
        return told(desk)

    @pytest.mark.parametrize("way", ["hold", "one", "zero", "human"])
    def test_holding(self, way: str) -> None:
        call = self.offered()
        if way in ("hold", "human"):
            call.hear(Intent.HOLD if way == "hold" else Intent.HUMAN)
        else:
            call.press("1" if way == "one" else "0")
        assert call.said == "Please hold the line, I'm putting you through."
        assert call.only(HandOff) == HandOff(Reason.CALLER_ASKED, holds=True)

    def test_a_call_back_by_voice_and_by_key(self) -> None:
        for call in (self.offered().hear(Intent.CALL_BACK), self.offered().press("2")):
            assert call.only(PlanCallback) == PlanCallback(PHONE, AT)
            assert call.name is StateName.CONFIRMING_CALLBACK

    def test_a_message_by_voice_and_by_key(self) -> None:
        for call in (self.offered().hear(Intent.LEAVE_MESSAGE), self.offered().press("3")):
            assert call.only(Finish).reason is Reason.VOICEMAIL
            assert call.name is StateName.ENDING

    def test_what_is_not_offered_is_not_had(self) -> None:
        call = self.offered(replace(BUSY, voicemail=False)).press("3")
        assert call.name is StateName.OFFERING_CALLBACK
        call = self.offered(replace(BUSY, callback_at=None)).hear(Intent.CALL_BACK)
        assert call.name is StateName.OFFERING_CALLBACK
        call = self.offered(CLOSED).press("1")
        assert call.name is StateName.OFFERING_CALLBACK

    def test_a_yes_to_two_things_is_asked_again(self) -> None:
        call = self.offered().hear(Intent.YES)
        assert call.said.startswith("Sorry, I didn't get that. Shall a colleague call you back")
        call.hear(Intent.YES)
        assert "one to hold, two for a call back, three to leave a message" in call.said
        call.hear(Intent.YES)
        assert call.only(HandOff).reason is Reason.NOT_UNDERSTOOD
        assert not call.has(AskDesk)

    def test_a_yes_to_one_thing_is_enough(self) -> None:
        only = replace(CLOSED, voicemail=False)
        assert self.offered(only).hear(Intent.YES).has(PlanCallback)
        assert self.offered(replace(CLOSED, callback_at=None)).hear(Intent.YES).has(Finish)

    def test_who_declines_everything_still_finds_the_label(self) -> None:
        call = self.offered(replace(CLOSED, voicemail=False)).hear(Intent.NO)
        assert call.only(HandOff).by_label
        call = self.offered(CLOSED).hear(Intent.NO)
        assert call.name is StateName.OFFERING_CALLBACK
        assert call.hear(Intent.NO).only(HandOff).by_label

    def test_a_question_is_answered_instead(self) -> None:
        call = self.offered().hear(Intent.AVAILABILITY, "4521")
        assert call.name is StateName.CHECKING

    def test_silence_is_prompted_then_the_caller_holds(self) -> None:
        call = self.offered().feed(NothingHeard())
        assert "Are you still there? Shall a colleague" in call.said
        call.feed(NothingHeard(), NothingHeard())
        assert call.only(HandOff) == HandOff(Reason.NO_INPUT, holds=True)

    def test_the_longest_call_ends_the_offer(self) -> None:
        call = self.offered().feed(LongestCallReached())
        assert call.only(HandOff).reason is Reason.LONGEST_CALL


class TestAgreeing:
    def test_number_and_time_are_read_back(self) -> None:
        call = at_desk(StateName.CONFIRMING_CALLBACK)
        assert call.said == (
            "We'll call you today after two thirty p.m. at 2 1 2, 5 5 5, 0 1 0 1. Is that right?"
        )
        assert not call.has(BookCallback)

    def test_a_yes_books_just_that(self) -> None:
        call = at_desk(StateName.CONFIRMING_CALLBACK).hear(Intent.YES)
        assert call.effects == (BookCallback(PHONE, AT),)
        assert at_desk(StateName.CONFIRMING_CALLBACK).press("1").has(BookCallback)

    def test_a_no_asks_for_another_number_that_is_read_back_again(self) -> None:
        call = at_desk(StateName.CONFIRMING_CALLBACK).hear(Intent.NO)
        assert call.said.startswith("Which number shall we call? Please press the number")
        assert call.state.people.callback is None
        call.press("2125550102#")
        assert call.only(PlanCallback).number == "2125550102"
        assert not call.hear(Intent.YES).has(BookCallback), "nothing was read back yet"
        call.feed(CallbackPlanned("+12125550102", AT))
        assert "2 1 2, 5 5 5, 0 1 0 2" in call.said
        assert call.hear(Intent.YES).only(BookCallback) == BookCallback("+12125550102", AT)

    def test_a_withheld_number_is_asked_for(self) -> None:
        call = told(BUSY, number="").hear(Intent.CALL_BACK)
        assert call.name is StateName.KEYING_NUMBER
        assert machine.listening(call.state).keys_s is None
        call.press("0301234567")
        assert machine.listening(call.state).keys_s is not None
        assert call.feed(KeysEnded()).only(PlanCallback).number == "0301234567"

    def test_a_zero_alone_is_the_wish_for_a_human(self) -> None:
        call = at_desk(StateName.KEYING_NUMBER).press("0").feed(KeysEnded())
        assert call.only(HandOff).reason is Reason.KEY_ZERO

    def test_too_few_digits_and_star(self) -> None:
        call = at_desk(StateName.KEYING_NUMBER).press("12345#")
        assert call.said.startswith("That was no complete telephone number.")
        assert call.press("99*").state.keys == ""
        assert call.press("212555010123456").only(PlanCallback).number == "212555010123456"

    def test_a_number_that_we_may_not_call_is_asked_for_again(self) -> None:
        call = told(BUSY).hear(Intent.CALL_BACK).feed(NumberRefused())
        assert call.said.startswith("I'm sorry, we can't call that number.")
        assert call.name is StateName.KEYING_NUMBER

    def test_only_what_is_kept_is_told_as_done(self) -> None:
        call = at_desk(StateName.BOOKING_CALLBACK)
        assert "Done" not in call.said
        assert call.feed(FillerDue()).said == "One moment, I'm noting that."
        call.feed(CallbackBooked(AT))
        assert call.said == (
            "Done. A colleague will call you today after two thirty p.m. "
            "Thank you for calling. Goodbye."
        )
        assert call.only(Finish).reason is Reason.CALLBACK_AGREED
        assert "call-back agreed" in summarise(call.state, Reason.CALLBACK_AGREED).lower()

    def test_what_is_not_kept_is_told_and_a_human_reached(self) -> None:
        call = at_desk(StateName.BOOKING_CALLBACK).feed(CallbackRefused())
        assert call.said.startswith("I'm sorry, I couldn't note the call-back.")
        assert call.only(HandOff).reason is Reason.CALLER_ASKED
        assert "agreed" not in summarise(call.state, Reason.CALLER_ASKED)

    def test_while_it_is_written_nothing_else_counts(self) -> None:
        call = at_desk(StateName.BOOKING_CALLBACK).press("0").hear(Intent.YES)
        assert (call.effects, call.name) == ((), StateName.BOOKING_CALLBACK)


class TestComingBack:
    @pytest.mark.parametrize(
        ("failure", "words"),
        [
            (TransferFailure.DECLINED, "I'm sorry, my colleague can't take the call right now."),
            (TransferFailure.UNANSWERED, "I'm sorry, nobody answered."),
            (TransferFailure.BUSY, "I'm sorry, the line is busy."),
            (TransferFailure.UNREACHABLE, "I'm sorry, I couldn't reach a colleague."),
        ],
    )
    def test_says_why_and_asks_the_desk(self, failure: TransferFailure, words: str) -> None:
        call = told(FREE).feed(TransferFailed(failure))
        assert call.said == words
        assert call.only(AskDesk)
        call.feed(DeskTold(BUSY))
        assert call.said.startswith("All colleagues are talking.")
        assert call.name is StateName.OFFERING_CALLBACK
        assert call.hear(Intent.NO).hear(Intent.NO).said == "What else can I do for you?"

    def test_with_somebody_free_or_nobody_known_it_may_be_tried_again(self) -> None:
        for desk in (replace(FREE, free=1), DeskState()):
            call = told(FREE).feed(TransferFailed(TransferFailure.DECLINED), DeskTold(desk))
            assert call.said == "Shall I try again?"
            assert call.hear(Intent.YES).only(AskDesk)
            assert call.state.reason is Reason.CALLER_ASKED

    def test_without_a_desk_it_may_be_tried_again(self) -> None:
        call = Call().answer(ANNA).hear(Intent.HUMAN)
        call.feed(TransferFailed(TransferFailure.UNANSWERED))
        assert call.said == "I'm sorry, nobody answered. Shall I try again?"
        assert call.hear(Intent.YES).only(HandOff) == HandOff(Reason.CALLER_ASKED)

    def test_the_second_failure_is_the_labels(self) -> None:
        call = told(FREE).feed(TransferFailed(TransferFailure.DECLINED), DeskTold(DeskState()))
        call.hear(Intent.YES).feed(DeskTold(DeskState()))
        assert not call.only(HandOff).by_label
        call.feed(TransferFailed(TransferFailure.UNANSWERED))
        assert call.said == "I'm sorry, nobody answered. I'll pass your call on all the same."
        assert call.only(HandOff) == HandOff(Reason.CALLER_ASKED, by_label=True)


def test_every_fixed_sentence_of_the_desk_is_known_before_the_first_call() -> None:
    known = {*desk_wording.fixed_sentences(), *phrases.fixed_phrases(SETTINGS)}
    for desk in (BUSY, FREE, replace(BUSY, voicemail=False), replace(BUSY, wait_s=None)):
        assert {line.text for line in told(desk).lines} <= known
    call = told(FREE).feed(TransferFailed(TransferFailure.DECLINED))
    assert {line.text for line in call.lines} <= known
