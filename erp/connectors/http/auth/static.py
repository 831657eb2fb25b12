"""Logins that need no round trip: none, a key, and user with password (RFC 7617)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from erp.connectors.http.auth.account import PASSWORD, Carried, Desk, Needs, Scheme
from erp.connectors.http.checks import demand_known, typed
from erp.connectors.http.request import demand_header
from erp.connectors.http.template import header_value
from erp.connectors.http.transport import Grant
from erp.profiles.errors import ProfileError

AUTHORIZATION = "Authorization"


@dataclass(frozen=True)
class NoLogin:
    """Requests go as they are."""

    renews = False
    needs = Needs()

    async def obtain(self, desk: Desk) -> Grant:
        """Return an empty grant."""
        return Grant()


NO_LOGIN = NoLogin()


@dataclass(frozen=True)
class ApiKey:
    """A key goes with every request."""

    secret: str
    carried: Carried
    renews = False

    @property
    def needs(self) -> Needs:
        """The key."""
        return Needs(secrets=frozenset({self.secret}))

    async def obtain(self, desk: Desk) -> Grant:
        """Return a grant with the key."""
        key = desk.account.secret(self.secret).reveal()
        return self.carried.grant(header_value(key, "of the key"), None, 0.0)


@dataclass(frozen=True)
class Basic:
    """User and password go with every request."""

    secret: str
    renews = False

    @property
    def needs(self) -> Needs:
        """The password."""
        return Needs(secrets=frozenset({self.secret}))

    async def obtain(self, desk: Desk) -> Grant:
        """Return a grant with user and password."""
        account = desk.account
        value = basic_value(account.user, account.secret(self.secret).reveal())
        return Carried(AUTHORIZATION, "", "Basic ").grant(value, None, 0.0)


def basic_value(user: str, password: str) -> str:
    """Return user and password as RFC 7617 wants them, in UTF-8."""
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def compile_none(section: Mapping[str, object], where: str) -> Scheme:
    """Read `kind: none`. Raises ProfileError."""
    demand_known(section, ("kind",), where)
    return NO_LOGIN


def compile_api_key(section: Mapping[str, object], where: str) -> Scheme:
    """Read `kind: api_key`. Raises ProfileError."""
    demand_known(section, ("kind", "secret", "header", "query", "prefix"), where)
    if "header" in section and "query" in section:
        raise ProfileError(f"{where} has header and query: write one of them")
    secret = typed(section, "secret", PASSWORD, where)
    return ApiKey(secret, compile_carried(section, where, ""))


def compile_basic(section: Mapping[str, object], where: str) -> Scheme:
    """Read `kind: basic`. Raises ProfileError."""
    demand_known(section, ("kind", "secret"), where)
    return Basic(typed(section, "secret", PASSWORD, where))


def compile_carried(section: Mapping[str, object], where: str, prefix: str) -> Carried:
    """Read how a key or token is carried. prefix: the default. Raises ProfileError."""
    header = typed(section, "header", AUTHORIZATION, where)
    demand_header(header, f"{where}.header")
    return Carried(
        header, typed(section, "query", "", where), typed(section, "prefix", prefix, where)
    )
