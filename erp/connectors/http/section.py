"""The `http` section of a profile: what concerns all requests. See docs/http_engine.rst."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass

from erp.connectors.http.answer import Decoder
from erp.connectors.http.auth import Scheme, compile_auth
from erp.connectors.http.auth.account import Needs, needs_of
from erp.connectors.http.auth.oauth2 import OAuth2
from erp.connectors.http.checks import demand_known, shown, typed
from erp.connectors.http.errors import ErrorTable, compile_errors
from erp.connectors.http.request import RequestTemplate, compile_headers, compile_request
from erp.connectors.http.tags import compile_tags
from erp.connectors.http.template import Text, names_of
from erp.profiles.errors import ProfileError

KEYS = ("headers", "charset", "tags", "auth", "errors", "keep_warm")


@dataclass(frozen=True)
class Section:
    """The section, read."""

    headers: Mapping[str, Text]
    decoder: Decoder
    auth: Scheme
    errors: ErrorTable
    keep_warm: RequestTemplate | None
    tls: bool
    """True when the login goes to a place of its own, behind TLS."""

    @property
    def needs(self) -> Needs:
        """What the configuration must give."""
        names = frozenset().union(*(names_of(text) for text in self.headers.values()))
        if self.keep_warm is not None:
            names |= self.keep_warm.names
        return self.auth.needs | needs_of(names)


def compile_section(section: Mapping[str, object], where: str) -> Section:
    """Read the section. Raises ProfileError."""
    demand_known(section, KEYS, where)
    auth = compile_auth(section.get("auth"), f"{where}.auth")
    warm = section.get("keep_warm")
    compiled = Section(
        headers=compile_headers(section.get("headers"), f"{where}.headers"),
        decoder=Decoder(
            _charset(section, where), compile_tags(section.get("tags"), f"{where}.tags")
        ),
        auth=auth,
        errors=compile_errors(section.get("errors"), f"{where}.errors", auth.renews),
        keep_warm=None if warm is None else compile_request(warm, f"{where}.keep_warm"),
        tls=isinstance(auth, OAuth2) and auth.behind_tls,
    )
    _demand_no_secrets(compiled, where)
    return compiled


def check_section(section: Mapping[str, object], where: str) -> None:
    """Raise ProfileError when the section can't be used."""
    compile_section(section, where)


def section_needs(section: Mapping[str, object], where: str) -> Needs:
    """Return the parameters and secrets that the section names. Raises ProfileError."""
    return compile_section(section, where).needs


def _charset(section: Mapping[str, object], where: str) -> str:
    charset = typed(section, "charset", "utf-8", where)
    try:
        known = codecs.lookup(charset)
    except LookupError:
        known = None
    # `rot13` and `base64` are codecs too, but not of texts.
    if known is None or not getattr(known, "_is_text_encoding", True):
        raise ProfileError(f"{where}.charset is {shown(charset)}: write one such as cp1252")
    # A byte order mark before JSON is wrong (RFC 8259), and common.
    return "utf-8-sig" if known.name == "utf-8" else known.name


def _demand_no_secrets(compiled: Section, where: str) -> None:
    """Raise when a secret is named outside the login: `auth` is where secrets go."""
    named = {f"headers.{key}": text.names for key, text in compiled.headers.items()}
    if compiled.keep_warm is not None:
        named["keep_warm"] = compiled.keep_warm.names
    for key, names in named.items():
        if needs_of(names).secrets:
            raise ProfileError(f"{where}.{key} names a secret: only auth may do that")
