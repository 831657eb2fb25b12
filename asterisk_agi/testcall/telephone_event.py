"""Keys as RTP telephone events: the packets of one key, from its press to its release.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |     event     |E|R| volume    |          duration             |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

Sending only. Source: RFC 4733 sections 2.3 and 2.5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from asterisk_agi.testcall.errors import PhoneUsageError

KEYS = "0123456789*#ABCD"
"""In the order of their event numbers."""
PRESS_PACKETS = 5
"""A key is held for 100 ms: Asterisk takes 80 ms as a minimum by default."""
END_PACKETS = 3
"""The end is sent three times, for it must not be lost (section 2.5.1.4)."""

_VOLUME = 10
_END = 0x80
_SAMPLES_PER_PACKET = 160


def checked_keys(keys: str) -> str:
    """Return keys that a keypad has; raises PhoneUsageError for others."""
    for key in keys.upper():
        if key not in KEYS:
            raise PhoneUsageError(f"{key!r} is no key of a telephone: use 0-9, *, #, A-D")
    return keys.upper()


def payloads(key: str) -> Iterator[bytes]:
    """Return the payloads of one key, one for each 20 ms; all carry the first one's time stamp."""
    event = KEYS.index(key)
    held = PRESS_PACKETS * _SAMPLES_PER_PACKET
    for count in range(1, PRESS_PACKETS + 1):
        yield struct.pack("!BBH", event, _VOLUME, count * _SAMPLES_PER_PACKET)
    for _ in range(END_PACKETS):
        yield struct.pack("!BBH", event, _VOLUME | _END, held)
