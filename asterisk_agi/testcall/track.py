"""One direction of a call on the call's time line: what was sounding when.

Packets are laid where their RTP time stamp says, counted from an anchor: the moment at which the
first packet of the stream passed. So the recording is exact to the sample while the network
trembles. What trembled is kept beside it: `passed_s` tells when a sample could be heard at the
earliest, however late its packet was. Pure: times are arguments, in seconds of the call.
Source: RFC 3550 (time stamps).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from asterisk_agi.media.formats import RATE_HZ, ts32_distance

TRACK_MAX_S = 1800.0
"""A recording ends here, whatever still comes."""
ANCHOR_EARLY_S = 0.020
"""A packet that comes so much before its place shows that the anchor was late: a new one is set."""
ANCHOR_LATE_S = 0.200
"""A packet so much behind its place belongs to a stream that paused or jumped: a new anchor."""


class Track:
    """The sound of one direction, int16 little-endian, 8000 Hz, from second 0 of the call."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._anchor: tuple[int, int, int] | None = None
        self._places: list[int] = []
        self._late_s: list[float] = []

    def add(self, ssrc: int, timestamp: int, pcm: bytes, at_s: float) -> float:
        """Lay a packet on the time line.

        pcm: its sound. at_s: when it passed, in seconds of the call; before 0 it is left out.
        Returns its place in seconds. What lies past TRACK_MAX_S is dropped.
        """
        place = self._place(ssrc, timestamp, round(at_s * RATE_HZ))
        if place >= 0 and place + len(pcm) // 2 <= TRACK_MAX_S * RATE_HZ:
            self._lay(place, pcm)
            self._note(place, max(0.0, at_s - place / RATE_HZ))
        return place / RATE_HZ

    def _place(self, ssrc: int, timestamp: int, arrival: int) -> int:
        if self._anchor is not None and self._anchor[0] == ssrc:
            _, first_stamp, first_place = self._anchor
            place = first_place + ts32_distance(timestamp, first_stamp)
            if -ANCHOR_EARLY_S * RATE_HZ <= arrival - place <= ANCHOR_LATE_S * RATE_HZ:
                return place
        self._anchor = (ssrc, timestamp, arrival)
        return arrival

    def _lay(self, place: int, pcm: bytes) -> None:
        missing = 2 * place - len(self._pcm)
        if missing > 0:
            self._pcm.extend(bytes(missing))
        self._pcm[2 * place : 2 * place + len(pcm)] = pcm

    def _note(self, place: int, late_s: float) -> None:
        at = bisect_right(self._places, place)
        self._places.insert(at, place)
        self._late_s.insert(at, late_s)

    @property
    def pcm(self) -> bytes:
        """The whole sound so far; silence where nothing came."""
        return bytes(self._pcm)

    @property
    def seconds(self) -> float:
        """Length so far."""
        return len(self._pcm) / (2 * RATE_HZ)

    def passed_s(self, sample: int) -> float:
        """Return when a sample could be heard at the earliest: its place plus its packet's lag."""
        at = bisect_right(self._places, sample) - 1
        return sample / RATE_HZ + (self._late_s[at] if at >= 0 else 0.0)

    def gaps_s(self) -> list[float]:
        """Return the times between the arrivals of packets that lie next to each other."""
        passed = zip(self._places, self._late_s, strict=True)
        came = [place / RATE_HZ + late_s for place, late_s in passed]
        return [later - before for before, later in pairwise(came)]

    @property
    def packets(self) -> int:
        """How many packets lie on the track."""
        return len(self._places)
