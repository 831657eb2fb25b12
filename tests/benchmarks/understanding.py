"""How many turns are understood: `python -m tests.benchmarks.understanding [--json FILE]`.

Callers of other synthesis engines than the agent's, through G.711 and comfort noise, into voice
activity, endpointing, recogniser and understanding, each sentence in its own state with that
state's grammar. As fast as the processor can: the time is the audio's. A turn is right when
intent, number and day are those that were meant. Live turns are in `ear_to_ear.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

from asterisk_agi.audio import PcmChunk
from asterisk_agi.dialogue import grammar
from asterisk_agi.dialogue.events import Intent, LookupOutcome, Meaning
from asterisk_agi.dialogue.machine import listening
from asterisk_agi.dialogue.questions import Question
from asterisk_agi.dialogue.state import (
    Caller,
    CallState,
    DialogueSettings,
    StateName,
    start,
)
from asterisk_agi.dialogue.understanding import Understander
from asterisk_agi.media.formats import FRAME_S
from asterisk_agi.speech.endpointing import Endpointer, EndpointEvent, PauseReached, TurnEnded
from asterisk_agi.speech.models import locate
from asterisk_agi.speech.port import Transcript
from asterisk_agi.speech.vad import VoiceActivity
from asterisk_agi.speech.vosk_engine import VoskEngine, VoskSettings
from asterisk_agi.speech.vosk_session import VoskSession
from tests.benchmarks import phrasings, questions
from tests.benchmarks.recognition import AFTER_S, on_the_line, packets, spread
from tests.rig.voices import MARGIN_S, Voice, available, speak

QUEUE_S = 60.0
"""Audio comes faster than it is decoded: more of it may wait than in a call."""
NOISE = 8.0
KNOWN_ITEM = "4521"
"""The item that was talked of before."""
FINISHED = {Intent.NOT_UNDERSTOOD, Intent.NOTHING}


@dataclass(frozen=True)
class Spoken:
    """A sentence with its values, and what it means."""

    kind: str
    state: StateName
    intents: tuple[Intent, ...]
    text: str
    item: str | None
    """The number that is said: an item's, or an order's."""
    day: date | None


@dataclass
class Turn:
    """What became of one sentence of one voice."""

    voice: str
    spoken: Spoken
    heard: str = ""
    meaning: str = ""
    item: str | None = None
    day: date | None = None
    understood: bool = False
    """Some intent was taken, right or wrong."""
    right: bool = False
    ended_ms: float = float("nan")
    """From the last word to the end of the turn."""
    words: list[tuple[str, float]] = field(default_factory=list)
    """What was heard, with the confidence of each word."""
    takes_ms: list[float] = field(default_factory=list)
    """What `understand` took, each time it was asked."""

    @property
    def wrong_item(self) -> bool:
        """Tell whether the system would ask for an item that was not said."""
        return self.item is not None and self.item != self.spoken.item

    @property
    def wrong_day(self) -> bool:
        """Tell whether an item would be asked for on a day that was not said."""
        return self.item is not None and self.item == self.spoken.item and not self._same_day

    @property
    def _same_day(self) -> bool:
        return self.day == self.spoken.day


class Listener:
    """The product's ear in one state, driven by the audio's own time."""

    def __init__(self, session: VoskSession, understander: Understander, state: CallState) -> None:
        self._session, self._understander, self._state = session, understander, state
        self._voice, self._endpointer = VoiceActivity(), Endpointer()
        listens = listening(state)
        self._endpointer.set_profile(listens.profile)
        session.listen_for(listens.phrases)

    async def hear(self, call: PcmChunk, turn: Turn, today: date) -> None:
        """Hear a call with one sentence in it; the last turn with words counts."""
        last_s = call.seconds - AFTER_S - MARGIN_S
        for number, packet in enumerate(packets(call), 1):
            self._session.accept(packet)
            for event in await self._events(packet, number * FRAME_S, turn, today):
                if isinstance(event, TurnEnded):
                    self._keep(await self._session.finish(), turn, today)
                    turn.ended_ms = 1000 * (event.at_s - last_s)
                    if turn.ended_ms > 0:
                        return
        self._keep(await self._session.finish(), turn, today)

    async def _events(
        self, packet: PcmChunk, now_s: float, turn: Turn, today: date
    ) -> Iterator[EndpointEvent]:
        events: list[EndpointEvent] = []
        for frame in self._voice.accept(packet):
            events += self._endpointer.voice(frame, now_s)
        for event in tuple(events):
            if isinstance(event, PauseReached):
                meaning = self._understand(await self._session.peek(), turn, today)
                events += self._endpointer.content(meaning.complete, now_s, event.serial)
        return iter(events)

    def _keep(self, transcript: Transcript, turn: Turn, today: date) -> None:
        if not transcript.text:
            return
        meaning = self._understand(transcript, turn, today)
        wanted = turn.spoken
        turn.heard = f"{turn.heard} / {transcript.text}".removeprefix(" / ")
        turn.words += [(word.text, round(word.confidence, 2)) for word in transcript.words]
        turn.meaning = meaning.intent.value
        turn.item = turn.item or meaning.item_number or meaning.order_number
        turn.day = None if meaning.day == today else meaning.day
        turn.understood = meaning.intent not in FINISHED
        same = (turn.item, turn.day) == (wanted.item, wanted.day) or not turn.understood
        turn.right = meaning.intent in wanted.intents and same and " / " not in turn.heard

    def _understand(self, transcript: Transcript, turn: Turn, today: date) -> Meaning:
        begin_s = time.perf_counter()
        meaning = self._understander.understand(transcript, self._state, today)
        turn.takes_ms.append(1000 * (time.perf_counter() - begin_s))
        return meaning


def sentences(seed: int, asked: int, today: date) -> list[Spoken]:
    """Return all sentences: drawn questions in two states, then the phrasings."""
    dice = random.Random(seed)
    found = []
    for state in (StateName.LISTENING, StateName.ASKING_ITEM):
        for question in questions.draw(asked, seed, questions.catalogue(), today):
            day = None if question.on == today else question.on
            kind = "drawn"
            intents = (Intent.AVAILABILITY,)
            found.append(Spoken(kind, state, intents, question.text, question.item, day))
    for phrasing in phrasings.EVERY:
        found.append(_filled(phrasing, dice, today))
    return found


def _filled(phrasing: phrasings.Phrasing, dice: random.Random, today: date) -> Spoken:
    number = f"{dice.randrange(1000, 10000)}"
    day = today + timedelta(days=dice.randint(2, questions.AHEAD_MAX_DAYS))
    spelled = questions.spelled(number)
    text = phrasing.text.format(item=spelled, order=spelled, day=questions.spoken_day(day))
    return Spoken(
        phrasing.kind,
        phrasing.state,
        phrasing.intents,
        text,
        _said(phrasing, number),
        _meant(phrasing.text, day),
    )


def _said(phrasing: phrasings.Phrasing, number: str) -> str | None:
    if phrasing.text == "how much is it":
        return KNOWN_ITEM
    return number if "{item}" in phrasing.text or "{order}" in phrasing.text else None


def _meant(text: str, day: date) -> date | None:
    if "{day}" not in text:
        return None
    return day - timedelta(days=1) if "before {day}" in text else day


def state_of(name: StateName) -> CallState:
    """Return a call in a state, after one answer."""
    caller = Caller(LookupOutcome.DONE)
    topic = Question(item_number=KNOWN_ITEM) if name is StateName.LISTENING else Question()
    return replace(start(DialogueSettings()), name=name, caller=caller, topic=topic)


async def run(engine: VoskEngine, voices: Sequence[Voice], spoken: Sequence[Spoken]) -> list[Turn]:
    """Let every voice say every sentence, one after the other."""
    understander = Understander(DialogueSettings())
    turns = []
    for number, sentence in enumerate(spoken):
        for voice in voices:
            turn = Turn(voice.name, sentence)
            call = on_the_line(speak(voice, sentence.text), NOISE, 0.0, seed=number)
            session = engine.session()
            listener = Listener(session, understander, state_of(sentence.state))
            await listener.hear(call, turn, date.today())
            await session.close()
            turns.append(turn)
    return turns


async def grammar_costs(engine: VoskEngine) -> dict[str, str]:
    """Return phrases and milliseconds of a change to each state's grammar."""
    costs = {}
    for name in (StateName.LISTENING, StateName.ASKING_ITEM, StateName.OFFERING_HUMAN):
        phrases = grammar.phrases(state_of(name))
        session = engine.session()
        taken = []
        for number in range(40):
            # A change waits for audio; 20 ms of it cost next to nothing.
            session.listen_for(phrases if number % 2 else ("yes", "no"))
            begin_s = time.perf_counter()
            session.accept(PcmChunk(bytes(320)))
            await session.finish()
            if number % 2:
                taken.append(1000 * (time.perf_counter() - begin_s))
        await session.close()
        costs[name.value] = f"{len(phrases)} phrases, {spread(taken)} ms"
    return costs


def table(turns: Sequence[Turn], key: Callable[[Turn], str]) -> None:
    """Print a row for each value of the key."""
    head = f"{'':36}{'turns':>6}{'right':>8}{'wrong item':>12}{'wrong day':>11}"
    print(f"{head}{'ended p50, p95 ms':>20}")
    groups = Counter(key(turn) for turn in turns)
    for name in (*groups, "all"):
        rows = [turn for turn in turns if name in ("all", key(turn))]
        right = sum(turn.right for turn in rows) / len(rows)
        items, days = (sum(getattr(t, f"wrong_{what}") for t in rows) for what in ("item", "day"))
        ended = spread([turn.ended_ms for turn in rows])[:2]
        print(f"{name:36}{len(rows):>6}{right:>8.1%}{items:>12}{days:>11}{ended!s:>20}")


async def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write every turn to this file")
    parser.add_argument("--asked", type=int, default=40, help="drawn questions for each state")
    parser.add_argument("--seed", type=int, default=4, help="of the questions")
    parser.add_argument("--voices", type=int, default=7, help="so many voices")
    parser.add_argument("--kinds", nargs="*", default=(), help="these alone")
    parser.add_argument("--wrong", nargs="*", default=(), help="kinds whose wrong turns to print")
    arguments = parser.parse_args()
    voices = (await asyncio.to_thread(available))[: arguments.voices]
    settings = VoskSettings(threads=1, queue_s=QUEUE_S)
    engine = await VoskEngine.load(settings, locate(None, os.environ))
    spoken = sentences(arguments.seed, arguments.asked, date.today())
    if arguments.kinds:
        spoken = [sentence for sentence in spoken if sentence.kind in arguments.kinds]
    turns = await run(engine, voices, spoken)
    costs = await grammar_costs(engine)
    await engine.close()
    for turn in turns:
        if not turn.right and turn.spoken.kind in arguments.wrong:
            print(f"{turn.voice:32} {turn.spoken.text!r} -> {turn.heard!r}: {turn.meaning}")
    table(turns, lambda turn: f"{turn.spoken.state.value}, {turn.spoken.kind}")
    table(turns, lambda turn: turn.voice)
    print(f"understand() {spread([ms for turn in turns for ms in turn.takes_ms])} ms")
    for name, cost in costs.items():
        print(f"grammar of {name}: {cost}")
    if arguments.json:
        rows = [asdict(turn) for turn in turns]
        arguments.json.write_text(json.dumps(rows, indent=1, default=str))


if __name__ == "__main__":
    asyncio.run(main())
