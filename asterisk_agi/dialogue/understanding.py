"""Understands a caller's turn: transcript and state in, one `Meaning` out.

The steps: judge how well it was heard; fold numbers and days into one word each; match the whole
sentence against the templates, first as it was said, then without politeness, then without what
hangs loose at its end; at last give small slips a second chance. What matches nothing is
NOT_UNDERSTOOD: this file never guesses. English only. Pure: the day is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import date, datetime

from asterisk_agi.dialogue import grammar, templates
from asterisk_agi.dialogue.dates import FoundDay, fold_day
from asterisk_agi.dialogue.events import Intent, Meaning
from asterisk_agi.dialogue.numbers import fold_numbers, join_digits
from asterisk_agi.dialogue.questions import ABOUT_AN_ORDER
from asterisk_agi.dialogue.second_chance import SecondChance, clear_question
from asterisk_agi.dialogue.spoken import MONTHS, WEEKDAYS
from asterisk_agi.dialogue.state import DESK_STATES, CallState, DialogueSettings, StateName
from asterisk_agi.dialogue.templates import Match, Sentences
from asterisk_agi.speech.port import Transcript

TEXT_MAX = 300
"""Characters of a turn that are read. A longer turn is no question that we know."""
UNKNOWN_MAX = 0.5
"""Share of a turn's words that may be outside the grammar (`[unk]`)."""
UNKNOWN = "[unk]"

_NOT_A_WORD = re.compile(r"[^a-z0-9'\[\] ]+")
_SOUND_ALIKES = (
    # The recogniser listens for "no" only, and can't tell "bye" from "by".
    (re.compile(r"\b(to|don't|you) no\b"), r"\1 know"),
    (re.compile(r"\bthank$"), "thanks"),
    (re.compile(r"\bsome one\b"), "someone"),
    (re.compile(r"\bthat right$"), "that's right"),
    (re.compile(r"\bfour(?= (?:item|part|product|number|me)\b)"), "for"),
    (re.compile(r"^by$|(?<=\bthanks )by$|(?<=\byou )by$|(?<=\bokay )by$|(?<=\ball )by$"), "bye"),
)
_DAY = re.compile(r"d\d{8}")
_VALUE_CONFIDENCE_MIN = 0.6
"""Confidence of the least sure word of an item number or a day, below which it is asked for again.
Measured with seven voices: it refuses seven of nine wrong numbers, and one right one of 36."""
_SURE_OF_A_NUMBER = 0.8
"""Confidence of every word of a question whose last word is forgiven."""
_NUMBER_WORDS = {*grammar.DIGITS, *grammar.TEENS, *grammar.TENS, "double", "hundred", "thousand"}
_DAY_WORDS = {
    *(name.lower() for name in (*MONTHS, *WEEKDAYS)),
    *grammar.ORDINALS,
    *grammar.TENS[:2],
    *("today", "tomorrow"),
}
_YES_IN_PASSING = {"okay", "right", "all right", "correct", "please", "exactly"}
"""Said while listening, as well as for yes: only an offer makes a yes of them."""
_HALF_SAID = re.compile(
    r".*(?:\b(?:if|whether|how (?:many|much)(?: pieces| units)?(?: of)?|(?:has|did|does|when \w+))"
    r"|(?:^|\b(?:so|and|um|hi|hello|okay|yes|please) )(?:is|are|was|will|would))"
    r" (?:(?:the|my|item|items|part|product|article|piece|order|number) )*\d+$"
    r"|.*\btracking(?: number)?$"
)
"""A question that ends with the item's or order's number: "in stock" or "been shipped" follows;
or one for "the tracking number": "of order 2034" follows."""
_ITEM_WORD = re.compile(r"\b(?:items?|parts?|product|article|piece)\b")
"""Says that a number is an item's, also where an order's is asked for."""
_TOO_LITTLE = {*_YES_IN_PASSING, "someone", "somebody", "anyone", "anybody", "people"}
"""Alone beside a gap these mean nothing: "the first one" was heard as `[unk] someone`."""
_ANSWERING = (
    StateName.OFFERING_HUMAN,
    StateName.OFFERING_RETRY,
    StateName.CHOOSING_CONTACT,
    StateName.OFFERING_CALLBACK,
    StateName.CONFIRMING_CALLBACK,
)
_KEYS_MAX = 3
"""Keys of the offer of a call-back."""
_KEYS_BY_NAME = {"one": Intent.RETRY, "1": Intent.RETRY, "zero": Intent.HUMAN, "oh": Intent.HUMAN}
"""The keys that a caller who is to press one may say instead."""


@dataclass(frozen=True)
class _Heard:
    """A turn as it was heard, and as it is matched."""

    text: str
    folded: str
    found: FoundDay
    confidence: float
    gaps: bool
    sure_of_number: bool
    """No digit was heard so badly that it may be another one."""
    sure_of_day: bool


class Understander:
    """Understands the turns of one profile's calls. Holds no state of a call."""

    def __init__(self, settings: DialogueSettings) -> None:
        self._settings = settings
        self._sentences = templates.english()
        self._stripper = _Stripper(self._sentences)
        self._second_chance = SecondChance(self._sentences)
        grammar.prepare()

    def understand(self, transcript: Transcript, state: CallState, today: date) -> Meaning:
        """Return what the caller means.

        transcript: partial or final; of a partial one `Meaning.complete` tells whether more is
        likely to follow. Never raises; an empty text comes back as NOT_UNDERSTOOD without text.
        """
        text = _normalised(transcript.text)
        confidence = transcript.confidence if transcript.words else 1.0
        nothing = Meaning(Intent.NOT_UNDERSTOOD, text, confidence=confidence)
        if not text or len(text) > TEXT_MAX or self._badly_heard(text, confidence):
            return nothing
        if state.name is StateName.CHOOSING_CONTACT:
            choice = _choice(text, state)
            if choice is not None:
                return Meaning(Intent.CHOICE, text, None, None, choice, None, confidence, True)
        if state.name is StateName.OFFERING_RETRY:
            key = _key(text)
            if key is not None:
                return Meaning(key, text, confidence=confidence, complete=True)
        if state.name is StateName.OFFERING_CALLBACK:
            number = _number(text)
            if number is not None and number <= _KEYS_MAX:
                return Meaning(Intent.CHOICE, text, None, None, number, None, confidence, True)
        heard = self._read(text, transcript, confidence, today)
        for attempt, certain in self._attempts(heard):
            match = self._match(attempt)
            if match is not None:
                return self._meaning(match, heard, state, certain)
        return self._despite_last_word(transcript, heard, state) or nothing

    def _badly_heard(self, text: str, confidence: float) -> bool:
        words = text.split()
        return (
            confidence < self._settings.confidence_min
            or words.count(UNKNOWN) > len(words) * UNKNOWN_MAX
        )

    def _read(self, text: str, transcript: Transcript, confidence: float, today: date) -> _Heard:
        # A gap stays in its place until the digits are joined: it may have been a digit.
        plain = self._stripper.without_hesitations(text)
        found = fold_day(fold_numbers(plain), today)
        folded = _words_of_one(join_digits(found.text))
        words = [word for word in folded.split() if word != UNKNOWN]
        return _Heard(
            text,
            " ".join(words),
            found,
            confidence,
            gaps=UNKNOWN in text,
            sure_of_number=_sure(transcript, _NUMBER_WORDS),
            sure_of_day=_sure(transcript, _DAY_WORDS),
        )

    def _attempts(self, heard: _Heard) -> Iterator[tuple[str, bool]]:
        """Yield texts to match, and whether a match of it may be complete."""
        seen = {""}
        politeless = self._stripper.without_politeness(heard.folded)
        bare = self._stripper.bare(heard.folded)
        cut = self._stripper.without_danglers(bare)
        for text in (heard.folded, politeless, bare, cut):
            if text not in seen:
                yield text, text != cut or cut == bare
                seen.add(text)
        for text in (heard.folded, cut):
            mended = self._second_chance.mended(text)
            if mended is not None:
                yield mended, cut == bare

    def _match(self, text: str) -> Match | None:
        words = text.split()
        numbers = [word for word in words if word.isdigit()]
        days = [word for word in words if _DAY.fullmatch(word)]
        return self._sentences.match(text, numbers, days)

    def _despite_last_word(
        self, transcript: Transcript, heard: _Heard, state: CallState
    ) -> Meaning | None:
        """Understand a question for an item whose last word was misheard: `... do you nine`.

        Only where that word can't have been a digit or a day, and the rest was heard well.
        """
        rest = clear_question(self._stripper.bare(heard.folded))
        sure = all(word.confidence >= _SURE_OF_A_NUMBER for word in transcript.words[:-1])
        if rest is None or heard.gaps or not sure:
            return None
        match = self._match(rest)
        if match is None:
            return None
        meaning = self._meaning(match, heard, state, certain=True)
        return meaning if meaning.item_number is not None else None

    # From the template to the meaning

    def _meaning(self, match: Match, heard: _Heard, state: CallState, certain: bool) -> Meaning:
        intent = _intent(match, heard, state)
        item = self._item(match, heard, state)
        order = self._order(match, heard)
        if intent is Intent.ORDER_NUMBER and match.group == "ItemNumber":
            item, order = None, self._order(match, heard, slot="item")
        day = _day(match)
        if day is not None and not heard.sure_of_day:
            # Without its day the question would be another one.
            return Meaning(Intent.NOT_UNDERSTOOD, heard.text, confidence=heard.confidence)
        return Meaning(
            intent=intent,
            text=heard.text,
            item_number=item,
            day=day,
            amount=int(match.slots["amount"]) if "amount" in match.slots else None,
            confidence=heard.confidence,
            complete=certain and self._complete(intent, item or order, heard, state),
            order_number=order,
        )

    def _item(self, match: Match, heard: _Heard, state: CallState) -> str | None:
        if match.group in templates.REFERS_BACK:
            return state.topic.item_number
        number = match.slots.get("item", "")
        fits = self._settings.item_digits_min <= len(number) <= self._settings.item_digits_max
        return number if fits and heard.sure_of_number else None

    def _order(self, match: Match, heard: _Heard, slot: str = "order") -> str | None:
        number = match.slots.get(slot, "")
        fits = self._settings.order_digits_min <= len(number) <= self._settings.order_digits_max
        return number if fits and heard.sure_of_number else None

    def _complete(
        self, intent: Intent, number: str | None, heard: _Heard, state: CallState
    ) -> bool:
        if heard.found.open_ended or _HALF_SAID.fullmatch(heard.folded):
            return False
        if intent in _OF_AN_ITEM:
            return number is not None and len(number) == self._settings.item_digits_max
        if intent in _OF_AN_ORDER:
            return number is not None and len(number) == self._settings.order_digits_max
        if intent is Intent.YES:
            # Anywhere else a question may follow: "yes, is item 4521 in stock?"
            return state.name in _ANSWERING
        return intent in _WHOLE


_OF_AN_ITEM = {Intent.AVAILABILITY, Intent.PRICE, Intent.ITEM_NUMBER}
_OF_AN_ORDER = {Intent.ORDER, Intent.ORDER_TRACKING, Intent.ORDER_NUMBER}
_WHOLE = {
    Intent.DAY,
    Intent.ORDER_STATUS,
    Intent.TRACKING,
    Intent.ORDER_HISTORY,
    Intent.BALANCE,
    Intent.RETRY,
    Intent.HELP,
    Intent.REPEAT,
    Intent.GOODBYE,
    Intent.HUMAN,
    Intent.NO,
    Intent.HOLD,
    Intent.CALL_BACK,
    Intent.LEAVE_MESSAGE,
}


def _intent(match: Match, heard: _Heard, state: CallState) -> Intent:
    intent = templates.INTENTS[match.group]
    if _is_out_of_place(match, heard, state):
        return Intent.NOT_UNDERSTOOD
    if intent is Intent.ITEM_NUMBER and _order_is_meant(state):
        return intent if _ITEM_WORD.search(heard.folded) else Intent.ORDER_NUMBER
    if heard.gaps and heard.folded in _TOO_LITTLE:
        return Intent.NOT_UNDERSTOOD
    if intent is Intent.YES and heard.folded in _YES_IN_PASSING and state.name not in _ANSWERING:
        return Intent.NOTHING
    return intent


def _is_out_of_place(match: Match, heard: _Heard, state: CallState) -> bool:
    """Tell whether a sentence must not count here, though it is one that we know."""
    if match.group in templates.OF_THE_DESK:
        return state.name not in DESK_STATES
    # These end the call, or book: only what was heard from end to end may do that.
    books = match.group == "Yes" and state.name is StateName.CONFIRMING_CALLBACK
    return heard.gaps and (books or match.group == "Goodbye")


def _order_is_meant(state: CallState) -> bool:
    """Tell whether a bare number is an order's: we asked for it, or "where is my order" goes on."""
    if state.name is StateName.CHECKING and state.open is not None:
        return state.open.subject in ABOUT_AN_ORDER
    return state.name is StateName.ASKING_ORDER


def _sure(transcript: Transcript, words: Set[str]) -> bool:
    """Tell whether each of these words that was heard was heard well."""
    found = (word.confidence for word in transcript.words if word.text in words)
    return min(found, default=1.0) >= _VALUE_CONFIDENCE_MIN


def _day(match: Match) -> date | None:
    text = match.slots.get("day")
    return None if text is None else datetime.strptime(text, "d%Y%m%d").date()


# Text


def _normalised(text: str) -> str:
    """Return lower case words without punctuation; `[unk]` stays."""
    words = " ".join(_NOT_A_WORD.sub(" ", text.lower()).split())
    for pattern, meant in _SOUND_ALIKES:
        words = pattern.sub(meant, words)
    return words


def _words_of_one(text: str) -> str:
    """Return folded text with a lonely `1` as the word: `another 1` is `another one`."""
    return " ".join("one" if word == "1" else word for word in text.split())


class _Stripper:
    """Takes away the words of a sentence that mean nothing."""

    def __init__(self, sentences: Sentences) -> None:
        self._hesitations = _any_of(sentences.hesitations)
        self._politeness = _any_of(sentences.politeness)
        self._lead_in = re.compile(rf"^(?:(?:{_alternatives(sentences.lead_ins)})\b ?)+")
        self._danglers = re.compile(rf"(?: ?\b(?:{_alternatives(sentences.danglers)}))+$")

    def without_hesitations(self, text: str) -> str:
        return _squeezed(self._hesitations.sub(" ", text))

    def without_politeness(self, text: str) -> str:
        return _squeezed(self._politeness.sub(" ", text))

    def without_lead_in(self, text: str) -> str:
        return _squeezed(self._lead_in.sub("", text))

    def bare(self, text: str) -> str:
        """Return text without politeness and what stands before the sentence."""
        return self.without_lead_in(self.without_politeness(text))

    def without_danglers(self, text: str) -> str:
        return _squeezed(self._danglers.sub("", text))


def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\S)(?:{_alternatives(phrases)})(?!\S)")


def _alternatives(phrases: tuple[str, ...]) -> str:
    longest_first = sorted(phrases, key=len, reverse=True)
    return "|".join(re.escape(phrase) for phrase in longest_first)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _key(text: str) -> Intent | None:
    """Return what the key means that was said instead of pressed: "press one", "zero"."""
    words = [word for word in text.split() if word not in _ABOUT_A_CHOICE]
    return _KEYS_BY_NAME.get(words[0]) if len(words) == 1 else None


# Choosing one of several contacts

_ABOUT_A_CHOICE = {
    *("the", "a", "number", "option", "choice", "press", "i'm", "it's", "that's", "think"),
    *("this", "is", "please", "um", "uh", "contact", "person", "am", "i", "it", "speaking", "of"),
    *("from", "at", "my", "name", "here"),
}
_NUMBERS = {
    name: value
    for value, names in enumerate(
        (
            ("one", "first", "1", "won"),
            ("two", "second", "2", "to", "too"),
            ("three", "third", "3"),
            ("four", "fourth", "4", "for"),
            ("five", "fifth", "5"),
            ("six", "sixth", "6"),
            ("seven", "seventh", "7"),
            ("eight", "eighth", "8"),
            ("nine", "ninth", "9"),
        ),
        start=1,
    )
    for name in names
}


def _choice(text: str, state: CallState) -> int | None:
    """Return the number of the contact that the caller chose by number or name, or None."""
    number = _number(text)
    if number is not None:
        return number
    return _named({word for word in text.split() if word not in _ABOUT_A_CHOICE}, state)


def _number(text: str) -> int | None:
    """Return the number that was said of a list: "two", "the second one", "press two"."""
    words = [word for word in text.split() if word not in _ABOUT_A_CHOICE]
    if len(words) == 2 and words[0] in _NUMBERS and words[1] in ("one", "1"):
        words = words[:1]
    return _NUMBERS.get(words[0]) if len(words) == 1 else None


def _named(words: set[str], state: CallState) -> int | None:
    names = [
        set(_normalised(f"{customer.contact} {customer.name}").split())
        for customer in state.caller.matches
    ]
    if not words:
        return None
    fitting = [number for number, name in enumerate(names, start=1) if words <= name]
    return fitting[0] if len(fitting) == 1 else None
