"""Sending again what UDP may have lost, until it is answered or given up.

Pure: time is an argument. Source: RFC 3261 section 17, timers A, B, E and F, and 13.3.1.4 for the
200 to a re-INVITE, which is sent again until its ACK.
"""

from __future__ import annotations

from dataclasses import dataclass

T1_S = 0.5
"""First interval; it doubles each time (RFC 3261)."""
T2_S = 4.0
"""Longest interval for all but INVITE."""
GIVE_UP_S = 64 * T1_S
"""A datagram that nobody answered for so long is given up."""


@dataclass
class _Waiting:
    data: bytes
    interval_s: float
    longest_s: float
    next_s: float
    until_s: float


class Resender:
    """Datagrams that wait for an answer, by a key of the owner's choice."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}

    def add(self, key: str, data: bytes, now_s: float, capped: bool) -> None:
        """Begin to repeat a datagram that was just sent. capped: intervals stop at T2_S."""
        longest_s = T2_S if capped else GIVE_UP_S
        self._waiting[key] = _Waiting(data, T1_S, longest_s, now_s + T1_S, now_s + GIVE_UP_S)

    def remove(self, key: str) -> None:
        """Stop repeating; an unknown key is no error, for answers may come twice."""
        self._waiting.pop(key, None)

    @property
    def next_s(self) -> float | None:
        """When `due` should be asked next; none when nothing waits."""
        return min((min(w.next_s, w.until_s) for w in self._waiting.values()), default=None)

    def due(self, now_s: float) -> tuple[list[bytes], list[str]]:
        """Return the datagrams to send again now, and the keys that were given up."""
        given_up = [key for key, waiting in self._waiting.items() if now_s >= waiting.until_s]
        for key in given_up:
            del self._waiting[key]
        again = []
        for waiting in self._waiting.values():
            if now_s >= waiting.next_s:
                again.append(waiting.data)
                waiting.interval_s = min(2 * waiting.interval_s, waiting.longest_s)
                waiting.next_s = now_s + waiting.interval_s
        return again, given_up
