"""What is said where holding, a call-back or a message are offered; and nowhere else."""

from __future__ import annotations

import pytest

from asterisk_agi.dialogue import grammar
from asterisk_agi.dialogue.events import Intent
from asterisk_agi.dialogue.state import StateName
from tests.unit.asterisk_agi.dialogue.builders import at_desk
from tests.unit.asterisk_agi.dialogue.test_understanding import understand

OFFERING = StateName.OFFERING_CALLBACK
CONFIRMING = StateName.CONFIRMING_CALLBACK


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("i'll hold", Intent.HOLD),
        ("no i'd rather wait please", Intent.HOLD),
        ("okay i'll wait for a colleague", Intent.HOLD),
        ("put me on hold", Intent.HOLD),
        ("i'll stay on the line", Intent.HOLD),
        ("yes please call me back", Intent.CALL_BACK),
        ("a call back please", Intent.CALL_BACK),
        ("could a colleague call me back later", Intent.CALL_BACK),
        ("i'd like to leave a message", Intent.LEAVE_MESSAGE),
        ("a message please", Intent.LEAVE_MESSAGE),
        ("yes please", Intent.YES),
        ("no thank you", Intent.NO),
        ("a colleague please", Intent.HUMAN),
        ("is item four five two one in stock", Intent.AVAILABILITY),
        ("hold on", Intent.NOTHING),
    ],
)
def test_an_offer_is_answered(text: str, intent: Intent) -> None:
    assert understand(text, OFFERING).intent is intent


@pytest.mark.parametrize(
    ("text", "choice"), [("one", 1), ("press two", 2), ("the third one", 3), ("number two", 2)]
)
def test_a_key_may_be_said(text: str, choice: int) -> None:
    meaning = understand(text, OFFERING)
    assert (meaning.intent, meaning.choice) == (Intent.CHOICE, choice)


def test_there_are_three_keys() -> None:
    assert understand("four", OFFERING).intent is not Intent.CHOICE


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("call me back", Intent.CALL_BACK),
        ("can someone call me back please", Intent.CALL_BACK),
        ("i'd like a call back", Intent.CALL_BACK),
        ("leave a message", Intent.LEAVE_MESSAGE),
        ("can i leave a message", Intent.LEAVE_MESSAGE),
    ],
)
def test_a_call_back_and_a_message_are_asked_for_anywhere(text: str, intent: Intent) -> None:
    assert understand(text, StateName.LISTENING).intent is intent


@pytest.mark.parametrize("text", ["i'll hold", "wrong number"])
@pytest.mark.parametrize("name", [StateName.LISTENING, StateName.OFFERING_HUMAN])
def test_what_is_not_offered_is_not_understood(text: str, name: StateName) -> None:
    assert understand(text, name).intent is Intent.NOT_UNDERSTOOD


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("yes", Intent.YES),
        ("that's right", Intent.YES),
        ("yes that right", Intent.YES),
        ("correct", Intent.YES),
        ("no", Intent.NO),
        ("no that's not right", Intent.NO),
        ("no that's the wrong number", Intent.NO),
        ("another number please", Intent.NO),
    ],
)
def test_a_proposal_is_answered(text: str, intent: Intent) -> None:
    meaning = understand(text, CONFIRMING)
    assert meaning.intent is intent
    assert meaning.complete


@pytest.mark.parametrize("text", ["[unk] yes", "yes [unk]", "[unk] that's right"])
def test_a_yes_with_a_gap_books_nothing(text: str) -> None:
    assert understand(text, CONFIRMING).intent is Intent.NOT_UNDERSTOOD
    assert understand(text, StateName.OFFERING_HUMAN).intent is Intent.YES


def test_the_offers_are_listened_for_only_where_they_are_made() -> None:
    open_phrases = grammar.phrases(at_desk(OFFERING).state)
    assert {"call me back", "i'll hold", "leave a message", "yes please"} <= {*open_phrases}
    listening = grammar.phrases(at_desk(StateName.BOOKING_CALLBACK).state)
    assert "call me back" not in listening
    assert "that's right" in grammar.phrases(at_desk(CONFIRMING).state)
