"""How many datagrams a leg reads: enough for any telephone, too few for a flood to be felt.

A telephone sends 50 packets a second, some 100. A peer that floods is read at RATE_HZ, and the
kernel throws the rest away before it costs us anything. After a stall of the event loop up to
BURST that wait are read at once, so that no speech is lost. Pure: time is an argument.
"""

from __future__ import annotations

RATE_HZ = 250.0
"""Datagrams a second that are read in the long run."""
BURST = 100
"""Datagrams that are read at once: two seconds of an ordinary stream."""


class Rations:
    """A bucket that fills at RATE_HZ up to BURST; each datagram takes one out."""

    def __init__(self, now_s: float) -> None:
        self._left = float(BURST)
        self._filled_s = now_s

    def take(self, now_s: float) -> bool:
        """Take one; False: there is none, wait a while. now_s: a monotonic clock's seconds."""
        self._left = min(BURST, self._left + (now_s - self._filled_s) * RATE_HZ)
        self._filled_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
