"""One caller's turns while a business system fails: asked, timed, and what the caller hears.

    async with staged(system, proxy, logs) as stage:
        await stage.answers()             # both questions, each with a fact
        await proxy.set(Refuse())
        await stage.fails(Reason.BACKEND_DOWN)

The gateway, the connectors, the inquiry and the dialogue are the product's own, the systems are
real ones. `WORST` keeps the latest end of a turn by fault; `tests/benchmarks/erp_faults.py` prints
it.
"""

from __future__ import annotations

import asyncio
import gc
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

from asterisk_agi import logs
from asterisk_agi.dialogue import machine, phrases
from asterisk_agi.dialogue.effects import LineKind, Query, Say
from asterisk_agi.dialogue.events import (
    CallAnswered,
    Intent,
    LookupOutcome,
    Meaning,
    QueryAnswered,
    QueryFailed,
    TurnHeard,
)
from asterisk_agi.dialogue.state import CallState, DialogueSettings, StateName
from asterisk_agi.inquiry import Inquiry
from asterisk_agi.story import Story
from dialplan.reasons import Reason
from erp.deadline import Deadline
from erp.errors import ErpError
from erp.gateway import Gateway
from erp.landscape import Landscape
from erp.model import Customer
from erp.port import ErpPort
from erp.settings import GatewaySettings, SystemSettings
from tests.logging_state import logging_as_before
from tests.rig import demo_company
from tests.rig.faults import FaultProxy

CALLER = "+12125550101"
ACCOUNT = "C001"
ITEM = "4521"
TURN_S = 0.8
"""Seconds that a turn may take."""

WELL_S = 4.0
"""Seconds of a turn that must be answered: on a busy machine the systems take their time."""

UP_WITHIN_S = 15.0
LATE_MAX_S = 0.1
"""Seconds after its deadline at which the caller must have been told."""

OPEN_S = 5.0
CONNECTIONS = 2
BREAKER_FAILURES = 2
BREAKER_OPEN_S = 0.4
AT_ONCE_S = 0.05
"""A turn that asks nobody takes no longer."""

STOCK = Meaning(Intent.AVAILABILITY, "is it in stock", item_number=ITEM)
PARCELS = Meaning(Intent.TRACKING, "where is my order")
KEYPAD = ("find_item", "availability")
"""Operations whose failure offers a key to try again; for the others a human is offered."""


@dataclass
class Worst:
    """What came of the turns that one fault made fail."""

    late_s: float = float("-inf")
    """The latest end of a turn, in seconds after its deadline (below 0: before it)."""
    longest_s: float = 0.0
    turns: int = 0
    reasons: list[str] = field(default_factory=list)
    """Why turns failed, in the order of the first time."""
    told: list[str] = field(default_factory=list)
    """What was logged when it was down, and when it was up again."""


WORST: dict[str, Worst] = {}
"""By the name of the fault: the tests fill it."""


class Stream(io.StringIO):
    """Keeps what is written, and tells who waits for more."""

    more: Callable[[], object] | None = None

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.more is not None:
            self.more()
        return written


@dataclass
class Log:
    """All that was logged, as the product writes it, at its most talkative level."""

    stream: Stream
    secrets: set[str] = field(default_factory=set)

    async def until(self, done: Callable[[], object]) -> None:
        """Wait until the log is as it should be; looked at after each line."""
        loop, written = asyncio.get_running_loop(), asyncio.Event()
        self.stream.more = partial(loop.call_soon_threadsafe, written.set)
        try:
            while not done():
                await written.wait()
                written.clear()
        finally:
            self.stream.more = None

    def since(self, begin: int) -> list[str]:
        """Return the lines from a place on."""
        return self.stream.getvalue()[begin:].splitlines()

    @property
    def end(self) -> int:
        """The place of what comes next."""
        return len(self.stream.getvalue())


@contextmanager
def logged() -> Iterator[Log]:
    """Configure logging as the voice process does, and give what it writes."""
    with logging_as_before():
        logging.root.handlers.clear()  # else they are closed
        logs.configure("debug")
        (handler,) = logging.root.handlers
        assert isinstance(handler, logging.StreamHandler)
        log = Log(Stream(), personal())
        handler.setStream(log.stream)
        yield log


def personal() -> set[str]:
    """Return what is the demo customer's own business, as it may be written."""
    references = {
        order.values["reference"]
        for order in demo_company.orders()
        if "reference" in order.values
    }
    assert references
    names = {"Whitfield", "Dana", "Harbor", demo_company.customer(ACCOUNT)["name"]}
    return {CALLER, CALLER[1:], CALLER[2:], "555-0101", ACCOUNT, *names, *references}


@dataclass(frozen=True)
class Turn:
    """One turn of the caller, when it is over."""

    reason: Reason | None
    """Why it failed; None when it was answered."""
    state: CallState
    said: str
    fact: bool
    took_s: float


@dataclass(frozen=True)
class Place:
    """Where a fault is tried."""

    fault: str
    system: str
    settings: SystemSettings
    proxy: FaultProxy
    log: Log


class Stage:
    """A call in progress with a company whose only system is behind a proxy."""

    def __init__(self, place: Place, port: ErpPort, begin: int) -> None:
        self._place = place
        self._begin = begin
        self._inquiry = Inquiry(port, Story(None, "faults"), date.today)
        self._clock = asyncio.get_running_loop().time
        self._customers: tuple[Customer, ...] = ()
        self._turns = 0

    # Turns

    async def greeting(self, turn_s: float = TURN_S) -> Turn:
        """Let the caller be looked up and greeted, within the time of a turn."""
        begin_s = self._clock()
        deadline = Deadline.after(begin_s, turn_s)
        reason, outcome = None, LookupOutcome.DONE
        try:
            self._customers = await self._inquiry.customers(CALLER, deadline)
        except ErpError as error:
            reason, outcome = error.reason, LookupOutcome.FAILED
        event = CallAnswered(outcome, self._customers if reason is None else ())
        return self._ended(self._greeted(event), reason, begin_s, deadline)

    async def turn(self, meaning: Meaning, turn_s: float = TURN_S) -> Turn:
        """Let the caller, who is known, ask something."""
        state, _ = self._greeted(CallAnswered(LookupOutcome.DONE, self._customers))
        state, effects = machine.step(state, TurnHeard(meaning), date.today())
        (query,) = (effect for effect in effects if isinstance(effect, Query))
        self._turns += 1
        begin_s = self._clock()
        deadline = Deadline.after(begin_s, turn_s)
        event = await self._inquiry.answer(query, deadline, self._turns)
        reason = event.reason if isinstance(event, QueryFailed) else None
        assert isinstance(event, QueryAnswered | QueryFailed)
        return self._ended(machine.step(state, event, date.today()), reason, begin_s, deadline)

    def _greeted(self, event: CallAnswered) -> tuple[CallState, tuple[object, ...]]:
        state = machine.start(DialogueSettings())
        return machine.step(state, event, date.today())

    def _ended(
        self,
        step: tuple[CallState, tuple[object, ...]],
        reason: Reason | None,
        begin_s: float,
        deadline: Deadline,
    ) -> Turn:
        ended_s = self._clock()
        took_s, late_s = ended_s - begin_s, ended_s - deadline.at_s
        if reason is not None:
            self._keep_worst(late_s, took_s, reason)
        assert late_s <= LATE_MAX_S
        state, effects = step
        lines = [line for effect in effects if isinstance(effect, Say) for line in effect.lines]
        return Turn(
            reason=reason,
            state=state,
            said=" ".join(line.text for line in lines),
            fact=any(line.kind is LineKind.FACT for line in lines),
            took_s=took_s,
        )

    def _keep_worst(self, late_s: float, took_s: float, reason: Reason) -> None:
        worst = WORST.setdefault(self._place.fault, Worst())
        worst.late_s = max(worst.late_s, late_s)
        worst.longest_s = max(worst.longest_s, took_s)
        worst.turns += 1
        if reason.value not in worst.reasons:
            worst.reasons.append(reason.value)

    # What they come to

    async def answers(self) -> None:
        """Ask both questions, and hear a fact both times."""
        for meaning in (STOCK, PARCELS):
            turn = await self.turn(meaning, WELL_S)
            assert (turn.reason, turn.fact) == (None, True), turn.said
            assert turn.state.name is StateName.LISTENING

    async def fails(self, reason: Reason, meaning: Meaning = STOCK) -> Turn:
        """Ask a question, and hear that it failed and what can be done instead."""
        turn = await self.turn(meaning)
        assert turn.reason is reason
        assert phrases.FAILURES[reason] in turn.said
        assert not turn.fact
        if meaning is STOCK:
            assert turn.state.name is StateName.OFFERING_RETRY
            assert turn.said.endswith(phrases.RETRY_KEYS)
        else:
            assert turn.state.name is StateName.OFFERING_HUMAN
            assert turn.said.endswith(phrases.OFFER)
        return turn

    async def is_greeted_by_name(self) -> None:
        """Be looked up, found and greeted."""
        turn = await self.greeting(WELL_S)
        assert (turn.reason, turn.state.name) == (None, StateName.LISTENING)
        assert "Dana Whitfield" in turn.said
        assert [customer.account for customer in self._customers] == [ACCOUNT]

    async def is_greeted_honestly(self, reason: Reason) -> None:
        """Be greeted, told that the system can't be reached, and offered a human."""
        turn = await self.greeting()
        assert turn.reason is reason
        assert phrases.SYSTEM_DOWN in turn.said
        assert turn.state.name is StateName.OFFERING_HUMAN

    async def is_left_alone(self, reason: Reason = Reason.BACKEND_DOWN) -> None:
        """Ask while the system is left alone: be told at once, and nobody is asked."""
        before = self._place.proxy.accepted
        turn = await self.fails(reason)
        assert turn.took_s < AT_ONCE_S
        assert self._place.proxy.accepted == before

    async def all_places_serve(self) -> None:
        """Ask more questions at once than there are connections: none of them is lost."""
        asked = [self.turn(PARCELS, WELL_S) for _ in range(2 * CONNECTIONS)]
        assert [turn.fact for turn in await asyncio.gather(*asked)] == [True] * len(asked)

    # The log

    def said_down(self) -> list[str]:
        """Return the lines that say that the system is down, or fails."""
        return self._said("ERROR")

    def said_up(self) -> list[str]:
        """Return the lines that say that it is well again."""
        system = self._place.system
        lines = self._said("WARNING")
        return [line for line in lines if f"{system} is up " in line or f"{system} answers" in line]

    async def until_up(self) -> None:
        """Wait until it is said that the system is up again."""
        await asyncio.wait_for(self._place.log.until(self.said_up), UP_WITHIN_S)

    def keep_told(self) -> None:
        """Keep for the report what was logged."""
        lines = [*self.said_down(), *self.said_up()]
        worst = WORST.setdefault(self._place.fault, Worst())
        worst.told = [line.partition(": ")[2] for line in lines]

    def _said(self, level: str) -> list[str]:
        return [line for line in self._place.log.since(self._begin) if f" {level} " in line]


@asynccontextmanager
async def staged(
    place: Place, harm: Callable[[], Awaitable[object]] | None = None
) -> AsyncIterator[Stage]:
    """Open the product's gateway to one system for a call; at the end nothing may be left.

    harm: done before it is opened. The proxy must pass again when the block ends.
    """
    before, begin = _left(), place.log.end
    if harm is not None:
        await harm()
    gateway = gateway_to(place.system, place.settings)
    try:
        await gateway.open(Deadline.after(asyncio.get_running_loop().time(), OPEN_S))
        async with gateway.for_call("faults") as port:
            stage = Stage(place, port, begin)
            yield stage
            stage.keep_told()
    finally:
        await gateway.close()
    await asyncio.wait_for(place.proxy.until_open(0), 2.0)
    gc.collect()
    await asyncio.sleep(0)
    assert _left() == before
    _demand_discretion(place.log, begin)


def gateway_to(system: str, settings: SystemSettings) -> Gateway:
    """Return the product's gateway to one system, quick to leave it alone."""
    return Landscape(
        GatewaySettings(
            use=system,
            fallback=dict.fromkeys(KEYPAD, ("keypad",)),
            breaker_failures=BREAKER_FAILURES,
            breaker_open_s=BREAKER_OPEN_S,
        ),
        {system: settings},
    ).gateway()


def _left() -> tuple[set[str], int]:
    """Return the tasks and the number of files that there are."""
    names = {task.get_name() for task in asyncio.all_tasks()}
    return names, len(list(Path("/proc/self/fd").iterdir()))


def _demand_discretion(log: Log, begin: int) -> None:
    text = "\n".join(log.since(begin))
    assert "query system=" in text or "is down" in text
    assert [secret for secret in log.secrets if secret in text] == []
    # asyncio tells what was never awaited, or failed where nobody looked.
    assert " ERROR - asyncio" not in text
    assert "never retrieved" not in text
