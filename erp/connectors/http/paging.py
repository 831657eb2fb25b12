"""Paging: how the next part of an answer is asked for.

Source: RFC 8288 (Link), OData 4.01 (nextLink) as an example of a link in the body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import quote, urljoin, urlsplit

from erp.connectors.http.answer import MISSING, Answer, found_at
from erp.connectors.http.checks import (
    above_zero,
    demand_known,
    mapping,
    needed,
    one_of,
    place,
    shown,
    typed,
)
from erp.connectors.http.request import Outgoing
from erp.errors import UnreadableAnswer
from erp.profiles.errors import ProfileError

PAGES_MAX = 50
"""Most pages of one read: a server that always has a next one must not be followed for ever."""

URL_MAX_CHARACTERS = 8000
_URL_SAFE = "!$%&'()*+,/:;=?@[]~"
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^,;\"=]+(?:=(?:\"[^\"]*\"|[^,;\"]*))?)*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next\b)", re.IGNORECASE)


class Paging(Protocol):
    """One way to page."""

    def first(self, outgoing: Outgoing) -> Outgoing:
        """Return the request for the first page."""

    def following(
        self, first: Outgoing, answer: Answer, decoded: object, page: int, rows: int
    ) -> Outgoing | None:
        """Return the request for the next page, or None. Raises UnreadableAnswer.

        page: how many pages have been read. rows: the rows of the last of them.
        """


@dataclass(frozen=True)
class ByOffset:
    """The next page is asked for by its number, or by the number of its first row."""

    name: str
    size_name: str
    size: int
    begin: int
    step: int
    in_body: bool

    def first(self, outgoing: Outgoing) -> Outgoing:
        """Return the request for the first page."""
        return self._at(outgoing, self.begin)

    def following(
        self, first: Outgoing, answer: Answer, decoded: object, page: int, rows: int
    ) -> Outgoing | None:
        """Return the request for the next page; a page that is not full was the last."""
        return self._at(first, self.begin + page * self.step) if rows >= self.size else None

    def _at(self, outgoing: Outgoing, offset: int) -> Outgoing:
        sizes = {self.size_name: self.size} if self.size_name else {}
        return with_fields(outgoing, {self.name: offset, **sizes}, self.in_body)


@dataclass(frozen=True)
class ByNext:
    """The answer's body names the next page: a URL, or a token that is sent as a parameter."""

    at: tuple[str, ...]
    send: str
    in_body: bool

    def first(self, outgoing: Outgoing) -> Outgoing:
        """Return the request as it is."""
        return outgoing

    def following(
        self, first: Outgoing, answer: Answer, decoded: object, page: int, rows: int
    ) -> Outgoing | None:
        """Return the request for the next page, when the answer names one."""
        found = found_at(decoded, self.at)
        if found is MISSING or found in (None, "", False):
            return None
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise UnreadableAnswer(f"no next page at {'.'.join(self.at)}")
        if self.send:
            return with_fields(first, {self.send: found}, self.in_body)
        return at_url(first, answer, str(found))


@dataclass(frozen=True)
class ByLink:
    """The answer's `Link` header names the next page."""

    def first(self, outgoing: Outgoing) -> Outgoing:
        """Return the request as it is."""
        return outgoing

    def following(
        self, first: Outgoing, answer: Answer, decoded: object, page: int, rows: int
    ) -> Outgoing | None:
        """Return the request for the next page, when a link says `rel="next"`."""
        for link in _LINK.finditer(answer.headers.get("Link", "")[:URL_MAX_CHARACTERS]):
            if _NEXT.search(link.group(2)):
                return at_url(first, answer, link.group(1))
        return None


def compile_paging(found: object, where: str) -> Paging | None:
    """Read a part's `paging`; none when there is none. Raises ProfileError."""
    if found is None:
        return None
    section = mapping(found, where)
    kind = one_of(section.get("kind"), ("offset", "next", "link"), f"{where}.kind")
    if kind == "offset":
        return _by_offset(section, where)
    if kind == "next":
        return _by_next(section, where)
    demand_known(section, ("kind",), where)
    return ByLink()


def _by_offset(section: Mapping[str, object], where: str) -> ByOffset:
    demand_known(section, ("kind", "offset", "size", "counts", "from", "in"), where)
    size = mapping(section.get("size"), f"{where}.size")
    demand_known(size, ("name", "value"), f"{where}.size")
    rows = int(above_zero(size.get("value"), f"{where}.size.value"))
    counts = one_of(section.get("counts", "rows"), ("rows", "pages"), f"{where}.counts")
    return ByOffset(
        name=needed(section, "offset", where),
        size_name=typed(size, "name", "", f"{where}.size"),
        size=rows,
        begin=typed(section, "from", 0, where),
        step=rows if counts == "rows" else 1,
        in_body=_in_body(section, where),
    )


def _by_next(section: Mapping[str, object], where: str) -> ByNext:
    demand_known(section, ("kind", "at", "send", "in"), where)
    if not place(section.get("at"), f"{where}.at"):
        raise ProfileError(f"{where}.at is not given: write where the answer names the next page")
    return ByNext(
        at=place(section["at"], f"{where}.at"),
        send=typed(section, "send", "", where),
        in_body=_in_body(section, where),
    )


def _in_body(section: Mapping[str, object], where: str) -> bool:
    return one_of(section.get("in", "query"), ("query", "body"), f"{where}.in") == "body"


def demand_body(paging: Paging | None, body: object, where: str) -> None:
    """Raise ProfileError when paging puts fields into a body that is no mapping."""
    if isinstance(paging, ByOffset | ByNext) and paging.in_body and not isinstance(body, Mapping):
        raise ProfileError(f"{where}.in is 'body', but the body is {shown(type(body).__name__)}: "
                           "write a mapping as the request's body")


def with_fields(outgoing: Outgoing, fields: Mapping[str, int | str], in_body: bool) -> Outgoing:
    """Return a request with these fields in place of those of the same names."""
    if in_body:
        body = outgoing.body if isinstance(outgoing.body, Mapping) else {}
        return replace(outgoing, body={**body, **fields})
    kept = tuple((name, value) for name, value in outgoing.query if name not in fields)
    return replace(outgoing, query=kept + tuple((n, str(v)) for n, v in fields.items()))


def at_url(outgoing: Outgoing, answer: Answer, found: str) -> Outgoing:
    """Return a request for a URL that an answer names. Raises UnreadableAnswer.

    Our login goes with it, so it must be at the same host.
    """
    if len(found) > URL_MAX_CHARACTERS or not found.isprintable():
        raise UnreadableAnswer("a next page whose address cannot be read")
    try:
        target = urljoin(answer.url, found.strip())
        same = origin(target) == origin(answer.url)
    except ValueError:
        raise UnreadableAnswer("a next page whose address cannot be read") from None
    if not same:
        raise UnreadableAnswer("a next page at another host")
    # Blanks and letters beyond ASCII are often left as they are.
    return replace(outgoing, url=quote(target.partition("#")[0], _URL_SAFE), query=())


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL. Raises ValueError, also when a user is in it."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("a user in the address, beside our login")
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port
