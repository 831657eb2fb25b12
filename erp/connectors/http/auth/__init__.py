"""The ways to log in: what a profile's `auth` may say, and the grants that come of it."""

from __future__ import annotations

from erp.connectors.http.auth.account import Account, Desk, Scheme
from erp.connectors.http.auth.keeper import Keeper
from erp.connectors.http.auth.oauth2 import compile_oauth2
from erp.connectors.http.auth.session import compile_session
from erp.connectors.http.auth.static import NO_LOGIN, compile_api_key, compile_basic, compile_none
from erp.connectors.http.checks import mapping, one_of

__all__ = ["NO_LOGIN", "Account", "Desk", "Keeper", "Scheme", "compile_auth"]

_KINDS = {
    "none": compile_none,
    "api_key": compile_api_key,
    "basic": compile_basic,
    "session": compile_session,
    "oauth2": compile_oauth2,
}


def compile_auth(found: object, where: str) -> Scheme:
    """Read a profile's `auth`; no login when there is none. Raises ProfileError."""
    if found is None:
        return NO_LOGIN
    section = mapping(found, where)
    kind = one_of(section.get("kind"), tuple(_KINDS), f"{where}.kind")
    return _KINDS[kind](section, where)
