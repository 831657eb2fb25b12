"""The error table of a profile: which answer means what, and what everybody's answers mean.

Source: RFC 9110 (statuses, Retry-After), RFC 6585 (429).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from erp.connectors.http.answer import MISSING, Answer, Content
from erp.connectors.http.checks import demand_known, mapping, one_of, place, shown, typed
from erp.connectors.http.failure import Failure, Means
from erp.profiles.errors import ProfileError

RETRY_AFTER_MAX_S = 300.0
"""Longest patience that a system may ask for: after five minutes the breaker asks anyway."""

SHOWN_CHARACTERS = 80
"""How much of the system's own sentence is shown."""

MATCHED_CHARACTERS = 1000
"""How much of a value a regular expression gets to see."""

SECONDS_DIGITS_MAX = 9


@dataclass(frozen=True)
class Rule:
    """One entry of the table."""

    means: Means
    statuses: frozenset[int]
    where: tuple[str, ...] | None
    equals: tuple[object, ...] | None
    matches: re.Pattern[str] | None
    say: str
    text: tuple[str, ...] | None

    def fits(self, status: int, content: Content) -> bool:
        """Tell whether an answer is what this entry describes."""
        if self.statuses and status not in self.statuses:
            return False
        return self.where is None or self._holds(content.at(self.where))

    def _holds(self, found: object) -> bool:
        if self.equals is not None:
            # 1 == True in Python, and not in JSON.
            return any(found == each and type(found) is type(each) for each in self.equals)
        if self.matches is not None:
            text = found if isinstance(found, str) else ""
            return self.matches.search(text[:MATCHED_CHARACTERS]) is not None
        return found is not MISSING and found not in (None, False, "", [], {})

    def failure(self, answer: Answer, content: Content, quiet: bool) -> Failure:
        """Return what it comes to. quiet: true when the system's own words must not be shown."""
        detail = self.say or _SENTENCES[self.means]
        if self.text is not None and not quiet:
            own = content.at(self.text)
            if isinstance(own, str) and own.strip():
                detail += f": {first_line(own)}"
        return Failure(self.means, detail, retry_after_s(answer.headers))


@dataclass(frozen=True)
class ErrorTable:
    """The entries of a profile, and behind them what everybody's statuses mean."""

    rules: tuple[Rule, ...]
    renews: bool
    """True when 401 may mean that a session has expired."""

    def failure(self, answer: Answer, content: Content, quiet: bool = False) -> Failure | None:
        """Return what is wrong with an answer, or None."""
        for rule in self.rules:
            if rule.fits(answer.status, content):
                return rule.failure(answer, content, quiet)
        return self._by_status(answer)

    def _by_status(self, answer: Answer) -> Failure | None:
        if answer.status < 300:
            return None
        patience_s = retry_after_s(answer.headers)
        means = _meaning(answer.status, patience_s is not None)
        if means is Means.EXPIRED and self.renews:
            return Failure(means, _SENTENCES[means])
        if means in (Means.EXPIRED, Means.REFUSED):
            return Failure(Means.REFUSED, _REFUSALS.get(answer.status, _REDIRECTED))
        return Failure(means, f"{_SENTENCES[means]}: HTTP status {answer.status}", patience_s)


def _meaning(status: int, patience: bool) -> Means:
    """Return what a status from 300 on means. patience: it came with Retry-After."""
    if status == 401:
        return Means.EXPIRED
    if status < 400 or status in _REFUSALS:
        return Means.REFUSED
    if status == 429 or (status == 503 and patience):
        return Means.BUSY
    return Means.DOWN if status in (408, 502, 503, 504) or status >= 520 else Means.BAD


_REDIRECTED = "redirects to another address: mend its url"
_REFUSALS = {
    401: "does not accept our login: mend user, password or key",
    403: "does not allow this to our user",
    404: "has no such address: mend its url, or the path in the profile",
    405: "has no such address for this method: mend its url, or the profile",
    407: "is behind a proxy that wants a login",
}

_SENTENCES = {
    Means.EXPIRED: "does not know our session any more",
    Means.REFUSED: "refuses this",
    Means.DOWN: "cannot be reached",
    Means.BUSY: "asks us to come back later",
    Means.SLOW: "gave up because of the time",
    Means.NOT_FOUND: "has no such record",
    Means.BAD: "answered with an error",
}


def compile_errors(found: object, where: str, renews: bool) -> ErrorTable:
    """Read the table. renews: the login can be renewed. Raises ProfileError."""
    if found is None:
        return ErrorTable((), renews)
    if not isinstance(found, list):
        raise ProfileError(f"{where} is {shown(found)}: write a list of entries")
    rules = (_rule(entry, f"{where}.{number}") for number, entry in enumerate(found))
    return ErrorTable(tuple(rules), renews)


def _rule(found: object, where: str) -> Rule:
    entry = mapping(found, where)
    demand_known(entry, ("status", "where", "equals", "matches", "means", "say", "text"), where)
    if "status" not in entry and "where" not in entry:
        raise ProfileError(f"{where} names neither status nor where: write one of them")
    if "where" not in entry and ("equals" in entry or "matches" in entry):
        raise ProfileError(f"{where} has no where: write the place that is compared")
    if "equals" in entry and "matches" in entry:
        raise ProfileError(f"{where} has equals and matches: write one of them")
    means = one_of(entry.get("means"), [each.value for each in Means], f"{where}.means")
    return Rule(
        means=Means(means),
        statuses=_statuses(entry, f"{where}.status"),
        where=place(entry["where"], f"{where}.where") if "where" in entry else None,
        equals=_equals(entry),
        matches=_pattern(entry, where),
        say=typed(entry, "say", "", where),
        text=place(entry["text"], f"{where}.text") if "text" in entry else None,
    )


def _statuses(entry: Mapping[str, object], where: str) -> frozenset[int]:
    found = entry.get("status", [])
    several = found if isinstance(found, list) else [found]
    for status in several:
        if type(status) is not int or not 200 <= status <= 599:
            raise ProfileError(f"{where} is {shown(found)}: write numbers from 200 to 599")
    return frozenset(several)


def _equals(entry: Mapping[str, object]) -> tuple[object, ...] | None:
    if "equals" not in entry:
        return None
    found = entry["equals"]
    return tuple(found) if isinstance(found, list) else (found,)


def _pattern(entry: Mapping[str, object], where: str) -> re.Pattern[str] | None:
    if "matches" not in entry:
        return None
    found = typed(entry, "matches", "", where)
    try:
        return re.compile(found)
    except re.error as error:
        raise ProfileError(f"{where}.matches is {shown(found)}: {error}") from error


def first_line(text: str) -> str:
    """Return the first line of a system's own words, short and in ASCII."""
    return ascii(text.strip().splitlines()[0][:SHOWN_CHARACTERS])


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the patience that an answer asks for, in seconds, at most RETRY_AFTER_MAX_S."""
    found = headers.get("Retry-After", "").strip()
    if found.isascii() and found.isdigit():
        asked_s = float(found[:SECONDS_DIGITS_MAX])
    else:
        until, sent = _time(found), _time(headers.get("Date", ""))
        if until is None or sent is None:
            return None
        asked_s = (until - sent).total_seconds()
    return min(max(asked_s, 0.0), RETRY_AFTER_MAX_S)


def _time(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
