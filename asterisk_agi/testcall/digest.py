"""Digest credentials for a challenged SIP request: MD5 and SHA-256, with and without qop=auth.

Not done: auth-int and the -sess variants (Asterisk offers neither). Source: RFC 3261 section 22,
RFC 8760; the computation is RFC 7616 section 3.4.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from asterisk_agi.testcall.errors import SipPeerError
from erp.secrets import Secret

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')

_HASHES: dict[str, Callable[[bytes], str]] = {
    # MD5 is what the protocol asks for here; nothing else rests on it.
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}


def understood(challenge: str) -> bool:
    """Tell whether a WWW-Authenticate or Proxy-Authenticate value can be answered."""
    try:
        _read(challenge)
    except SipPeerError:
        return False
    return True


def is_stale(challenge: str) -> bool:
    """Tell whether only the nonce was too old, and the password right (RFC 7616 section 3.3)."""
    return _read(challenge).get("stale", "").lower() == "true"


def credentials(
    challenge: str, user: str, password: Secret, *, method: str, uri: str, cnonce: str
) -> str:
    """Return the value of the Authorization header that answers a challenge.

    uri: the request's own. cnonce: a fresh random token; each challenge is answered once, so
    the nonce count is always 1. Raises SipPeerError when the challenge is of a kind that we
    don't know.
    """
    told = _read(challenge)
    algorithm = told.get("algorithm", "MD5")
    digest = _HASHES[algorithm.upper()]

    def joined(*parts: str) -> str:
        return digest(":".join(parts).encode())

    who = joined(user, told["realm"], password.reveal())
    what = joined(method, uri)
    fields = {
        "username": _quoted(user),
        "realm": _quoted(told["realm"]),
        "nonce": _quoted(told["nonce"]),
        "uri": _quoted(uri),
        "algorithm": algorithm,
    }
    if "qop" in told:
        response = joined(who, told["nonce"], "00000001", cnonce, "auth", what)
        fields |= {"qop": "auth", "nc": "00000001", "cnonce": _quoted(cnonce)}
    else:
        response = joined(who, told["nonce"], what)
    fields["response"] = _quoted(response)
    if "opaque" in told:
        fields["opaque"] = _quoted(told["opaque"])
    return "Digest " + ", ".join(f"{name}={value}" for name, value in fields.items())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _read(challenge: str) -> dict[str, str]:
    scheme, _, rest = challenge.strip().partition(" ")
    if scheme.lower() != "digest":
        raise SipPeerError("the server asks for an authentication other than Digest")
    told = {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(rest)
    }
    if not told.get("nonce") or "realm" not in told:
        raise SipPeerError("a Digest challenge without realm or nonce")
    if told.get("algorithm", "MD5").upper() not in _HASHES:
        raise SipPeerError("a Digest challenge with an algorithm other than MD5 and SHA-256")
    if "qop" in told and "auth" not in re.split(r"[\s,]+", told["qop"].lower()):
        raise SipPeerError("a Digest challenge that has no qop=auth")
    return told
