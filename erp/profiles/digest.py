"""The digest of a profile: what it says, not how its file is laid out.

Two files have one digest when they differ in comments, order of keys, quotes or aliases only.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date

SHORT = 12
"""So many characters of a digest are enough to tell two versions apart in a log or file name."""


def digest(content: object) -> str:
    """Return the SHA-256 of YAML values, in hex."""
    canonical = json.dumps(_canonical(content), ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _canonical(value: object) -> object:
    """Return a value such that JSON writes equal ones alike, and 1, "1" and true apart."""
    if isinstance(value, dict):
        pairs = [[_canonical(key), _canonical(entry)] for key, entry in value.items()]
        return {"map": sorted(pairs, key=lambda pair: json.dumps(pair[0]))}
    if isinstance(value, list):
        return [_canonical(entry) for entry in value]
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return value
