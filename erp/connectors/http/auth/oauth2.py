"""OAuth 2.0 as a client of its own: client credentials, and a refresh token.

The lifetime of a token is counted from when we asked for it, by the loop's monotonic clock: a
server whose clock is wrong changes nothing. Source: RFC 6749 sections 2.3.1, 4.4, 5 and 6.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlsplit

from erp.connectors.http.answer import Answer
from erp.connectors.http.auth.account import PASSWORD, Carried, Desk, Needs, Scheme, needs_of
from erp.connectors.http.auth.static import basic_value, compile_carried
from erp.connectors.http.checks import demand_known, needed, one_of, shown, typed
from erp.connectors.http.failure import Failure, Means
from erp.connectors.http.request import Outgoing, compile_pairs, pairs
from erp.connectors.http.template import Node, Text, compile_text, header_value, names_of
from erp.connectors.http.transport import Grant
from erp.errors import UnreadableAnswer
from erp.profiles.errors import ProfileError
from erp.secrets import Secret
from erp.tls import is_loopback

_log = logging.getLogger(__name__)

TOKEN_MAX_CHARACTERS = 16_000
"""Longest token: a signed one with many roles has a few thousand."""

LIFETIME_MAX_S = 10 * 365 * 86_400.0
"""Longest lifetime that is believed."""

_KEYS = (
    *("kind", "grant", "token_url", "client_id", "client_secret", "send_client", "refresh_token"),
    *("scope", "form", "header", "prefix"),
)

_REFUSALS = {
    "invalid_client": "does not accept our client id and secret: mend them",
    "invalid_grant": "does not accept our grant: the refresh token may be used up or too old",
    "invalid_scope": "does not give us this scope: mend it in the profile",
    "unauthorized_client": "does not allow this grant to our client",
    "unsupported_grant_type": "does not know this grant",
    "invalid_request": "refuses our token request",
}
"""Sentences for the errors of RFC 6749 section 5.2."""


@dataclass
class Rotation:
    """The refresh token that the server gave last."""

    newest: Secret | None = None


@dataclass(frozen=True)
class OAuth2:
    """A token that is fetched from a token endpoint. Belongs to one engine: it learns."""

    grant: str
    token_url: Text
    client_id: Text
    client_secret: str
    in_body: bool
    refresh_token: str
    scope: str
    form: Mapping[str, Node]
    carried: Carried
    rotation: Rotation = field(default_factory=Rotation, compare=False)
    renews = True

    @property
    def needs(self) -> Needs:
        """The client's secret, the first refresh token, and what the templates name."""
        names = self.token_url.names.union(self.client_id.names, *map(names_of, self.form.values()))
        secrets = {self.client_secret, *([self.refresh_token] if self.refresh_token else [])}
        return needs_of(names) | Needs(secrets=frozenset(secrets))

    @property
    def behind_tls(self) -> bool:
        """True when the token endpoint has a URL of its own, behind TLS."""
        return str(self.token_url.pieces[0]).startswith("https:")

    async def obtain(self, desk: Desk) -> Grant:
        """Fetch a token. Raises Failure or UnreadableAnswer."""
        outgoing = self._outgoing(desk)
        begun_s = desk.now_s()
        answer = await desk.ask(outgoing)
        self._check(answer, desk)
        found = desk.content(answer)
        if not isinstance(found, Mapping):
            raise UnreadableAnswer("a token answer that is not an object")
        self._keep_rotated(found, desk)
        lifetime_s = _lifetime_s(found)
        return self.carried.grant(
            header_value(_token(found, "access_token"), "of the token"),
            None if lifetime_s is None else begun_s + lifetime_s,
            lifetime_s or 0.0,
        )

    def _outgoing(self, desk: Desk) -> Outgoing:
        account = desk.account
        values = account.login_values(self.needs.secrets)
        client_id = self.client_id.text(values)
        secret = account.secret(self.client_secret).reveal()
        form = [("grant_type", self.grant), *([("scope", self.scope)] if self.scope else [])]
        if self.grant == "refresh_token":
            newest = self.rotation.newest or account.secret(self.refresh_token)
            form.append(("refresh_token", newest.reveal()))
        headers = {}
        if self.in_body:
            form += [("client_id", client_id), ("client_secret", secret)]
        else:
            # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
            pair = basic_value(quote_plus(client_id), quote_plus(secret))
            headers["Authorization"] = f"Basic {pair}"
        url = self.token_url.path(values)
        return Outgoing(
            "POST",
            path=url if url.startswith("/") else "",
            url="" if url.startswith("/") else url,
            headers=headers,
            form=(*form, *pairs(self.form, values)),
        )

    def _check(self, answer: Answer, desk: Desk) -> None:
        """Raise what the token endpoint means; its own words are never shown."""
        if answer.status in (400, 401, 403):
            raise Failure(Means.REFUSED, _refusal(answer, desk))
        desk.check(answer)

    def _keep_rotated(self, found: Mapping[str, object], desk: Desk) -> None:
        if self.grant != "refresh_token" or not found.get("refresh_token"):
            return
        newest = Secret(_token(found, "refresh_token"))
        known = self.rotation.newest or desk.account.secret(self.refresh_token)
        if newest != known:
            _log.warning(
                "%s: has given us a new refresh token, which is kept in memory only: after a "
                "restart secrets.%s must hold a good one", desk.account.system, self.refresh_token,
            )
            self.rotation.newest = newest


def _refusal(answer: Answer, desk: Desk) -> str:
    try:
        found = desk.content(answer)
    except UnreadableAnswer:
        found = None
    code = found.get("error") if isinstance(found, Mapping) else None
    told = _REFUSALS.get(code) if isinstance(code, str) else None
    return told or f"does not give us a token: HTTP status {answer.status}"


def _token(found: Mapping[str, object], key: str) -> str:
    token = found.get(key)
    if not isinstance(token, str) or not 0 < len(token) <= TOKEN_MAX_CHARACTERS:
        raise UnreadableAnswer(f"a token answer without {key}")
    return token


def _lifetime_s(found: Mapping[str, object]) -> float | None:
    """Return `expires_in`, which some servers write as a text; None when there is none."""
    told = found.get("expires_in")
    try:
        lifetime_s = float(str(told))
    except ValueError:
        return None
    return lifetime_s if 0 < lifetime_s <= LIFETIME_MAX_S else None


def compile_oauth2(section: Mapping[str, object], where: str) -> Scheme:
    """Read `kind: oauth2`. Raises ProfileError."""
    demand_known(section, _KEYS, where)
    grants = ("client_credentials", "refresh_token")
    grant = one_of(section.get("grant", grants[0]), grants, f"{where}.grant")
    refresh_token = typed(section, "refresh_token", "", where)
    if (grant == "refresh_token") != bool(refresh_token):
        raise ProfileError(f"{where}.refresh_token: name a secret, with grant: refresh_token only")
    ways = ("basic", "body")
    return OAuth2(
        grant=grant,
        token_url=_token_url(needed(section, "token_url", where), f"{where}.token_url"),
        client_id=compile_text(section.get("client_id", "{user}"), f"{where}.client_id"),
        client_secret=typed(section, "client_secret", PASSWORD, where),
        in_body=one_of(section.get("send_client", "basic"), ways, f"{where}.send_client") == "body",
        refresh_token=refresh_token,
        scope=typed(section, "scope", "", where),
        form=compile_pairs(section.get("form"), f"{where}.form"),
        carried=compile_carried(section, where, "Bearer "),
    )


def _token_url(found: str, where: str) -> Text:
    if not found.startswith(("/", "https://", "http://")):
        raise ProfileError(f"{where} is {shown(found)}: begin it with https:// or /")
    if found.startswith("http://") and not is_loopback(urlsplit(found).hostname or ""):
        # Our client secret goes there.
        raise ProfileError(f"{where} is {shown(found)}: http is for this machine only, write https")
    return compile_text(found, where)
