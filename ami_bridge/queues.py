"""How busy a queue of Asterisk is: who is there, who talks, who waits, and how long it takes.

The truth is asked each time (`QueueStatus` and `QueueSummary`, for which no right is needed; a few
milliseconds). Between two askings the queue's events keep the picture, where the AMI user gets
them (`read = agent`): they stand in when an answer is late, and for no longer than PICTURE_S.
What came before a lost link or a restarted Asterisk counts for nothing.

Expected wait of one more caller: the longest of
- what those waited who were answered lately (Asterisk's moving average, `HoldTime`);
- what the caller who waits longest has waited by now (`LongestHoldTime`);
- (waiting + 1) * talk / staffed: so many talks must end first; talk is the queue's moving average
  (`TalkTime`), and as long as it comes of less than TALKS_MIN talks not less than the configured
  one. A pessimist's choice on purpose.
Without a talk's length and without anybody who was answered it is not known.

Source: Asterisk's documentation of QueueStatus, QueueSummary and the Queue* events; app_queue.c.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ami_bridge.errors import AmiError
from ami_bridge.guard import HeaderValue
from ami_bridge.subscriptions import RESYNC, AmiEvent, OnEvent, Subscription
from erp.deadline import Deadline

PICTURE_S = 30.0
"""Seconds for which events may stand in for an answer, counted from the last answer."""

MEMBERS_MAX = 1000
"""Members of a queue that are kept; a larger one is asked each time all the same."""

TALKS_MIN = 5
"""Talks whose average counts by itself; that of fewer is chance."""

_FREE = ("0", "1")
"""Device states of who can be rung: not in use, and those of which Asterisk does not know."""
_ABSENT = ("4", "5")
"""Invalid, unavailable: no telephone is there."""


class Ami(Protocol):
    """What is needed of the AMI connection."""

    async def action(self, name: str, **headers: HeaderValue) -> Sequence[Mapping[str, str]]:
        """Send an action; return its response and the events of its list."""

    def subscribe_all(self, on_event: OnEvent) -> Subscription:
        """Call on_event for every event."""


@dataclass(frozen=True)
class HumansState:
    """The humans as Asterisk sees them. known False: it could not be asked, nothing else counts."""

    known: bool = False
    staffed: int = 0
    """Members with a telephone who are not paused."""
    paused: int = 0
    in_call: int = 0
    """Of the staffed, who talk or are rung."""
    free: int = 0
    """Of the staffed, who can be rung now."""
    waiting: int = 0
    wait_s: float | None = None
    """Expected wait of one more caller; None when it can't be told."""


@dataclass(frozen=True)
class Member:
    """One member of the queue."""

    status: str
    paused: bool
    in_call: bool

    @property
    def staffed(self) -> bool:
        """Whether the queue may ring them at all."""
        return not self.paused and self.status not in _ABSENT

    @property
    def free(self) -> bool:
        """Whether the queue can ring them now."""
        return self.staffed and not self.in_call and self.status in _FREE


@dataclass(frozen=True)
class Picture:
    """The queue at one moment."""

    members: Mapping[str, Member]
    waiting: int
    hold_s: float = 0.0
    talk_s: float = 0.0
    longest_s: float = 0.0
    talks: int = 0
    """Talks that these figures come from."""

    def state(self, talk_s: float) -> HumansState:
        """Return what it says of the humans. talk_s: a talk, by the configuration."""
        staffed = [member for member in self.members.values() if member.staffed]
        free = sum(member.free for member in staffed)
        expected_s = self.talk_s if self.talks >= TALKS_MIN else max(self.talk_s, talk_s)
        return HumansState(
            known=True,
            staffed=len(staffed),
            paused=sum(member.paused for member in self.members.values()),
            in_call=len(staffed) - free,
            free=free,
            waiting=self.waiting,
            wait_s=self._wait_s(len(staffed), expected_s),
        )

    def _wait_s(self, staffed: int, talk_s: float) -> float | None:
        if not staffed or not (talk_s or self.hold_s):
            return None
        turns_s = (self.waiting + 1) * talk_s / staffed
        return max(turns_s, self.hold_s, self.longest_s)


class QueueWatch:
    """One queue of Asterisk. `start` it, `close` it.

    talk_s: a talk, for the expected wait as long as Asterisk has no figure; 0: it has none either.
    """

    def __init__(self, ami: Ami, name: str, talk_s: float = 0.0) -> None:
        self._ami = ami
        self._name = name
        self._talk_s = talk_s
        self._picture: Picture | None = None
        self._asked_s = 0.0
        self._subscription: Subscription | None = None

    def start(self) -> None:
        """Begin to take events."""
        if self._subscription is None:
            self._subscription = self._ami.subscribe_all(self._take)

    def close(self) -> None:
        """Stop it. May be called twice."""
        if self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None

    async def look(self, deadline: Deadline) -> HumansState:
        """Return how busy the queue is. Never raises; `known` False when it can't be told."""
        clock = asyncio.get_running_loop().time
        asking = asyncio.get_running_loop().create_task(self._ask(), name=f"ask {self._name}")
        try:
            await asyncio.wait([asking], timeout=deadline.remaining_s(clock()))
        finally:
            asking.cancel()
        await asyncio.wait([asking])
        if asking.cancelled():
            # The answer is late: what the events say counts, if an answer is not too long ago.
            fresh = clock() - self._asked_s <= PICTURE_S
            picture = self._picture if fresh else None
        else:
            picture = asking.result()
        return HumansState() if picture is None else picture.state(self._talk_s)

    async def _ask(self) -> Picture | None:
        """Return the queue as Asterisk has it now; None when it has none of this name."""
        try:
            status, summary = await asyncio.gather(
                self._ami.action("QueueStatus", Queue=self._name),
                self._ami.action("QueueSummary", Queue=self._name),
            )
        except AmiError:
            self._picture = None
            return None
        self._picture = picture_of(self._name, status, summary)
        self._asked_s = asyncio.get_running_loop().time()
        return self._picture

    def _take(self, event: AmiEvent) -> None:
        name = event.get("Event")
        if name in (RESYNC, "FullyBooted", "Reload"):
            self._picture = None
        elif self._picture is not None and event.get("Queue") == self._name:
            self._picture = after(self._picture, event)


def picture_of(
    name: str, status: Sequence[AmiEvent], summary: Sequence[AmiEvent]
) -> Picture | None:
    """Return the queue that two answers describe; None when they know no queue of this name."""
    params = _first(status, "QueueParams", name)
    if params is None:
        return None
    sums = _first(summary, "QueueSummary", name) or {}
    members = {
        event.get("Location", ""): _member(event)
        for event in status[: MEMBERS_MAX + 2]
        if event.get("Event") == "QueueMember" and event.get("Queue") == name
    }
    return Picture(
        members,
        _count(params.get("Calls")),
        _seconds(params.get("Holdtime")),
        _seconds(params.get("TalkTime")),
        _seconds(sums.get("LongestHoldTime")),
        _count(params.get("Completed")),
    )


def after(picture: Picture, event: AmiEvent) -> Picture:
    """Return the queue after one of its events."""
    name, interface = event.get("Event", ""), event.get("Interface", "")
    if name in ("QueueCallerJoin", "QueueCallerLeave"):
        return replace(picture, waiting=_count(event.get("Count")))
    if not interface or not name.startswith("QueueMember"):
        return picture
    members = dict(picture.members)
    if name == "QueueMemberRemoved":
        members.pop(interface, None)
    elif interface in members or len(members) < MEMBERS_MAX:
        members[interface] = _member(event)
    return replace(picture, members=members)


def _first(answer: Sequence[AmiEvent], event: str, queue: str) -> AmiEvent | None:
    wanted = (one for one in answer if one.get("Event") == event and one.get("Queue") == queue)
    return next(wanted, None)


def _member(event: AmiEvent) -> Member:
    return Member(
        status=event.get("Status", ""),
        paused=event.get("Paused") == "1",
        in_call=event.get("InCall") == "1",
    )


DIGITS_MAX = 9
"""Longest number that is read: thirty years in seconds. More is no count of Asterisk's."""


def _count(text: str | None) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > DIGITS_MAX:
        return 0
    return int(text)


def _seconds(text: str | None) -> float:
    return float(_count(text))
