"""The end of a caller's turn, as a pure state machine: voice frames in, events out.

It holds no audio, no clock and no task: time is an argument, in seconds of any one clock. It
does not understand what was said either; it asks, and the answer comes back by `content`.

Theory of operation
-------------------
A fixed silence is a bad rule: 500 ms cut off one in five of the pauses that people make while
they dictate a number, and are slow after "yes". So silence is judged twice:

* After `decide_ms` the machine says PauseReached. The caller of this file looks at the
  transcript so far and answers with `content`: complete ("where is my order") ends the turn at
  once; incomplete ("is item four five") does not.
* After `patience_ms` the turn ends whatever the content. Half-way between the two a second
  PauseReached asks again, since a weak last sound may have been missed the first time.

A caller who goes on talking takes the question back: each pause has a serial number, and an
answer to any pause but the last is ignored.

The states, and what moves between them:

    QUIET      nobody speaks; no turn is open
    ONSET      speech, still too short to count (a click, a breath): no event yet
    TALKING    a turn is open and the caller speaks
    TRAILING   silence after speech, shorter than `decide_ms`
    ASKED      PauseReached was said, the answer is awaited
    PATIENT    the answer was: incomplete; silence goes on

Two rules stand beside the table, since they hold in every state of an open turn: the barge-in is
due once the turn's speech is long enough, and a turn longer than `longest_turn_s` ends (a radio in
the background must not hold a call for ever).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from asterisk_agi.dialogue.effects import EndpointProfile
from asterisk_agi.speech.vad import VoiceFrame

_EPSILON_S = 1e-6
"""Sums of binary fractions may fall short of a threshold that they are meant to meet."""


@dataclass(frozen=True)
class Silences:
    """How long silence is waited for, per profile of the dialogue state, in milliseconds.

    A silence is seen in steps of the 32 ms frames, and voice activity sees the end of speech 16 ms
    late in the median (34 ms at the 95th percentile).
    """

    open: int
    """Where any question may come."""
    short: int
    """After yes-or-no questions."""
    dictation: int
    """Where digits may come in groups."""

    def of(self, profile: EndpointProfile) -> float:
        """Return the profile's silence in seconds."""
        by_profile = {
            EndpointProfile.OPEN: self.open,
            EndpointProfile.SHORT: self.short,
            EndpointProfile.DICTATION: self.dictation,
        }
        return by_profile[profile] / 1000


@dataclass(frozen=True)
class DecideSilences(Silences):
    """Silences that are short enough to answer without a noticeable wait.

    People leave about 200 ms between turns, and the stops inside words ("stoCK", "eighT") are
    silences of up to 150 ms. 220 ms is met by the seventh silent frame (224 ms). A pause inside
    a sentence that is met too early costs one look at the transcript, a few milliseconds.
    """

    open: int = 220
    """Where any question may come."""
    short: int = 190
    """After yes-or-no questions."""
    dictation: int = 350
    """Where digits may come in groups."""


@dataclass(frozen=True)
class PatienceSilences(Silences):
    """Silences that are long enough to be sure.

    One pause in five inside a turn is longer than 600 ms; beyond 700 ms people wonder, so short
    answers stop waiting there. Who dictates in groups pauses longest.
    """

    open: int = 950
    """Where any question may come."""
    short: int = 700
    """After yes-or-no questions."""
    dictation: int = 1200
    """Where digits may come in groups."""


@dataclass(frozen=True)
class EndpointSettings:
    """When a turn begins, when its transcript is looked at, and when it ends."""

    decide_ms: DecideSilences = DecideSilences()
    """Silence after which the transcript is looked at, in milliseconds."""
    patience_ms: PatienceSilences = PatienceSilences()
    """Silence after which the turn ends whatever was said, in milliseconds."""
    min_speech_ms: int = 90
    """Speech shorter than this is a click, in milliseconds. "No" is voiced for 150 and more."""
    # Silero sees an onset after 56 ms in the median and 88 at the 95th percentile, as the end of
    # the first of the three frames; two more make 120 to 150 ms. That leaves 50 of the 200 ms
    # in which playback has to stop for the jitter buffer and for the packet under way.
    barge_in_ms: int = 90
    """Speech after which our playback has to stop, in milliseconds; >= min_speech_ms."""
    longest_turn_s: float = 20.0
    """A turn that lasts longer is ended, in seconds."""

    def __post_init__(self) -> None:
        for profile in EndpointProfile:
            if not 0 < self.decide_ms.of(profile) < self.patience_ms.of(profile):
                raise ValueError(f"endpointing: {profile.value}: need 0 < decide_ms < patience_ms")
        if not 0 < self.min_speech_ms <= self.barge_in_ms:
            raise ValueError("endpointing: need 0 < min_speech_ms <= barge_in_ms")
        if self.longest_turn_s <= 0:
            raise ValueError("endpointing: longest_turn_s must be above 0")


@dataclass(frozen=True)
class SpeechBegan:
    """A turn was opened: there is speech, and it is no click."""

    at_s: float
    """When the speech began (not when it was found)."""


@dataclass(frozen=True)
class BargeInDue:
    """The turn's speech has lasted `barge_in_ms`: stop playback, if there is any."""

    at_s: float


@dataclass(frozen=True)
class PauseReached:
    """The caller may have ended. Look at the transcript, then call `content`."""

    at_s: float
    speech_end_s: float
    """The end of the last frame with speech."""
    serial: int
    """Number of this pause, to be handed back to `content`."""


@dataclass(frozen=True)
class TurnEnded:
    """The turn is over. The next speech opens another."""

    at_s: float
    speech_end_s: float
    """The end of the last frame with speech."""


EndpointEvent = SpeechBegan | BargeInDue | PauseReached | TurnEnded


class _State(Enum):
    QUIET = auto()
    ONSET = auto()
    TALKING = auto()
    TRAILING = auto()
    ASKED = auto()
    PATIENT = auto()


class _Input(Enum):
    VOICE = auto()
    """A frame with speech."""
    VOICE_ENOUGH = auto()
    """A frame with speech that makes it long enough to count."""
    SILENCE = auto()
    """A frame without speech, and no threshold met."""
    PAUSE = auto()
    """Silence has lasted until the next question is due."""
    PATIENCE = auto()
    """Silence has lasted `patience_ms`."""
    COMPLETE = auto()
    INCOMPLETE = auto()
    TOO_LONG = auto()
    """The turn has lasted `longest_turn_s`."""


_TABLE: dict[_State, dict[_Input, _State]] = {
    _State.QUIET: {
        _Input.VOICE: _State.ONSET,
        _Input.VOICE_ENOUGH: _State.TALKING,
        _Input.SILENCE: _State.QUIET,
    },
    _State.ONSET: {
        _Input.VOICE: _State.ONSET,
        _Input.VOICE_ENOUGH: _State.TALKING,
        _Input.SILENCE: _State.QUIET,
    },
    _State.TALKING: {
        _Input.VOICE: _State.TALKING,
        _Input.SILENCE: _State.TRAILING,
        _Input.PAUSE: _State.ASKED,
        _Input.PATIENCE: _State.QUIET,
        _Input.TOO_LONG: _State.QUIET,
    },
    _State.TRAILING: {
        _Input.VOICE: _State.TALKING,
        _Input.SILENCE: _State.TRAILING,
        _Input.PAUSE: _State.ASKED,
        _Input.PATIENCE: _State.QUIET,
        _Input.TOO_LONG: _State.QUIET,
    },
    _State.ASKED: {
        _Input.VOICE: _State.TALKING,
        _Input.SILENCE: _State.ASKED,
        _Input.COMPLETE: _State.QUIET,
        _Input.INCOMPLETE: _State.PATIENT,
        _Input.PATIENCE: _State.QUIET,
        _Input.TOO_LONG: _State.QUIET,
    },
    _State.PATIENT: {
        _Input.VOICE: _State.TALKING,
        _Input.SILENCE: _State.PATIENT,
        _Input.PAUSE: _State.ASKED,
        _Input.PATIENCE: _State.QUIET,
        _Input.TOO_LONG: _State.QUIET,
    },
}
_TURN_IS_OPEN = frozenset({_State.TALKING, _State.TRAILING, _State.ASKED, _State.PATIENT})


@dataclass
class _Turn:
    """What is known of the speech since the machine was last quiet."""

    began_s: float = 0.0
    speech_end_s: float = 0.0
    voiced_s: float = 0.0
    barged_in: bool = False
    questions: int = 0
    """PauseReached said since the last speech."""


class Endpointer:
    """The endpoint of one caller's turns. Feed it frames in order; do what its events say."""

    def __init__(self, settings: EndpointSettings | None = None) -> None:
        self._settings = settings or EndpointSettings()
        self._profile = EndpointProfile.OPEN
        self._state = _State.QUIET
        self._turn = _Turn()
        self._last_serial = 0

    @property
    def in_turn(self) -> bool:
        """Tell whether a turn is open: between SpeechBegan and TurnEnded."""
        return self._state in _TURN_IS_OPEN

    @property
    def talking(self) -> bool:
        """Tell whether the caller speaks right now, in an open turn."""
        return self._state is _State.TALKING

    def set_profile(self, profile: EndpointProfile) -> None:
        """Use another profile's silences from now on, in the middle of a turn as well."""
        self._profile = profile

    def reset(self) -> None:
        """Drop an open turn without an event. Answers to its pauses are ignored."""
        self._state = _State.QUIET
        self._turn = _Turn()

    def voice(self, frame: VoiceFrame, now_s: float) -> tuple[EndpointEvent, ...]:
        """Take a frame of voice activity.

        now_s: the time of the frame's end; never earlier than the last one given.
        Returns what follows from it, in order, mostly nothing.
        """
        if frame.speech:
            return self._on_speech(frame.seconds, now_s)
        return self.passed(now_s)

    def passed(self, now_s: float) -> tuple[EndpointEvent, ...]:
        """Take note that there is no speech, as `voice` does with a silent frame.

        For a caller whose telephone sends nothing while nobody speaks: no audio, no frames.
        """
        return self._step(self._silence_input(now_s), now_s)

    def content(self, complete: bool, now_s: float, serial: int) -> tuple[EndpointEvent, ...]:
        """Answer a PauseReached: is what was said so far a complete turn?

        serial: the number of the PauseReached that is answered. An answer that comes after the
        caller went on, or that was given before, changes nothing.
        Raises ValueError for a number that was never given out: our bug.
        """
        if not 0 < serial <= self._last_serial:
            raise ValueError(f"endpointing: there was no pause {serial}")
        if serial != self._last_serial or self._state is not _State.ASKED:
            return ()
        return self._step(_Input.COMPLETE if complete else _Input.INCOMPLETE, now_s)

    def _on_speech(self, seconds: float, now_s: float) -> tuple[EndpointEvent, ...]:
        turn = self._turn
        was_open = self.in_turn
        if self._state is _State.QUIET:
            turn = self._turn = _Turn(began_s=now_s - seconds)
        turn.voiced_s += seconds
        turn.speech_end_s = now_s
        turn.questions = 0
        counts = turn.voiced_s + _EPSILON_S >= self._settings.min_speech_ms / 1000
        if was_open and now_s - turn.began_s >= self._settings.longest_turn_s:
            return self._step(_Input.TOO_LONG, now_s)
        entering = counts and not was_open
        self._step(_Input.VOICE_ENOUGH if entering else _Input.VOICE, now_s)
        began = (SpeechBegan(turn.began_s),) if entering else ()
        return began + self._barge_in(now_s)

    def _barge_in(self, now_s: float) -> tuple[EndpointEvent, ...]:
        turn = self._turn
        due_s = self._settings.barge_in_ms / 1000
        if not self.in_turn or turn.barged_in or turn.voiced_s + _EPSILON_S < due_s:
            return ()
        turn.barged_in = True
        return (BargeInDue(now_s),)

    def _silence_input(self, now_s: float) -> _Input:
        """Name what a silence up to now amounts to, in the state that the machine is in."""
        if not self.in_turn:
            return _Input.SILENCE
        silence_s = now_s - self._turn.speech_end_s + _EPSILON_S
        if silence_s >= self._settings.patience_ms.of(self._profile):
            return _Input.PATIENCE
        if now_s - self._turn.began_s >= self._settings.longest_turn_s:
            return _Input.TOO_LONG
        if self._state is not _State.ASKED and silence_s >= self._next_question_s():
            return _Input.PAUSE
        return _Input.SILENCE

    def _next_question_s(self) -> float:
        """Return the silence after which the next PauseReached is due, in seconds."""
        decide_s = self._settings.decide_ms.of(self._profile)
        patience_s = self._settings.patience_ms.of(self._profile)
        return (decide_s, (decide_s + patience_s) / 2, patience_s)[self._turn.questions]

    def _step(self, happened: _Input, now_s: float) -> tuple[EndpointEvent, ...]:
        """Move along the table, and return the event that belongs to the move."""
        before = self._state
        try:
            self._state = _TABLE[before][happened]
        except KeyError:
            raise RuntimeError(f"endpointing: {happened.name} in {before.name}") from None
        if self._state is _State.QUIET and before in _TURN_IS_OPEN:
            return (TurnEnded(now_s, self._turn.speech_end_s),)
        if self._state is _State.ASKED and happened is _Input.PAUSE:
            self._turn.questions += 1
            self._last_serial += 1
            return (PauseReached(now_s, self._turn.speech_end_s, self._last_serial),)
        return ()
