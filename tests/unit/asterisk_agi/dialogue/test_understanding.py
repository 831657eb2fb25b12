from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.dialogue import understanding
from asterisk_agi.dialogue.events import Intent, LookupOutcome, Meaning
from asterisk_agi.dialogue.questions import Question, Subject
from asterisk_agi.dialogue.state import (
    Caller,
    CallState,
    DialogueSettings,
    StateName,
    start,
)
from asterisk_agi.dialogue.understanding import Understander
from asterisk_agi.speech.port import Transcript, Word
from tests.unit.asterisk_agi.dialogue.builders import ANNA, BOB, FRIDAY, TODAY

SETTINGS = DialogueSettings()
UNDERSTANDER = Understander(SETTINGS)
THIRD = date(2026, 12, 3)


def state(name: StateName = StateName.LISTENING) -> CallState:
    caller = Caller(LookupOutcome.DONE, (ANNA, BOB))
    return replace(start(SETTINGS), name=name, caller=caller)


def understand(
    text: str, at: StateName | CallState = StateName.LISTENING, confidence: float = 0.9
) -> Meaning:
    words = tuple(Word(word, 0.0, 0.1, confidence) for word in text.split())
    where = at if isinstance(at, CallState) else state(at)
    return UNDERSTANDER.understand(Transcript(text, words, True), where, TODAY)


def unsure(text: str, doubtful: str, confidence: float) -> Meaning:
    """Understand a text of which one word was heard badly."""
    words = tuple(
        Word(word, 0.0, 0.1, confidence if word == doubtful else 1.0) for word in text.split()
    )
    return UNDERSTANDER.understand(Transcript(text, words, True), state(), TODAY)


AVAILABILITY: list[tuple[str, str | None, date | None, int | None]] = [
    ("is item four five two one in stock", "4521", None, None),
    ("is item forty five twenty one in stock by friday", "4521", FRIDAY, None),
    ("is item number four five two one available", "4521", None, None),
    ("is four five two one in stock", "4521", None, None),
    ("do you have item four five double two", "4522", None, None),
    ("have you got any item four five two one left", "4521", None, None),
    ("do you have fifty of item four five two one", "4521", None, 50),
    ("i need twenty units of item four five two one by friday", "4521", FRIDAY, 20),
    ("how many of item four five two one do you have", "4521", None, None),
    ("how many do you have of item four five two one", "4521", None, None),
    ("will item four five two one be available on december third", "4521", THIRD, None),
    ("when will item four five two one be back in stock", "4521", None, None),
    ("what's the availability of item four five two one", "4521", None, None),
    ("stock of four five two one", "4521", None, None),
    ("availability for item four five two one by friday please", "4521", FRIDAY, None),
    ("i'd like to check availability of item four five two one", "4521", None, None),
    ("um hi could you tell me if item four five two one is in stock please", "4521", None, None),
    ("i'd like to know if you have item four five two one in stock", "4521", None, None),
    ("can you check whether item four five two one is available", "4521", None, None),
    ("yes is item four five two one available", "4521", None, None),
    ("okay and do you have item four five two one", "4521", None, None),
    ("is item four thousand five hundred and twenty one in stock", "4521", None, None),
    ("is item oh four five two in stock", "0452", None, None),
    ("is item for five two one in stock", "4521", None, None),
    ("by friday is item four five two one available", "4521", FRIDAY, None),
    ("item four five two one by the third of december", "4521", THIRD, None),
    ("i'd like to check availability", None, None, None),
    ("is an item available", None, None, None),
    ("is item four five in stock", None, None, None),
    ("i'd like to no if item four five two one is in stock", "4521", None, None),
    # What a recogniser made of it.
    ("an could you tell me if item four five two one is in stock please", "4521", None, None),
    ("is item four five two one in stocks", "4521", None, None),
    ("is item four five two one [unk] in stock", "4521", None, None),
    ("i need item nine nine five one an two weeks", "9951", date(2026, 12, 5), None),
    ("how many of item eight nine oh six do you nine", "8906", None, None),
    ("okay and how much of item eight nine oh six have you gone", "8906", None, None),
    ("what's the stock level four part number four five two one", "4521", None, None),
    ("will you have item four five two one in by friday", "4521", FRIDAY, None),
    ("are you able to supply item four five two one by friday", "4521", FRIDAY, None),
]


@pytest.mark.parametrize(
    ("text", "item", "day", "amount"),
    AVAILABILITY,
)
def test_availability(text: str, item: str | None, day: date | None, amount: int | None) -> None:
    meaning = understand(text)
    assert (meaning.intent, meaning.item_number) == (Intent.AVAILABILITY, item)
    assert (meaning.day, meaning.amount) == (day, amount)
    assert meaning.complete is (item is not None)


OTHERS = [
    ("four five two one", Intent.ITEM_NUMBER),
    ("and four five two two", Intent.ITEM_NUMBER),
    ("it's item four five two one", Intent.ITEM_NUMBER),
    ("what about item four five two two", Intent.ITEM_NUMBER),
    ("the number is four five two one", Intent.ITEM_NUMBER),
    ("and by friday", Intent.DAY),
    ("by the end of the month", Intent.DAY),
    ("tomorrow", Intent.DAY),
    ("what about next friday", Intent.DAY),
    ("what's the status of my last order", Intent.ORDER_STATUS),
    ("i'd like to know the status of my order please", Intent.ORDER_STATUS),
    ("where is my order", Intent.ORDER_STATUS),
    ("has my order shipped yet", Intent.ORDER_STATUS),
    ("when will my order arrive", Intent.ORDER_STATUS),
    ("my last order please", Intent.ORDER_STATUS),
    ("order status", Intent.ORDER_STATUS),
    ("hello i have a question about my order", Intent.ORDER_STATUS),
    ("help", Intent.HELP),
    ("what can i say", Intent.HELP),
    ("can you help me please", Intent.HELP),
    ("can you repeat that please", Intent.REPEAT),
    ("sorry what", Intent.REPEAT),
    ("i didn't get that", Intent.REPEAT),
    ("say again", Intent.REPEAT),
    ("goodbye", Intent.GOODBYE),
    ("thank you goodbye", Intent.GOODBYE),
    ("by", Intent.GOODBYE),
    ("no that's all thanks", Intent.GOODBYE),
    ("that's all thank you very much", Intent.GOODBYE),
    ("nothing else thanks", Intent.GOODBYE),
    ("can i speak to a human", Intent.HUMAN),
    ("i'd like to talk to somebody please", Intent.HUMAN),
    ("put me through to a colleague", Intent.HUMAN),
    ("agent", Intent.HUMAN),
    ("operator please", Intent.HUMAN),
    ("get me a real person", Intent.HUMAN),
    ("thank you", Intent.THANKS),
    ("great thanks", Intent.THANKS),
    ("can you put me through to some one in sales", Intent.HUMAN),
    ("i don't have the number can i talk to someone", Intent.HUMAN),
    ("i don't no the number", Intent.HELP),
    ("no that's it thank", Intent.GOODBYE),
    ("sorry it's four five two one", Intent.ITEM_NUMBER),
    ("what's happening with my order", Intent.ORDER_STATUS),
    ("no", Intent.NO),
    ("no thank you", Intent.NO),
    ("yes", Intent.YES),
    ("okay", Intent.NOTHING),
    ("um", Intent.NOT_UNDERSTOOD),
    ("hold on", Intent.NOTHING),
    ("hello", Intent.NOTHING),
    ("what is the weather like today", Intent.NOT_UNDERSTOOD),
    ("cancel my order", Intent.NOT_UNDERSTOOD),
    ("i want to pay my bill", Intent.NOT_UNDERSTOOD),
    ("is item four five [unk] two one in stock", Intent.NOT_UNDERSTOOD),
    ("[unk] [unk] stock", Intent.NOT_UNDERSTOOD),
    ("[unk]", Intent.NOT_UNDERSTOOD),
    # The last word may belong to a day, or something was said before that is not understood.
    ("how many of item four five two one do you december", Intent.NOT_UNDERSTOOD),
    ("how many of item four five two one do you fourteen", Intent.NOT_UNDERSTOOD),
    ("how many of item four five two one do you third", Intent.NOT_UNDERSTOOD),
    ("how many of item four five two one do you nine [unk]", Intent.NOT_UNDERSTOOD),
    ("by friday how many of item four five two one do you nine", Intent.NOT_UNDERSTOOD),
    ("is item four five two one by the number nineteen", Intent.NOT_UNDERSTOOD),
    ("don't tell me how many of item four five two one do you nine", Intent.NOT_UNDERSTOOD),
    ("cancel how many of item four five two one do you nine", Intent.NOT_UNDERSTOOD),
]


READS: list[tuple[str, Intent, str | None, str | None, int | None]] = [
    ("what does item four five two one cost", Intent.PRICE, "4521", None, None),
    ("price of four five two one", Intent.PRICE, "4521", None, None),
    ("how much are fifty of four five two one", Intent.PRICE, "4521", None, 50),
    ("how much is item four five two one", Intent.PRICE, "4521", None, None),
    ("what would fifty pieces of item four five two one cost me", Intent.PRICE, "4521", None, 50),
    ("can you tell me the price of four five two one please", Intent.PRICE, "4521", None, None),
    ("how much is it", Intent.PRICE, "1234", None, None),
    ("how much are ten of them", Intent.PRICE, "1234", None, 10),
    ("i need a price", Intent.PRICE, None, None, None),
    ("where is order two zero three four", Intent.ORDER, None, "2034", None),
    ("what's the status of order twenty thirty four", Intent.ORDER, None, "2034", None),
    ("where is my order number two zero three four", Intent.ORDER, None, "2034", None),
    ("has order two zero three four been shipped yet", Intent.ORDER, None, "2034", None),
    ("can you check order two zero three four", Intent.ORDER, None, "2034", None),
    ("order for five two one", Intent.ORDER_NUMBER, None, "4521", None),
    ("where is order two zero", Intent.ORDER, None, None, None),
    ("status of an order", Intent.ORDER, None, None, None),
    ("track my order", Intent.TRACKING, None, None, None),
    ("what's the tracking number", Intent.TRACKING, None, None, None),
    ("tracking number of order two zero three four", Intent.ORDER_TRACKING, None, "2034", None),
    ("i want to track an order", Intent.ORDER_TRACKING, None, None, None),
    ("what are my recent orders", Intent.ORDER_HISTORY, None, None, None),
    ("list my orders", Intent.ORDER_HISTORY, None, None, None),
    ("what do i owe", Intent.BALANCE, None, None, None),
    ("my account balance please", Intent.BALANCE, None, None, None),
    # The word that stands by a number decides: these are items.
    ("can i order four five two one", Intent.AVAILABILITY, "4521", None, None),
    ("i need to order item four five two one", Intent.AVAILABILITY, "4521", None, None),
    ("how much of item four five two one is available", Intent.AVAILABILITY, "4521", None, None),
]


@pytest.mark.parametrize(("text", "intent", "item", "order", "amount"), READS)
def test_the_other_reads(
    text: str, intent: Intent, item: str | None, order: str | None, amount: int | None
) -> None:
    known = replace(state(), topic=Question(item_number="1234"))
    meaning = understand(text, known)
    assert (meaning.intent, meaning.item_number) == (intent, item)
    assert (meaning.order_number, meaning.amount) == (order, amount)
    assert meaning.day is None


class TestWhichOrder:
    @pytest.mark.parametrize(
        "text",
        [
            "two zero three four",
            "it's two zero three four",
            "number two zero three four please",
            "order two zero three four",
            "the order number is two zero three four",
        ],
    )
    def test_a_bare_number_is_the_orders_that_was_asked_for(self, text: str) -> None:
        meaning = understand(text, StateName.ASKING_ORDER)
        assert (meaning.intent, meaning.order_number) == (Intent.ORDER_NUMBER, "2034")
        assert (meaning.item_number, meaning.complete) == (None, True)

    def test_a_bare_number_goes_on_with_the_question_for_an_order(self) -> None:
        asked = replace(state(StateName.CHECKING), open=Question(Subject.LAST_ORDER))
        assert understand("two zero three four", asked).order_number == "2034"
        asked = replace(asked, open=Question(Subject.AVAILABILITY, "4522"))
        assert understand("four five two one", asked).item_number == "4521"

    def test_an_item_is_one_by_its_word(self) -> None:
        meaning = understand("item four five two one", StateName.ASKING_ORDER)
        assert (meaning.intent, meaning.item_number) == (Intent.ITEM_NUMBER, "4521")

    def test_a_doubtful_digit_is_asked_for_again(self) -> None:
        meaning = unsure("where is order two zero three four", "three", 0.55)
        assert (meaning.intent, meaning.order_number) == (Intent.ORDER, None)

    def test_digits_as_the_settings_have_them(self) -> None:
        understander = Understander(DialogueSettings(order_digits_min=2, order_digits_max=3))
        asking = state(StateName.ASKING_ORDER)
        for text, number in (("two zero", "20"), ("two zero three four", None)):
            meaning = understander.understand(Transcript(text, (), True), asking, TODAY)
            assert meaning.order_number == number


class TestRetry:
    @pytest.mark.parametrize(
        ("text", "intent"),
        [
            ("one", Intent.RETRY),
            ("press one", Intent.RETRY),
            ("try again", Intent.RETRY),
            ("yes please", Intent.YES),
            ("zero", Intent.HUMAN),
            ("a colleague", Intent.HUMAN),
            ("no thanks", Intent.NO),
            ("two", Intent.ITEM_NUMBER),
        ],
    )
    def test_what_may_be_answered(self, text: str, intent: Intent) -> None:
        assert understand(text, StateName.OFFERING_RETRY).intent is intent


@pytest.mark.parametrize(("text", "intent"), OTHERS)
def test_other_intents(text: str, intent: Intent) -> None:
    assert understand(text).intent is intent


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("is item four five two one in stock", True),
        ("is item four five two one in stock by", False),
        ("is item four five two one in stock and", False),
        ("is item four five", False),
        # The rest of the question follows after a pause.
        ("is item four five two one", False),
        ("how many of item four five two one", False),
        ("how many pieces of item four five two one", False),
        ("so is item four five two one", False),
        ("i'd like to no if item four five two one", False),
        ("the number is four five two one", True),
        ("do you have item four five two one", True),
        ("do you have item", False),
        ("four five two", False),
        ("four five two one", True),
        ("what's the status of my last order", True),
        ("where is order two zero three four", True),
        ("has order two zero three four", False),
        ("is order two zero three four", False),
        ("when will order two zero three four", False),
        ("where is order two zero", False),
        ("order two zero three four", True),
        ("track my order", True),
        ("what's the tracking number", False),
        ("what does item four five two one", False),
        ("what does item four five two one cost", True),
        ("what are my recent orders", True),
        ("i'd like to check availability", False),
        ("on the third", False),
        ("on the third of december", True),
        ("goodbye", True),
        ("help", True),
        ("a colleague", True),
        ("yes", False),
        ("okay", False),
        ("", False),
    ],
)
def test_completeness_while_listening(text: str, complete: bool) -> None:
    assert understand(text).complete is complete


def test_a_longer_number_may_still_come() -> None:
    understander = Understander(DialogueSettings(item_digits_min=4, item_digits_max=6))
    meaning = understander.understand(Transcript("four five two one", (), False), state(), TODAY)
    assert (meaning.item_number, meaning.complete) == ("4521", False)


class TestOffer:
    @pytest.mark.parametrize(
        "text", ["yes", "yes please", "okay", "sure", "please do", "all right"]
    )
    def test_yes(self, text: str) -> None:
        meaning = understand(text, StateName.OFFERING_HUMAN)
        assert (meaning.intent, meaning.complete) == (Intent.YES, True)

    @pytest.mark.parametrize("text", ["no", "no thanks", "no thank you", "not now", "i'm fine"])
    def test_no(self, text: str) -> None:
        meaning = understand(text, StateName.OFFERING_HUMAN)
        assert (meaning.intent, meaning.complete) == (Intent.NO, True)

    @pytest.mark.parametrize(
        "text",
        ["one", "number one", "the first one", "[unk] someone", "[unk] please", "two", "no two"],
    )
    def test_what_answers_nothing(self, text: str) -> None:
        meaning = understand(text, StateName.OFFERING_HUMAN)
        assert meaning.intent in (Intent.NOT_UNDERSTOOD, Intent.ITEM_NUMBER)
        assert (meaning.item_number, meaning.complete) == (None, False)

    def test_a_question_instead(self) -> None:
        meaning = understand("no is item four five two one in stock", StateName.OFFERING_HUMAN)
        assert meaning.intent is Intent.AVAILABILITY


class TestChoice:
    @pytest.mark.parametrize(
        ("text", "choice"),
        [
            ("one", 1),
            ("two please", 2),
            ("to", 2),
            ("number two", 2),
            ("the first one", 1),
            ("this is anna berg", 1),
            ("bob", 2),
            ("southwind", 2),
            ("i'm bob cole of southwind", 2),
            ("nine", 9),
        ],
    )
    def test_by_number_or_name(self, text: str, choice: int) -> None:
        meaning = understand(text, StateName.CHOOSING_CONTACT)
        assert (meaning.intent, meaning.choice) == (Intent.CHOICE, choice)

    @pytest.mark.parametrize("text", ["anna bob", "one two", "berg cole"])
    def test_two_at_once_are_none(self, text: str) -> None:
        assert understand(text, StateName.CHOOSING_CONTACT).choice is None

    def test_a_way_out_is_understood(self) -> None:
        assert understand("neither", StateName.CHOOSING_CONTACT).intent is Intent.NO
        assert understand("a colleague please", StateName.CHOOSING_CONTACT).intent is Intent.HUMAN


class TestHearing:
    def test_low_confidence_is_not_understood(self) -> None:
        meaning = understand("is item four five two one in stock", confidence=0.3)
        assert meaning.intent is Intent.NOT_UNDERSTOOD
        assert meaning.confidence == pytest.approx(0.3)
        assert meaning.text

    def test_a_doubtful_digit_is_asked_for_again(self) -> None:
        meaning = unsure("is item four five two one in stock by friday", "five", 0.55)
        assert (meaning.intent, meaning.item_number) == (Intent.AVAILABILITY, None)
        assert (meaning.day, meaning.complete) == (FRIDAY, False)
        sure = unsure("is item four five two one in stock by friday", "five", 0.65)
        assert (sure.item_number, sure.complete) == ("4521", True)

    def test_a_doubtful_day_makes_no_question_for_today(self) -> None:
        meaning = unsure("is item four five two one in stock by friday", "friday", 0.55)
        assert meaning == Meaning(
            Intent.NOT_UNDERSTOOD, meaning.text, confidence=meaning.confidence
        )

    def test_a_misheard_end_is_forgiven_only_after_clear_words(self) -> None:
        text = "how many of item four five two one do you nine"
        assert unsure(text, "nine", 0.65).item_number == "4521"
        assert unsure(text, "many", 0.7).intent is Intent.NOT_UNDERSTOOD

    def test_an_item_that_was_not_named_is_not_the_one_before(self) -> None:
        known = replace(state(), topic=Question(item_number="4521"))
        assert understand("do you have item", known).item_number is None

    def test_goodbye_must_be_heard_from_end_to_end(self) -> None:
        assert understand("[unk] thank you goodbye").intent is Intent.NOT_UNDERSTOOD

    def test_it_is_the_item_before(self) -> None:
        known = replace(state(), topic=Question(item_number="4521"))
        meaning = understand("is it available by friday", known)
        assert (meaning.item_number, meaning.day, meaning.complete) == ("4521", FRIDAY, True)
        assert understand("is it available by friday").item_number is None

    def test_no_second_chance_for_digits_days_and_endings(self) -> None:
        assert understand("is item four five two one in stock by fridays").day is None
        assert understand("goodbyes and thanks to all").intent is Intent.NOT_UNDERSTOOD

    def test_a_turn_without_words_has_no_text(self) -> None:
        assert understand("") == Meaning(Intent.NOT_UNDERSTOOD, confidence=1.0)

    def test_a_turn_that_is_too_long_is_not_read(self) -> None:
        text = "is item four five two one in stock " * 20
        assert len(text) > understanding.TEXT_MAX
        assert understand(text).intent is Intent.NOT_UNDERSTOOD


WORDS = [
    *("what", "does", "cost", "where", "track", "price", "how", "much", "orders", "balance"),
    *("is", "item", "four", "five", "two", "one", "in", "stock", "by", "friday", "the", "third"),
    *("of", "december", "[unk]", "yes", "no", "my", "order", "um", "please", "hundred", "double"),
    *("thank", "you", "oh", "next", "end", "month", "'", "{item}", "d20261127", "99999999999"),
]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14), st.sampled_from(StateName))
def test_never_raises_and_never_makes_up_a_number(words: list[str], name: StateName) -> None:
    meaning = understand(" ".join(words), name)
    for number in (meaning.item_number, meaning.order_number):
        assert number is None or len(number) == 4
    if meaning.day is not None:
        assert meaning.day >= TODAY


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_taken(text: str) -> None:
    UNDERSTANDER.understand(Transcript(text, (), True), state(), TODAY)
