"""Phrases for the recogniser, by state: as wide as what people really say there.

They are made of the same templates that understanding matches, so the two cannot drift. The
recogniser makes a bigram model of them, so only pairs of neighbouring words matter: of all
sentences that the templates make, a small set that has every pair is enough. Numbers and dates
are chains of words in every order that people say them in. Words must be in the vocabulary of
the speech model; a test checks them. Pure.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import re
from collections.abc import Iterable, Iterator, Set

from asterisk_agi.dialogue import templates
from asterisk_agi.dialogue.spoken import MONTHS, WEEKDAYS
from asterisk_agi.dialogue.state import CallState, StateName

PHRASES_MAX = 1500
"""Changing to a grammar of 1,400 phrases takes Vosk 7 to 12 ms on busy cores, off the loop."""
COMMON_TIMES = 8
"""How often a common sentence stands in the grammar, each time with other values."""

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "oh")
TEENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth", "twentieth", "thirtieth"),
)
_CONFUSING = {"an", "then", "see", "goods", "employee", "nah", "huh", "yet", "yep"}
"""Words that templates take, but that are heard more often in the place of another ("and", "ten",
"say") than where they were said: measured with six voices."""
_HEARD_AS = {"know": "no"}
"""Words that sound alike share the confidence of what was said, so only one of them is listened
for; `understanding.py` turns it back where the other one stands ("I'd like to know")."""
_SLOT = re.compile(r"\{(\w+)\}")


def phrases(state: CallState) -> tuple[str, ...]:
    """Return the grammar of a state. `[unk]` is added by the engine."""
    if state.name is StateName.OFFERING_RETRY or _asks_to_try_again(state):
        return _retry_phrases()
    if state.name in _SHORT:
        return _short_phrases()
    if state.name is StateName.CONFIRMING_CALLBACK:
        return _confirming_phrases()
    if state.name in (StateName.OFFERING_CALLBACK, StateName.KEYING_NUMBER):
        return _desk_phrases()
    if state.name is StateName.CHOOSING_CONTACT:
        return (*_choice_phrases(), *_names(state))
    return _open_phrases()


def _asks_to_try_again(state: CallState) -> bool:
    """Tell whether a caller whom no human took is asked so."""
    return state.name is StateName.OFFERING_HUMAN and state.people.failures > 0


_SHORT = {
    StateName.OFFERING_HUMAN,
    StateName.ASKING_DESK,
    StateName.BOOKING_CALLBACK,
}


@functools.lru_cache(maxsize=1)
def _open_phrases() -> tuple[str, ...]:
    """Return what may be said anywhere, also where an item number is asked for.

    A narrow grammar there heard full questions wrong, and bare numbers no better.
    """
    return _unique(
        (
            *_filled(_covering(_all_sentences(), _CONFUSING)),
            *_filled(itertools.chain(*[templates.english().common] * COMMON_TIMES)),
            *_openings(),
            *_item_numbers(),
            *_whens(),
            *_WISHES,
        )
    )


_WISHES = (
    *("call me back", "please call me back", "can someone call me back", "can you call me back"),
    *("could someone call me back", "i'd like a call back", "leave a message"),
    *("can i leave a message", "i'd like to leave a message"),
)
"""What is asked for anywhere instead of a human. Few on purpose: the rest is heard worse for it."""


def _openings() -> Iterator[str]:
    """Yield what stands before a question, with the question's first words."""
    for hesitation in ("um", "uh", "er", "hi", "hello", "okay", "yes", "and"):
        for start in ("is item", "do you have item", "could you tell me if item", "can you"):
            yield f"{hesitation} {start}"
    for asking in ("do you know", "i'd like to know", "i need to know", "i was wondering"):
        yield from (f"{asking} {link} item" for link in ("if", "whether", "how many of"))
        yield f"{asking} if you have item"


@functools.lru_cache(maxsize=1)
def _short_phrases() -> tuple[str, ...]:
    """Return yes and no, and the little that goes anywhere.

    Few on purpose: every further short word takes confidence from "no" and "yes".
    """
    groups = (templates.english().samples(group) for group in ("Yes", "No"))
    answers = (text for text in itertools.chain(*groups) if len(text.split()) <= _SHORT_WORDS)
    return _unique((*_covering(answers, _CONFUSING_SHORT), *_ANYWHERE, *_NO_ANSWERS))


_SHORT_WORDS = 3
_CONFUSING_SHORT = {"yep", "nope", "nah", "never", "not", "on", "very", "right", "none", "neither"}
_NO_ANSWERS = (
    *("one", "two", "number one", "number two", "the first one", "the second one"),
    *("number one please", "number two please", "yes that would be great", "not now"),
    "no it's all right",
)
"""Said as if there was a list to choose from: unheard, they would be taken for what they sound
like, "someone" or "no"."""
_ANYWHERE = (
    *("goodbye", "bye", "thank you", "thanks", "help", "repeat that", "repeat", "say that again"),
    *("human", "a human", "colleague", "a colleague", "agent", "operator", "a person"),
    *("speak to a human", "speak to someone", "speak to a colleague", "talk to someone"),
    *("can i speak to a human", "could i speak to someone", "put me through", "um", "uh"),
    *("that's all", "no that's all", "no goodbye"),
)


@functools.lru_cache(maxsize=1)
def _retry_phrases() -> tuple[str, ...]:
    again = (*_covering(templates.english().samples("Retry"), set()), "press one", "zero")
    return _unique((*again, *_short_phrases()))


@functools.lru_cache(maxsize=1)
def _desk_phrases() -> tuple[str, ...]:
    """Return what is said where holding, a call-back or a message are offered."""
    sentences = templates.english()
    offers = itertools.chain(*(sentences.samples(group) for group in templates.OFFERS))
    keys = (f"{before}{key}" for before in ("", "press ") for key in ("one", "two", "three"))
    return _unique((*_covering(offers, _CONFUSING), *_DESK_COMMON * 3, *keys, *_short_phrases()))


@functools.lru_cache(maxsize=1)
def _confirming_phrases() -> tuple[str, ...]:
    wrong = _covering(templates.english().samples("NotRight"), set())
    return _unique((*wrong, *_CONFIRMED, *_short_phrases()))


_CONFIRMED = (
    *("that's right", "yes that's right", "that's correct", "yes that's correct", "correct"),
    *("yes it is", "yes do that", "yes please do"),
)
"""A yes to "is that right?": without these, "that's right" was heard as "that right"."""
_DESK_COMMON = (
    *("call me back", "yes call me back", "a call back please", "call me back please"),
    *("i'll hold", "i'll wait", "hold", "no i'll hold", "i'll hold please", "i'd rather wait"),
    *("leave a message", "i'll leave a message", "a message", "yes please", "please call me back"),
)


@functools.lru_cache(maxsize=1)
def _choice_phrases() -> tuple[str, ...]:
    digits = DIGITS[1:10]
    own = (f"{before}{digit}" for before in ("", "number ", "press ") for digit in digits)
    ordinals = (f"the {ordinal} one" for ordinal in ORDINALS[:9])
    return _unique((*own, *ordinals, "this is", "i'm", "it's", *_short_phrases()))


def _names(state: CallState) -> Iterator[str]:
    """Yield the names of the contacts; the engine leaves out words that its model lacks."""
    for customer in state.caller.matches:
        for name in (customer.contact, customer.name):
            text = " ".join(re.findall(r"[a-z']+", name.lower()))
            if text:
                yield text


def prepare() -> None:
    """Make the grammars now, which takes a fifth of a second, so that no call pays for it."""
    asked = (_short_phrases, _retry_phrases, _choice_phrases, _desk_phrases, _confirming_phrases)
    for make in (_open_phrases, *asked):
        make()


# Sentences of the templates


def _all_sentences() -> Iterator[str]:
    sentences = templates.english()
    for group in templates.INTENTS:
        if group not in (*templates.OF_THE_DESK, *templates.OFFERS):
            yield from sentences.samples(group)
    for rule in _RULES:
        yield from sentences.rule_samples(rule)
    yield from sentences.politeness
    yield from sentences.hesitations
    yield from sentences.lead_ins


_RULES = (
    *("item", "there", "when", "human", "order", "orders", "named", "price", "cost", "some"),
    *("bye", "all", "stock", "it"),
)
"""The rules that sentences share: their forms are sampled by themselves."""


def _covering(sentences: Iterable[str], without: Set[str]) -> tuple[str, ...]:
    """Return a few of the sentences that hold every pair of neighbouring words of all of them.

    A slot counts as a word. The sentence that brings most new pairs comes first (greedy cover).
    """
    heap = [
        (-len(pairs), number, sentence, pairs)
        for number, sentence in enumerate(dict.fromkeys(sentences))
        if (pairs := _pairs(sentence)) and without.isdisjoint(sentence.split())
    ]
    heapq.heapify(heap)
    seen: set[tuple[str, str]] = set()
    kept = []
    while heap:
        gain, number, sentence, pairs = heapq.heappop(heap)
        new = pairs - seen
        if new and len(new) < -gain:
            # Its pairs came meanwhile with others: it queues again with what it still brings.
            heapq.heappush(heap, (-len(new), number, sentence, new))
        elif new:
            seen |= new
            kept.append(sentence)
    return tuple(kept)


def _pairs(sentence: str) -> frozenset[tuple[str, str]]:
    return frozenset(itertools.pairwise(("<s>", *sentence.split(), "</s>")))


def _filled(sentences: Iterable[str]) -> Iterator[str]:
    """Put spoken numbers and days in the place of the slots, in turn."""
    values = {
        "item": itertools.cycle(_item_numbers()),
        "order": itertools.cycle(_item_numbers()),
        "amount": itertools.cycle((*TENS, *TEENS, "a hundred", "two hundred", "five hundred")),
        "day": itertools.cycle(_days()),
    }
    for sentence in sentences:
        yield _SLOT.sub(lambda slot: next(values[slot[1]]), sentence)


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Return every phrase once, in the spelling that is listened for."""
    spelled = (" ".join(_HEARD_AS.get(word, word) for word in text.split()) for text in texts)
    return tuple(dict.fromkeys(spelled))


# Numbers and days, as people say them


def _item_numbers() -> Iterator[str]:
    """Yield spoken item numbers that have every pair of digits, and the other styles."""
    by_digits = _windows(_every_pair(DIGITS[:10]), 4)
    by_pairs = (f"{ten} {digit}" for ten in TENS for digit in DIGITS[1:10])
    in_pairs = _joined(by_pairs)
    for number, digits in enumerate(by_digits):
        yield digits
        yield digits.replace("zero", "oh") if "zero" in digits else _turned(digits)
        if number % 2:
            yield next(in_pairs)
    yield from in_pairs
    yield from (f"{ten} {teen}" for ten, teen in zip(TENS, TEENS, strict=False))
    yield from (f"{teen} {ten}" for ten, teen in zip(TENS, reversed(TEENS), strict=False))
    yield from (f"{ten} oh {digit}" for ten, digit in zip(TENS, DIGITS[1:], strict=False))
    yield from (f"{digit} double {digit}" for digit in DIGITS[:10])
    yield from (
        f"{digit} thousand {other} hundred and {ten} {digit}"
        for digit, other, ten in zip(DIGITS[1:], DIGITS[2:], TENS, strict=False)
    )


def _turned(digits: str) -> str:
    return " ".join(reversed(digits.split()))


def _every_pair(words: tuple[str, ...]) -> list[str]:
    """Return a chain in which every word follows every word, itself too.

    The chain walks each cycle (a, b) once: a a b a c a d ... then b b c b d ..., and so on.
    """
    chain: list[str] = []
    for index, word in enumerate(words):
        chain.append(word)
        for other in words[index + 1 :]:
            chain.extend((word, other))
    return [*chain, words[0]]


def _windows(chain: list[str], size: int) -> Iterator[str]:
    """Yield pieces of the chain that overlap by one word, so that no pair is lost."""
    for begin in range(0, len(chain) - 1, size - 1):
        yield " ".join(chain[begin : begin + size])


def _joined(parts: Iterable[str]) -> Iterator[str]:
    """Yield the parts two by two, the first with the last: `twenty one ninety nine`."""
    listed = list(parts)
    half = len(listed) // 2
    for first, second in zip(listed[:half], reversed(listed[half:]), strict=False):
        yield f"{first} {second}"


def _days() -> Iterator[str]:
    """Yield spoken days of every kind, weekdays more often than the others."""
    months = itertools.cycle(name.lower() for name in MONTHS)
    weekdays = [name.lower() for name in WEEKDAYS]
    for weekday, span in zip(weekdays, _SPANS, strict=True):
        yield from ("today", weekday, "tomorrow", f"next {weekday}", span)
    for ordinal in (*ORDINALS, *(f"twenty {ordinal}" for ordinal in ORDINALS[:9])):
        yield f"the {ordinal} of {next(months)}"


def _whens() -> Iterator[str]:
    """Yield days with the words before them that people use with each."""
    for day in _days():
        yield f"by {day}"
        yield f"on {day}" if day.split()[-1] in _CALENDAR_WORDS else f"and {day}"
    befores = itertools.cycle(("by", "on", "by", "before", "by"))
    for month, ordinal in itertools.product(MONTHS, _AFTER_MONTHS):
        yield f"{next(befores)} {month.lower()} {ordinal}"
    units = itertools.cycle(("weeks", "days"))
    for number, unit in zip((*DIGITS[2:], *TEENS), units, strict=False):
        yield from (f"in {number} {unit}", f"in {number} weeks")


_AFTER_MONTHS = (*ORDINALS, *(f"twenty {ordinal}" for ordinal in ORDINALS[3:9:2]), "thirty first")
"""Every word that follows a month, or "fourteenth" is heard as "four" and as a number's end."""
_SPANS = (
    *("the end of the week", "the end of the month", "next week", "this week", "next month"),
    *("the day after tomorrow", "the end of next week"),
)
_CALENDAR_WORDS = {name.lower() for name in (*WEEKDAYS, *MONTHS)} | set(ORDINALS)
