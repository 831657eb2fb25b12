"""A login that gives a session: a request, what is kept of its answer, and how it is carried."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from erp.connectors.engine import Value
from erp.connectors.http.answer import MISSING, Answer, found_at
from erp.connectors.http.auth.account import Desk, Needs, Scheme, needs_of
from erp.connectors.http.checks import above_zero, demand_known, mapping, needed, place, shown
from erp.connectors.http.request import (
    RequestTemplate,
    compile_request,
    demand_header,
)
from erp.connectors.http.template import Text, compile_text, header_value, written
from erp.connectors.http.transport import Grant
from erp.errors import UnreadableAnswer
from erp.profiles.errors import ProfileError
from erp.secrets import Secret

KEPT_MAX_CHARACTERS = 8000
"""Longest token or cookie: servers refuse headers that are longer."""


@dataclass(frozen=True)
class Kept:
    """What later requests need of the login's answer: a place in its body, or a header."""

    place: tuple[str, ...]
    header: str


@dataclass(frozen=True)
class Carrier:
    """One header of later requests. coded: the template's text goes in base64."""

    text: Text
    prefix: str = ""
    coded: bool = False

    def value(self, values: Mapping[str, Value]) -> str:
        """Return the header's value."""
        text = self.text.text(values)
        if self.coded:
            text = base64.b64encode(text.encode()).decode("ascii")
        return self.prefix + text


@dataclass(frozen=True)
class SessionLogin:
    """A login by a request."""

    login: RequestTemplate
    keep: Mapping[str, Kept]
    headers: Mapping[str, Carrier]
    cookies: tuple[str, ...]
    lifetime_s: float | None
    renews = True

    @property
    def names(self) -> frozenset[str]:
        """The names in all templates."""
        return self.login.names.union(*(carrier.text.names for carrier in self.headers.values()))

    @property
    def needs(self) -> Needs:
        """What the templates name, but for what the login itself gives."""
        return needs_of(self.names, frozenset(self.keep))

    async def obtain(self, desk: Desk) -> Grant:
        """Log in. Raises Failure or UnreadableAnswer."""
        values = desk.account.login_values(self.needs.secrets)
        outgoing = self.login.fill(values, None)
        begun_s = desk.now_s()
        answer = await desk.ask(outgoing)
        values |= self._kept(answer, desk)
        headers = {
            name: Secret(header_value(carrier.value(values), name))
            for name, carrier in self.headers.items()
        }
        if self.cookies:
            headers["Cookie"] = Secret(_cookie(answer, self.cookies))
        expires_at_s = None if self.lifetime_s is None else begun_s + self.lifetime_s
        return Grant(headers, {}, expires_at_s, self.lifetime_s or 0.0)

    def _kept(self, answer: Answer, desk: Desk) -> dict[str, Value]:
        desk.check(answer)
        in_body = any(not kept.header for kept in self.keep.values())
        body = desk.content(answer) if in_body else None
        values: dict[str, Value] = {}
        for name, kept in self.keep.items():
            found = answer.headers.get(kept.header) if kept.header else found_at(body, kept.place)
            if found is MISSING or isinstance(found, dict | list) or found in (None, "", False):
                raise UnreadableAnswer(f"a login without {name}")
            values[name] = _bounded(written(found), name)
        return values


def _cookie(answer: Answer, names: tuple[str, ...]) -> str:
    for name in names:
        if not answer.cookies.get(name):
            raise UnreadableAnswer(f"a login without the cookie {name}")
    text = "; ".join(f"{name}={answer.cookies[name]}" for name in names)
    return header_value(_bounded(text, "cookies"), "Cookie")


def _bounded(text: str, name: str) -> str:
    if len(text) > KEPT_MAX_CHARACTERS:
        raise UnreadableAnswer(f"a login whose {name} is over {KEPT_MAX_CHARACTERS} characters")
    return text


def compile_session(section: Mapping[str, object], where: str) -> Scheme:
    """Read `kind: session`. Raises ProfileError."""
    demand_known(section, ("kind", "login", "keep", "headers", "cookies", "lifetime_s"), where)
    if "login" not in section:
        raise ProfileError(f"{where}.login is not given: write the request that logs in")
    keep = {
        name: _compile_kept(found, f"{where}.keep.{name}")
        for name, found in mapping(section.get("keep"), f"{where}.keep").items()
    }
    headers = {}
    for name, found in mapping(section.get("headers"), f"{where}.headers").items():
        demand_header(name, f"{where}.headers")
        headers[name] = _carrier(found, f"{where}.headers.{name}")
    cookies = _cookie_names(section.get("cookies", []), f"{where}.cookies")
    if not headers and not cookies:
        raise ProfileError(f"{where} has neither headers nor cookies: say how a session is carried")
    lifetime = section.get("lifetime_s")
    return SessionLogin(
        login=compile_request(section["login"], f"{where}.login"),
        keep=keep,
        headers=headers,
        cookies=cookies,
        lifetime_s=None if lifetime is None else above_zero(lifetime, f"{where}.lifetime_s"),
    )


def _compile_kept(found: object, where: str) -> Kept:
    if isinstance(found, Mapping):
        entry = mapping(found, where)
        demand_known(entry, ("header",), where)
        return Kept((), needed(entry, "header", where))
    return Kept(place(found, where), "")


def _carrier(found: object, where: str) -> Carrier:
    if not isinstance(found, Mapping):
        return Carrier(compile_text(found, where))
    entry = mapping(found, where)
    demand_known(entry, ("prefix", "base64"), where)
    prefix = entry.get("prefix", "")
    if not isinstance(prefix, str):
        raise ProfileError(f"{where}.prefix is {shown(prefix)}: write a text")
    return Carrier(compile_text(needed(entry, "base64", where), where), prefix, coded=True)


def _cookie_names(found: object, where: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise ProfileError(f"{where} is {shown(found)}: write a list of cookie names")
    return tuple(found)
