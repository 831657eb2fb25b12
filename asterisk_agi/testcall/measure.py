"""Ear to ear: from the caller's last word to the first sound of the answer, in the recording.

Both ends are found by energy on the call's time line. What a sound is (the fact that was asked
for, a fixed phrase, a filler) is told by labels, which come from the call's story or from a
transcript; labels never move a time, except that a burst which holds two phrases is cut between
them, on the later side. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from asterisk_agi.media.formats import RATE_HZ
from asterisk_agi.testcall.loudness import Burst, bursts
from asterisk_agi.testcall.record import CallRecord, Utterance
from asterisk_agi.testcall.stories import Said, Story
from asterisk_agi.testcall.track import Track

CUT_LAG_S = 0.020
"""A phrase is looked for this much after the agent's first packet of it: the way through Asterisk.
So the tail of the phrase before is not taken for it; if at all it is measured late, never early."""
END_LAG_S = 0.045
"""What sounds so long after the begin of a phrase's last packet is music, a tone, a human."""
PIECE_MIN_S = 0.03
"""A cut that leaves less than this of a burst is not made."""
OVERLAP_S = 0.20
"""The agent stops within this when the caller begins: what sounds on then is no answer."""

HOPS = ("endpoint", "transcript", "understanding", "erp", "wording", "synthesis", "first_packet")
"""The hops of a turn, in order; a story has each as `<hop>_ms`."""


@dataclass(frozen=True)
class Label:
    """What the agent said when; seconds of the call."""

    begin_s: float
    end_s: float
    kind: str
    """`fact`, `fixed`, `filler`."""
    text: str


@dataclass(frozen=True)
class Sound:
    """A stretch of the agent's sound in the recording, with its label."""

    begin_s: float
    """When it could first be heard."""
    end_s: float
    kind: str
    """`fact`, `fixed`, `filler`; `unknown` when no label covers it."""
    text: str


@dataclass(frozen=True)
class Turn:
    """One thing that the caller said or pressed, and what came of it."""

    said: str
    kind: str
    """`speech` or `keys`."""
    begin_s: float
    """First sound of the caller."""
    end_s: float
    """Last sound of the caller, or the release of the last key."""
    sounds: tuple[Sound, ...] = ()
    """What the agent answered, until the caller's next turn."""
    spoken_over: bool = False
    """True when the agent began to speak before the caller had ended."""
    heard: str = ""
    """What the agent understood, by its story."""
    hops: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of each hop, by the story; empty without one."""

    @property
    def first_sound_ms(self) -> float | None:
        """From the caller's last word to the agent's first sound, of whatever kind."""
        return self._until(self.sounds)

    @property
    def latency_ms(self) -> float | None:
        """From the caller's last word to the first sound of the fact; none without a fact."""
        return self._until([sound for sound in self.sounds if sound.kind == "fact"])

    @property
    def answer_kind(self) -> str:
        """What was answered with: `fact`, else the kind of the first sound, else `none`."""
        kinds = [sound.kind for sound in self.sounds]
        return "fact" if "fact" in kinds else next(iter(kinds), "none")

    def _until(self, sounds: Sequence[Sound]) -> float | None:
        return round(1000 * (sounds[0].begin_s - self.end_s), 1) if sounds else None


@dataclass(frozen=True)
class Measured:
    """A call, measured."""

    greeting: tuple[Sound, ...]
    """What the agent said before the caller's first turn."""
    turns: tuple[Turn, ...]

    @property
    def latencies_ms(self) -> tuple[float, ...]:
        """Every turn's time to the fact, where it had one."""
        return tuple(turn.latency_ms for turn in self.turns if turn.latency_ms is not None)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile by linear interpolation; ValueError for no values."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    return float(np.percentile(np.asarray(values), percent))


def labels_of(story: Story, zero_unix_s: float) -> tuple[Label, ...]:
    """Turn what the agent said into labels on the call's time line."""

    def label(said: Said) -> Label:
        return Label(said.begin - zero_unix_s, said.end - zero_unix_s, said.kind, said.text)

    return tuple(label(said) for said in story.said)


def measure(record: CallRecord, labels: Sequence[Label], story: Story | None = None) -> Measured:
    """Measure every turn of a call.

    labels: what the agent said when, in order. story: for what was heard, and the hops.
    """
    spoken = [_turn(record.caller, utterance) for utterance in record.utterances]
    sounds = labelled(record.agent, labels)
    turns = [_with_answer(turn, sounds, spoken[at + 1 :]) for at, turn in enumerate(spoken)]
    if story is not None:
        turns = [_with_hops(turn, turns[at + 1 :], story, record) for at, turn in enumerate(turns)]
    first_s = spoken[0].begin_s if spoken else float("inf")
    return Measured(tuple(s for s in sounds if s.begin_s < first_s), tuple(turns))


def _turn(caller: Track, utterance: Utterance) -> Turn:
    """Find the edges of what the caller said in what was sent."""
    begin, end = round(utterance.begin_s * RATE_HZ), round(utterance.end_s * RATE_HZ)
    spoken = caller.pcm[2 * begin : 2 * end] if utterance.kind == "speech" else b""
    within = bursts(spoken, min_s=0.0)  # the release of a last "k" ends the word
    if not within:
        return Turn(utterance.text, utterance.kind, utterance.begin_s, utterance.end_s)
    first, last = begin + within[0].begin, begin + within[-1].end - 1
    return Turn(utterance.text, utterance.kind, caller.passed_s(first), caller.passed_s(last))


def labelled(agent: Track, labels: Sequence[Label]) -> tuple[Sound, ...]:
    """Cut the agent's track into sounds, each with the label that covers most of it."""
    begins = [label.begin_s + CUT_LAG_S for label in labels]
    ends = [label.end_s + END_LAG_S for label in labels]
    free = [end for end in ends if not any(_covers(label, end) for label in labels)]
    cuts = sorted(begins + free)
    pieces = [piece for burst in bursts(agent.pcm) for piece in _pieces(agent, burst, cuts)]
    return tuple(_sound(agent, piece, labels) for piece in pieces)


def _covers(label: Label, at_s: float) -> bool:
    return label.begin_s <= at_s <= label.end_s


def _pieces(agent: Track, burst: Burst, cuts_s: Sequence[float]) -> list[Burst]:
    """Cut a burst where a new phrase began within it."""
    inner = [
        round(cut * RATE_HZ)
        for cut in cuts_s
        if burst.begin_s + PIECE_MIN_S < cut < burst.end_s - PIECE_MIN_S
    ]
    edges = [burst.begin, *inner, burst.end]
    found: list[Burst] = []
    for begin, end in itertools.pairwise(edges):
        found += [
            Burst(begin + part.begin, begin + part.end)
            for part in bursts(agent.pcm[2 * begin : 2 * end])
        ]
    return found


def _sound(agent: Track, piece: Burst, labels: Sequence[Label]) -> Sound:
    def overlap_s(label: Label) -> float:
        return min(piece.end_s, label.end_s + CUT_LAG_S) - max(piece.begin_s, label.begin_s)

    best = max(labels, key=overlap_s, default=None)
    begin_s, end_s = agent.passed_s(piece.begin), agent.passed_s(piece.end)
    if best is None or overlap_s(best) <= 0:
        return Sound(begin_s, end_s, "unknown", "")
    return Sound(begin_s, end_s, best.kind, best.text)


def _with_answer(turn: Turn, sounds: Sequence[Sound], later: Sequence[Turn]) -> Turn:
    until_s = later[0].begin_s if later else float("inf")
    return replace(
        turn,
        sounds=tuple(s for s in sounds if turn.end_s <= s.begin_s < until_s),
        spoken_over=any(turn.begin_s + OVERLAP_S < s.begin_s < turn.end_s for s in sounds),
    )


def _with_hops(turn: Turn, later: Sequence[Turn], story: Story, record: CallRecord) -> Turn:
    """Add what the agent heard between this turn's begin and the next one's, and its hops."""
    begin = record.zero_unix_s + turn.begin_s
    end = record.zero_unix_s + later[0].begin_s if later else float("inf")
    heard = [entry for entry in story.of("heard") if begin <= float(entry.get("at", 0)) < end]
    # The hops are told at the end of a sentence, perhaps in the caller's next turn: by number.
    numbers = {entry.get("turn") for entry in heard}
    told = [entry for entry in story.of("hops") if entry.get("turn") in numbers]
    return replace(
        turn,
        heard=" ".join(str(entry.get("text", "")) for entry in heard),
        hops=_hop_times(told[-1]) if told else {},
    )


def _hop_times(entry: Mapping[str, object]) -> dict[str, float]:
    values = ((hop, entry.get(f"{hop}_ms")) for hop in HOPS)
    return {hop: float(value) for hop, value in values if isinstance(value, (int, float))}
