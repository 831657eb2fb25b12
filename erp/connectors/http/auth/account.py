"""Whom we log in as, and what every way to log in has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from erp.connectors.engine import Value
from erp.connectors.http.answer import Answer
from erp.connectors.http.request import Outgoing
from erp.connectors.http.transport import Grant
from erp.profiles.errors import ProfileError
from erp.secrets import Secret

PASSWORD = "password"
"""The name of the system's own password among the secrets."""


@dataclass(frozen=True)
class Account:
    """Our user at one system, its secrets, and what the configuration gives."""

    system: str
    user: str
    password: Secret | None
    secrets: Mapping[str, Secret]
    parameters: Mapping[str, str]

    def secret(self, name: str) -> Secret:
        """Return a secret by its name. Raises ProfileError when it is not given."""
        if name == PASSWORD:
            if self.password is None:
                raise ProfileError(
                    f"systems.{self.system}.password is not given: the login needs it"
                )
            return self.password
        if name not in self.secrets:
            raise ProfileError(
                f"systems.{self.system}.secrets.{name} is not given: the login needs it"
            )
        return self.secrets[name]

    def values(self) -> dict[str, Value]:
        """Return what templates outside a query may name."""
        return {**self.parameters, "user": self.user}

    def login_values(self, secrets: frozenset[str]) -> dict[str, Value]:
        """Return what the templates of a login may name, with these secrets revealed.

        For what is sent at once, and kept nowhere.
        """
        values = self.values()
        for name in secrets:
            key = name if name == PASSWORD else f"secret.{name}"
            values[key] = self.secret(name).reveal()
        return values


@dataclass(frozen=True)
class Needs:
    """What a section of a profile takes for granted that the configuration gives."""

    parameters: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()

    def __or__(self, other: Needs) -> Needs:
        return Needs(self.parameters | other.parameters, self.secrets | other.secrets)


def needs_of(names: frozenset[str], besides: frozenset[str] = frozenset()) -> Needs:
    """Return what the names of a login's templates need. besides: names of other things."""
    secrets = {name.partition(".")[2] for name in names if name.startswith("secret.")}
    if PASSWORD in names:
        secrets.add(PASSWORD)
    others = {name for name in names - besides if not name.startswith("secret.")}
    return Needs(frozenset(others - {"user", PASSWORD}), frozenset(secrets))


class Desk(Protocol):
    """Where a login is sent: the system itself, without a grant."""

    @property
    def account(self) -> Account:
        """Whom we log in as."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of all requests."""

    def now_s(self) -> float:
        """Return the time of the loop's clock."""

    async def ask(self, outgoing: Outgoing) -> Answer:
        """Send a request. Raises Failure."""

    def content(self, answer: Answer) -> object:
        """Return the decoded body. Raises UnreadableAnswer when there is none."""

    def check(self, answer: Answer) -> None:
        """Raise Failure when the error table has this answer."""


class Scheme(Protocol):
    """One way to log in, as a profile describes it."""

    @property
    def renews(self) -> bool:
        """True when a grant may expire, and a new one can be fetched."""

    @property
    def needs(self) -> Needs:
        """What the configuration must give."""

    async def obtain(self, desk: Desk) -> Grant:
        """Return a grant. Raises Failure or UnreadableAnswer."""


@dataclass(frozen=True)
class Carried:
    """How a secret value goes with a request: in a header or in the query."""

    header: str
    query: str
    prefix: str = field(repr=False)

    def grant(self, value: str, expires_at_s: float | None, lifetime_s: float) -> Grant:
        """Return what makes a request ours."""
        whole = Secret(self.prefix + value)
        if self.query:
            return Grant({}, {self.query: whole}, expires_at_s, lifetime_s)
        return Grant({self.header: whole}, {}, expires_at_s, lifetime_s)
