"""The sentences that callers say, read once from the package's YAML and matched by hassil.

A sentence is matched whole. Slots take the numbers and days that were found in this very text,
so that a template never swallows a word that it should not. Phrases for the recogniser are
sampled from the same templates. English only.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml
from hassil import Intents, SlotList, TextSlotList, parse_sentence, recognize_best
from hassil.sample import sample_sentence

from asterisk_agi.dialogue.events import Intent

INTENTS: Mapping[str, Intent] = {
    "Availability": Intent.AVAILABILITY,
    "AvailabilityOfIt": Intent.AVAILABILITY,
    "AvailabilityOpen": Intent.AVAILABILITY,
    "Price": Intent.PRICE,
    "PriceOfIt": Intent.PRICE,
    "PriceOpen": Intent.PRICE,
    "ItemNumber": Intent.ITEM_NUMBER,
    "Day": Intent.DAY,
    "OrderStatus": Intent.ORDER_STATUS,
    "Order": Intent.ORDER,
    "OrderOpen": Intent.ORDER,
    "OrderNumber": Intent.ORDER_NUMBER,
    "Tracking": Intent.TRACKING,
    "OrderTracking": Intent.ORDER_TRACKING,
    "OrderHistory": Intent.ORDER_HISTORY,
    "Balance": Intent.BALANCE,
    "Help": Intent.HELP,
    "Repeat": Intent.REPEAT,
    "Retry": Intent.RETRY,
    "Goodbye": Intent.GOODBYE,
    "Human": Intent.HUMAN,
    "Yes": Intent.YES,
    "No": Intent.NO,
    "Thanks": Intent.THANKS,
    "Nothing": Intent.NOTHING,
    "Hold": Intent.HOLD,
    "CallBack": Intent.CALL_BACK,
    "LeaveMessage": Intent.LEAVE_MESSAGE,
    "NotRight": Intent.NO,
}
"""What each group of templates means."""

OFFERS = ("Hold", "CallBack", "LeaveMessage")
OF_THE_DESK = ("Hold", "NotRight")
"""The groups that are listened for, and mean something, only where these things are offered."""

REFERS_BACK = {"AvailabilityOfIt", "PriceOfIt"}
"""The groups whose item is the one that was talked of before."""


@dataclass(frozen=True)
class Match:
    """The template that a sentence matched: its group, and the texts of its slots."""

    group: str
    slots: Mapping[str, str]


@dataclass(frozen=True)
class Sentences:
    """The content of one language's file."""

    intents: Intents
    hesitations: tuple[str, ...]
    politeness: tuple[str, ...]
    lead_ins: tuple[str, ...]
    danglers: tuple[str, ...]
    common: tuple[str, ...]
    """What is said most, with slots: the recogniser is to expect it more than the rest."""

    def match(self, text: str, numbers: Iterable[str], days: Iterable[str]) -> Match | None:
        """Return the template that matches the whole text, or None.

        numbers, days: the words of the text that slots may take.
        """
        found = tuple(numbers)
        lists: dict[str, SlotList] = {
            "item": _slot(found),
            "amount": _slot(found),
            "order": _slot(found),
            "day": _slot(days),
        }
        result = recognize_best(text, self.intents, slot_lists=lists)
        if result is None:
            return None
        slots = {name: str(entity.value) for name, entity in result.entities.items()}
        return Match(result.intent.name, slots)

    def samples(self, group: str) -> tuple[str, ...]:
        """Return the sentences of a group, with `{item}`, `{amount}`, `{order}` and `{day}`.

        The rules that many sentences share stand in their shortest form: in full they would
        make a million sentences. `rule_samples` has their other forms.
        """
        rules = {**self.intents.expansion_rules, **_SHORT_RULES}
        sentences = (s for data in self.intents.intents[group].data for s in data.sentences)
        return _unique(text for sentence in sentences for text in _sampled(sentence, rules))

    def rule_samples(self, rule: str) -> tuple[str, ...]:
        """Return every form of a shared rule, for instance `by {day}`, `until {day}`."""
        rules = self.intents.expansion_rules
        return _unique(_sampled(rules[rule], rules))


def _slot(words: Iterable[str]) -> TextSlotList:
    pairs: list[tuple[str, Any]] = [(word, word) for word in words]
    return TextSlotList.from_tuples(pairs, allow_template=False)


_SHORT_RULES = {
    "item": parse_sentence("item {item}"),
    "numbered": parse_sentence("item {item}"),
    "it": parse_sentence("it"),
    "stock": parse_sentence("stock"),
    "there": parse_sentence("(in stock|available)"),
    "when": parse_sentence("by {day}"),
    "human": parse_sentence("colleague"),
    "order": parse_sentence("my [last] order"),
    "orders": parse_sentence("my [last] orders"),
    "named": parse_sentence("order {order}"),
    "price": parse_sentence("the price"),
    "cost": parse_sentence("cost"),
    "some": parse_sentence("{amount} of"),
    "bye": parse_sentence("goodbye"),
    "all": parse_sentence("that's all"),
}


def _sampled(sentence: Any, rules: dict[str, Any]) -> Iterable[str]:
    return sample_sentence(sentence, expansion_rules=rules, expand_lists=False)


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    found = dict.fromkeys(" ".join(text.split()) for text in texts)
    found.pop("", None)
    return tuple(found)


@functools.lru_cache(maxsize=1)
def english() -> Sentences:
    """Return the English sentences; the file is read once."""
    file = resources.files("asterisk_agi.dialogue") / "sentences" / "en.yaml"
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return Sentences(
        intents=Intents.from_dict(content),
        hesitations=tuple(content["hesitations"]),
        politeness=tuple(content["politeness"]),
        lead_ins=tuple(content["lead_ins"]),
        danglers=tuple(content["danglers"]),
        common=tuple(content["common"]),
    )
