"""One turn of a call: when it began, and what each hop of it took.

A hop is a span between the end of the caller's speech and the first packet of our answer. All
times come in from outside; seconds of the event loop's clock, milliseconds in the result.
"""

from __future__ import annotations

from asterisk_agi.ear import HeardTurn
from asterisk_agi.mouth import Spoken


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


class Turn:
    """The clock of one turn. Turn 0 is the greeting: nothing was heard yet."""

    def __init__(self, number: int, began_s: float) -> None:
        self.number = number
        self.began_s = began_s
        """The end of the caller's speech: what the deadline counts from."""
        self._hops: dict[str, float] = {}
        self._wording_s = 0.0
        self._erp_s = 0.0
        self._answered = False

    @classmethod
    def heard(cls, number: int, heard: HeardTurn) -> Turn:
        """Begin a turn with what the ear knows of it."""
        turn = cls(number, heard.speech_end_s)
        turn._hops = {
            "endpoint_ms": _ms(heard.decided_s - heard.speech_end_s),
            "transcript_ms": _ms(heard.transcript_s),
            "understanding_ms": _ms(heard.understanding_s),
        }
        return turn

    def asked_erp(self, seconds: float) -> None:
        """Add the time of a query."""
        self._erp_s += seconds

    def worded(self, seconds: float) -> None:
        """Add the time in which the dialogue decided and worded."""
        self._wording_s += seconds

    def answered(self, spoken: Spoken) -> dict[str, float] | None:
        """Return all hops at the first sentence of the answer; None at later ones."""
        if self._answered or not self._hops:
            return None
        self._answered = True
        return {
            **self._hops,
            "erp_ms": _ms(self._erp_s),
            "wording_ms": _ms(self._wording_s),
            "synthesis_ms": _ms(spoken.synthesis_s),
            "first_packet_ms": _ms(spoken.begin_s - spoken.made_s),
        }
