"""Tells, while a call is going on, whether the far side has spoken and is quiet again.

Pure: fed with packets and asked with times, in seconds of the call. What it finds steers only
the script; every measurement is made on the recording afterwards.
"""

from __future__ import annotations

from asterisk_agi.testcall.loudness import SOUND_RMS, rms

PAUSE_S = 0.25
"""Pauses within speech are shorter than this."""


class Ear:
    """Follows the far side's loudness since the last mark."""

    def __init__(self) -> None:
        self.began_s: float | None = None
        """When the far side first sounded since the mark."""
        self.last_s: float | None = None
        """When it last sounded since the mark."""

    def mark(self) -> None:
        """Forget what was heard: the caller begins to speak, an answer is awaited."""
        self.began_s = None
        self.last_s = None

    def hear(self, pcm: bytes, at_s: float) -> bool:
        """Take a packet's sound; True when it is the first sound since the mark."""
        if rms(pcm) < SOUND_RMS:
            return False
        first = self.began_s is None
        if self.began_s is None:
            self.began_s = at_s
        self.last_s = at_s
        return first

    def sounding(self, now_s: float) -> bool:
        """Tell whether the far side is speaking now."""
        return self.last_s is not None and now_s - self.last_s < PAUSE_S

    def settled_s(self, settle_s: float) -> float | None:
        """Return when the answer counts as over if nothing more comes; none before any sound."""
        return None if self.last_s is None else self.last_s + settle_s
