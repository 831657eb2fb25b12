"""The answers that may be given twice: catalogue and customers, for as long as the settings say.

Stock, prices, orders and balances never come in here: the settings refuse it, and so does this
class, by what the operation declares of itself. `NotFound` and empty answers are not kept: what
somebody has just entered must be found. A kept answer says so (`Source.live` is False) and keeps
the time at which it was read. The keys hold personal data; they are never logged.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from erp.model import Customer, Item
from erp.operations import OPERATIONS
from erp.queries import Query

R = TypeVar("R")

ENTRIES_MAX = 2048
"""Most answers that are kept; the one that was not used for longest goes first."""

LAST_GOOD_MAX_S = 86_400.0
"""Longest age, in seconds, of an answer that stands in for a system that does not answer."""


@dataclass
class _Entry:
    answer: object
    kept_at_s: float


class AnswerCache:
    """The kept answers of one generation of systems.

    max_age_s: longest age of an answer instead of asking, by operation. last_good: operations whose
    last answer stands in when the system fails. Raises ValueError for an operation that is live.
    """

    def __init__(
        self,
        max_age_s: Mapping[str, float],
        last_good: Iterable[str],
        clock: Callable[[], float],
        entries_max: int = ENTRIES_MAX,
    ) -> None:
        self._max_age_s = dict(max_age_s)
        self._kept = frozenset(max_age_s) | frozenset(last_good)
        self._clock = clock
        self._entries_max = entries_max
        self._entries: OrderedDict[tuple[str, ...], _Entry] = OrderedDict()
        for operation in sorted(self._kept):
            if OPERATIONS[operation].freshness.live:
                raise ValueError(f"{operation} must be read live, each time: it can't be cached")

    def __len__(self) -> int:
        return len(self._entries)

    def fresh(self, query: Query[R]) -> tuple[R, bool] | None:
        """Return (answer, whether it should be read again soon); None when it must be asked."""
        max_age_s = self._max_age_s.get(query.operation)
        if max_age_s is None:
            return None
        entry = self._entries.get(key := query.identity())
        if entry is None:
            return None
        age_s = self._clock() - entry.kept_at_s
        if age_s > max_age_s:
            return None
        self._entries.move_to_end(key)
        return _from_cache(cast(R, entry.answer), fallback=False), age_s > max_age_s / 2

    def last_good(self, query: Query[R]) -> R | None:
        """Return the last answer, marked as standing in; None when there is none."""
        entry = self._entries.get(query.identity())
        if entry is None or self._clock() - entry.kept_at_s > LAST_GOOD_MAX_S:
            return None
        return _from_cache(cast(R, entry.answer), fallback=True)

    def keep(self, query: Query[R], answer: R) -> None:
        """Keep an answer that was just read, or forget the former one when there is none now."""
        if query.operation not in self._kept:
            return
        key = query.identity()
        if not _is_found(answer):
            self._entries.pop(key, None)
            return
        self._entries[key] = _Entry(answer, self._clock())
        self._entries.move_to_end(key)
        if len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)


def _is_found(answer: object) -> bool:
    if isinstance(answer, tuple):
        return bool(answer) and all(isinstance(entry, Customer) for entry in answer)
    return isinstance(answer, (Item, Customer))


def _from_cache(answer: R, fallback: bool) -> R:
    if isinstance(answer, tuple):
        return cast(R, tuple(_from_cache(entry, fallback) for entry in answer))
    assert isinstance(answer, (Item, Customer))
    source = replace(answer.source, live=False, fallback=fallback)
    return cast(R, replace(answer, source=source))
