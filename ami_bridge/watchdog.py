"""Decides when a call's voice process is dead, and how its caller gets to a human. Pure.

Theory of operation. A call is known by its caller's channel, as AMI shows it (`sightings.py`);
beats of its voice process, by whatever way they come, keep it well. Without a beat for `stale_s`
its media leg is hung up: the dialplan goes on to its human by itself when the voice process is
dead, since its AGI connection is closed. When the process only stands still, Asterisk goes on to
wait for its next AGI command (the entry's AGIEXITONHANGUP=yes lets a redirect break that off); so
Asterisk is asked a moment later whether the caller is still
held, and if so the caller's channel is redirected to the entry's label `human`. A caller who is
held without a leg is redirected at once, but never without asking first: nothing else tells
whether the caller has gone on to the human already. The clock of a call starts when AMI tells
that its AGI() begins; until a beat names it, the beats of its process keep it well, `unnamed_s` at
most: a process under load names it late, one that has lost it names it never. On a machine that
has too much to do a voice process beats late and lives: as late as the bridge itself, or a
beat that came all the same, was lately (`lagged`), so much longer it waits for the next.

A human who is whispered to is held by us as well, and watched in the same way. Their AGI can't be
ended from outside but with their channel, which would end the caller's Queue or Dial too: so the
caller is redirected to the label `human` first, and the next human is connected without a whisper.

    ON_LEG       the caller is on a media leg
    OFF_LEG      the caller is in our AGI step without a leg, or has left it
    ENDING       the leg was asked to end
    DOUBTFUL     Asterisk was asked whether the caller is still held
    REDIRECTED   the caller's channel was sent to the human

Time is an argument; all of it is the shell's (`bridge.py`) monotonic clock, in seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from ami_bridge.sightings import Sighting
from dialplan.beat import DEFAULT_PORT, Beat
from dialplan.variables import HUMAN_LABEL

CALLS_MAX = 10_000
"""Calls that are watched at once: more than one Asterisk carries."""

LAG_MEMORY_S = 5.0
"""Seconds for which it is remembered how late the bridge itself, or a beat, was."""

BEAT_GAP_S = 0.4
"""Seconds between two beats of a process that are no lateness: twice the usual."""

LAG_MAX_S = 1.0
"""Longest that a rescue is put off for that, seconds."""

VOICES_MAX = 64
"""Voice processes that are remembered; beats of one more keep its calls well all the same."""


@dataclass(frozen=True)
class BridgeSettings:
    """Where `orderline bridge` listens for beats, and when it ends a silent leg."""

    host: str = "127.0.0.1"
    """IP address to listen on for beats. They carry no login: choose one that only the voice
    hosts reach."""
    port: int = DEFAULT_PORT
    """Its UDP port."""
    voice_hosts: tuple[str, ...] = ()
    """Addresses of further voice hosts, as the dialplan and the media legs spell them; that of
    this configuration's fastagi.host and media.host are always among them."""
    stale_s: float = 1.0
    """Seconds without a beat after which a call's voice process counts as dead."""
    unnamed_s: float = 4.0
    """Seconds that a call may wait for a voice process that beats, but does not name it."""
    settle_s: float = 0.15
    """Seconds from an action until Asterisk is asked whether it has helped."""
    grace_s: float = 1.5
    """Seconds after the start, or after AMI came back, in which nothing is ended."""
    poll_s: float = 0.25
    """Seconds between two looks for callers who wait for a voice process that does not beat."""

    def __post_init__(self) -> None:
        """Refuse what can't work; each message begins with the key."""
        if not 0 < self.port < 2**16:
            raise ValueError(f"port is {self.port}: use 1 to 65535")
        for key in ("stale_s", "unnamed_s", "settle_s", "grace_s", "poll_s"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key} is {getattr(self, key)}: use seconds above 0")


@dataclass(frozen=True)
class Fallback:
    """The entry of the configuration: where the human is if the caller's own place has none."""

    context: str
    extension: str


# What is ordered...


@dataclass(frozen=True)
class Rescue:
    """Note that a call is being rescued; once for each call, before anything is done."""

    call: Sighting


@dataclass(frozen=True)
class HangUpLeg:
    """Hang up the media leg."""

    channel: str
    call: str = field(default="", compare=False)
    """The caller's Uniqueid, for the log."""


@dataclass(frozen=True)
class RedirectCaller:
    """Send the caller's channel to a label of the dialplan."""

    channel: str
    context: str
    extension: str
    label: str = HUMAN_LABEL
    call: str = field(default="", compare=False)
    """The caller's Uniqueid, for the log."""


@dataclass(frozen=True)
class FreeHuman:
    """End a whisper that stands still: send its caller to a human, then hang the channel up."""

    channel: str
    """The human's channel."""
    caller: RedirectCaller | None
    """None: nobody waits."""
    call: str = field(default="", compare=False)
    """The Uniqueid of the human's channel, for the log."""


@dataclass(frozen=True)
class AskPresent:
    """Ask Asterisk for its channels, and give them to `Watchdog.present`."""


@dataclass(frozen=True)
class Forget:
    """The call is no longer watched. For the log."""

    channel: str
    call: str = field(default="", compare=False)
    """The caller's Uniqueid, for the log."""


Order = Rescue | HangUpLeg | RedirectCaller | FreeHuman | AskPresent | Forget


# The table...


class State(Enum):
    """Where a call stands."""

    ON_LEG = "on leg"
    OFF_LEG = "off leg"
    ENDING = "ending"
    DOUBTFUL = "doubtful"
    REDIRECTED = "redirected"
    GONE = "gone"


class Sign(Enum):
    """What happens to a call."""

    DUE = "due"
    """No beat for too long, or it is time to look whether an action has helped."""
    LEG_SEEN = "leg seen"
    LEG_ENDED = "leg ended"
    HELD = "held"
    """Asterisk says that the caller is in our AGI step."""
    LEFT = "left"
    """Asterisk says that the caller is not, or the caller's channel has ended."""


class Act(Enum):
    """What is done about it."""

    NOTHING = "nothing"
    HANG_UP = "hang up"
    ASK = "ask"
    REDIRECT = "redirect"
    FORGET = "forget"


_S, _E, _A = State, Sign, Act
TABLE: Mapping[tuple[State, Sign], tuple[State, Act]] = MappingProxyType(
    {
        (_S.ON_LEG, _E.DUE): (_S.ENDING, _A.HANG_UP),
        (_S.ON_LEG, _E.LEG_SEEN): (_S.ON_LEG, _A.NOTHING),
        (_S.ON_LEG, _E.LEG_ENDED): (_S.OFF_LEG, _A.NOTHING),
        (_S.ON_LEG, _E.HELD): (_S.ON_LEG, _A.NOTHING),
        (_S.ON_LEG, _E.LEFT): (_S.GONE, _A.FORGET),
        (_S.OFF_LEG, _E.DUE): (_S.DOUBTFUL, _A.ASK),
        (_S.OFF_LEG, _E.LEG_SEEN): (_S.ON_LEG, _A.NOTHING),
        (_S.OFF_LEG, _E.LEG_ENDED): (_S.OFF_LEG, _A.NOTHING),
        (_S.OFF_LEG, _E.HELD): (_S.OFF_LEG, _A.NOTHING),
        (_S.OFF_LEG, _E.LEFT): (_S.GONE, _A.FORGET),
        (_S.ENDING, _E.DUE): (_S.DOUBTFUL, _A.ASK),
        (_S.ENDING, _E.LEG_SEEN): (_S.ENDING, _A.NOTHING),
        (_S.ENDING, _E.LEG_ENDED): (_S.ENDING, _A.NOTHING),
        (_S.ENDING, _E.HELD): (_S.ENDING, _A.NOTHING),
        (_S.ENDING, _E.LEFT): (_S.GONE, _A.FORGET),
        (_S.DOUBTFUL, _E.DUE): (_S.DOUBTFUL, _A.ASK),
        (_S.DOUBTFUL, _E.LEG_SEEN): (_S.ON_LEG, _A.NOTHING),
        (_S.DOUBTFUL, _E.LEG_ENDED): (_S.DOUBTFUL, _A.NOTHING),
        (_S.DOUBTFUL, _E.HELD): (_S.REDIRECTED, _A.REDIRECT),
        (_S.DOUBTFUL, _E.LEFT): (_S.GONE, _A.FORGET),
        (_S.REDIRECTED, _E.DUE): (_S.DOUBTFUL, _A.ASK),
        (_S.REDIRECTED, _E.LEG_SEEN): (_S.ON_LEG, _A.NOTHING),
        (_S.REDIRECTED, _E.LEG_ENDED): (_S.REDIRECTED, _A.NOTHING),
        (_S.REDIRECTED, _E.HELD): (_S.REDIRECTED, _A.NOTHING),
        (_S.REDIRECTED, _E.LEFT): (_S.GONE, _A.FORGET),
    }
)
"""(state, sign) -> (next state, act); GONE has no row, since such a call is known no more."""

BEATING = (State.ON_LEG, State.OFF_LEG)
"""States in which a beat puts off what is due. In the others the call is being rescued already."""


@dataclass
class Watched:
    """One call."""

    seen: Sighting
    state: State
    since_s: float
    """When it was first seen."""
    due_s: float
    """When Sign.DUE comes."""
    changed_s: float
    """When its state last changed: what Asterisk was asked before then says nothing."""
    redirects: int = 0
    named: bool = False
    """True when a beat has named it."""
    rescued: bool = False


class Watchdog:
    """All calls of one Asterisk."""

    def __init__(
        self, settings: BridgeSettings, voice: str, fallback: Fallback, now_s: float
    ) -> None:
        """Begin. voice: host:port of the FastAGI that this configuration names."""
        self._settings = settings
        self._fallback = fallback
        self._calls: dict[str, Watched] = {}
        self._legs: dict[str, str] = {}
        self._unnamed: set[str] = set()
        self._voices: dict[str, float] = {voice: now_s}
        self._lags: deque[tuple[float, float]] = deque()
        self._up = False
        self._grace_until_s = now_s + settings.grace_s

    def __len__(self) -> int:
        return len(self._calls)

    def state_of(self, uniqueid: str) -> State:
        """Return where a call stands; GONE when it is not watched."""
        call = self._calls.get(uniqueid)
        return call.state if call is not None else State.GONE

    # What comes in...

    def beat(self, beat: Beat, now_s: float) -> None:
        """Take a sign of life."""
        late_s = now_s - self._voices.get(beat.voice, now_s) - BEAT_GAP_S
        if 0 < late_s < self._settings.stale_s + LAG_MAX_S - BEAT_GAP_S:
            # A longer silence was a death, and says nothing of the next process.
            self.lagged(late_s, now_s)
        if beat.voice in self._voices or len(self._voices) < VOICES_MAX:
            self._voices[beat.voice] = now_s
        fresh_s = now_s + self._settings.stale_s
        for uniqueid in beat.calls:
            call = self._calls.get(uniqueid)
            if call is not None and call.state in BEATING:
                call.due_s = max(call.due_s, fresh_s)
                call.named = True
                self._unnamed.discard(uniqueid)
        for call in (self._calls[uniqueid] for uniqueid in self._unnamed):
            if call.state in BEATING and call.seen.voice in ("", beat.voice):
                latest_s = call.since_s + self._settings.unnamed_s
                call.due_s = max(call.due_s, min(fresh_s, latest_s))

    def entered(self, seen: Sighting, now_s: float) -> list[Order]:
        """Take a call whose AGI() begins: its clock starts."""
        self._know(seen, now_s)
        return []

    def dialled(self, seen: Sighting, now_s: float) -> list[Order]:
        """Take a call whose caller was just connected to a media leg."""
        call = self._know(seen, now_s)
        if call is None:
            return []
        orders = self._step(call, Sign.LEG_SEEN, now_s)
        call.due_s = max(now_s + self._settings.stale_s, self._grace_until_s)
        return orders

    def hung_up(self, channel: str, uniqueid: str, now_s: float) -> list[Order]:
        """Take the end of any channel."""
        if (call := self._calls.get(uniqueid)) is not None:
            return self._step(call, Sign.LEFT, now_s)
        call = self._calls.get(self._legs.pop(channel, ""))
        return self._step(call, Sign.LEG_ENDED, now_s) if call is not None else []

    def ami_up(self, now_s: float) -> list[Order]:
        """AMI is there (again): what happened before is not known, and must be asked."""
        self._up = True
        self._grace_until_s = now_s + self._settings.grace_s
        for call in self._calls.values():
            call.due_s = max(call.due_s, self._grace_until_s)
        return [AskPresent()]

    def ami_down(self) -> None:
        """AMI is lost: nothing can be done until it is back."""
        self._up = False

    def present(self, held: Iterable[Sighting], asked_s: float, now_s: float) -> list[Order]:
        """Take what Asterisk said: these callers are in our AGI step, and no others.

        asked_s: when it was asked; calls that changed since then are left alone.
        """
        orders: list[Order] = []
        there = {seen.uniqueid: seen for seen in held}
        for uniqueid, call in tuple(self._calls.items()):
            if call.changed_s <= asked_s:
                sign = Sign.HELD if uniqueid in there else Sign.LEFT
                if sign is Sign.HELD and call.seen.whisper:
                    # Who waits for a human shows here alone.
                    call.seen = replace(call.seen, waits=there[uniqueid].waits)
                orders += self._step(call, sign, now_s)
        for seen in there.values():
            if seen.uniqueid not in self._calls:
                self._know(seen, now_s)
        return orders

    def tick(self, now_s: float) -> list[Order]:
        """Do what is due. Call it at `next_s`, or more often."""
        if not self._up:
            return []
        more_s = self._patience_of_lag_s()
        due = [call for call in self._calls.values() if _due_s(call, more_s) <= now_s]
        return _once([order for call in due for order in self._step(call, Sign.DUE, now_s)])

    def next_s(self) -> float | None:
        """Return when `tick` has something to do; None when nothing is due without more news."""
        if not self._up or not self._calls:
            return None
        more_s = self._patience_of_lag_s()
        return min(_due_s(call, more_s) for call in self._calls.values())

    def must_poll(self, now_s: float) -> bool:
        """Tell whether a voice process is silent, so that callers may wait for it unseen."""
        return self._up and any(self._silent(voice, now_s) for voice in self._voices)

    def lagged(self, late_s: float, now_s: float) -> None:
        """Take how late the bridge itself, or a beat, was just now."""
        while self._lags and self._lags[0][0] < now_s - LAG_MEMORY_S:
            self._lags.popleft()
        self._lags.append((now_s, late_s))

    def voices(self, now_s: float) -> Mapping[str, bool]:
        """Return the voice processes that are known, and whether each beats."""
        return {voice: not self._silent(voice, now_s) for voice in self._voices}

    # What it comes to...

    def _patience_of_lag_s(self) -> float:
        return min(LAG_MAX_S, max((late_s for _, late_s in self._lags), default=0.0))

    def _silent(self, voice: str, now_s: float) -> bool:
        return self._voices.get(voice, now_s) < now_s - self._settings.stale_s

    def _know(self, seen: Sighting, now_s: float) -> Watched | None:
        call = self._calls.get(seen.uniqueid)
        if call is not None:
            # AGI() is told of again when Dial returns to it: the leg that was is still known.
            call.seen = seen if seen.leg else replace(seen, leg=call.seen.leg)
        elif len(self._calls) < CALLS_MAX:
            # Of a process that is silent already no beat need be waited for.
            waits_s = 0.0 if self._silent(seen.voice, now_s) else self._settings.stale_s
            due_s = max(now_s + waits_s, self._grace_until_s)
            state = State.ON_LEG if seen.leg else State.OFF_LEG
            call = self._calls[seen.uniqueid] = Watched(seen, state, now_s, due_s, now_s)
            self._unnamed.add(seen.uniqueid)
        if call is not None and seen.leg:
            self._legs[seen.leg] = seen.uniqueid
        return call

    def _step(self, call: Watched, sign: Sign, now_s: float) -> list[Order]:
        before = call.state
        call.state, act = TABLE[before, sign]
        if call.state is not before or sign is Sign.DUE:
            call.changed_s = now_s
            call.due_s = now_s + self._patience_s(call.state)
        return self._do(act, call)

    def _patience_s(self, state: State) -> float:
        if state is State.ENDING:
            return self._settings.settle_s
        return self._settings.stale_s

    def _do(self, act: Act, call: Watched) -> list[Order]:
        if act is Act.HANG_UP:
            return [*_rescue(call), HangUpLeg(call.seen.leg, call=call.seen.uniqueid)]
        if act is Act.ASK:
            return [AskPresent()]
        if act is Act.REDIRECT:
            if call.seen.whisper:
                return [self._free_human(call)]
            return [*_rescue(call), self._redirect(call, call.seen)]
        if act is Act.FORGET:
            self._calls.pop(call.seen.uniqueid, None)
            self._unnamed.discard(call.seen.uniqueid)
            self._legs.pop(call.seen.leg, None)
            return [Forget(call.seen.channel, call=call.seen.uniqueid)]
        return []

    def _free_human(self, call: Watched) -> FreeHuman:
        waits = call.seen.waits
        caller = None if waits is None else self._redirect(call, waits)
        return FreeHuman(call.seen.channel, caller, call=call.seen.uniqueid)

    def _redirect(self, call: Watched, seen: Sighting) -> RedirectCaller:
        """Send the caller to the label where they are; every second time, to the entry's own."""
        fallback = self._fallback
        call.redirects += 1
        if call.redirects % 2 and seen.context and seen.extension:
            return RedirectCaller(
                seen.channel, seen.context, seen.extension, call=seen.uniqueid
            )
        return RedirectCaller(
            seen.channel, fallback.context, fallback.extension, call=seen.uniqueid
        )


def _due_s(call: Watched, more_s: float) -> float:
    """Return when a call is due, with the patience that a busy machine needs."""
    return call.due_s + (more_s if call.state in BEATING else 0.0)


def _rescue(call: Watched) -> list[Order]:
    before, call.rescued = call.rescued, True
    return [] if before or call.seen.whisper else [Rescue(call.seen)]


def _once(orders: list[Order]) -> list[Order]:
    """Leave out repetitions: one question serves all calls."""
    return list(dict.fromkeys(orders))
