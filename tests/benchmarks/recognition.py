"""How well and how soon callers are heard: `python -m tests.benchmarks.recognition [--json FILE]`.

Callers of other synthesis engines than the agent's speak through G.711 and comfort noise, in real
time and several at once, into voice activity, endpointing, recogniser (the packaged model, with the
grammar of the state in which any question may come) and understanding. No Asterisk and no ERP:
those are in `ear_to_ear.py`. Times are those of the audio, from the end of the last word; what
decoding takes is measured by the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np

from asterisk_agi.audio import TELEPHONE, PcmChunk
from asterisk_agi.dialogue.machine import listening
from asterisk_agi.dialogue.state import CallState, DialogueSettings, StateName, start
from asterisk_agi.dialogue.understanding import Understander
from asterisk_agi.media.formats import FRAME_S, decode_ulaw, encode_ulaw
from asterisk_agi.speech.endpointing import (
    BargeInDue,
    Endpointer,
    EndpointEvent,
    PauseReached,
    TurnEnded,
)
from asterisk_agi.speech.models import locate
from asterisk_agi.speech.vad import VoiceActivity
from asterisk_agi.speech.vosk_engine import VoskEngine, VoskSettings
from tests.benchmarks.judge import word_errors
from tests.rig.voices import MARGIN_S, Voice, available, speak

TEXTS = (
    "is item four five two one in stock",
    "do you have item two three zero seven available by next friday",
    "how many of item one two eight six do you have",
    "item four five two one by next friday",
    "four five two one",
    "where is my order",
    "what is the status of my last order",
    "can i speak to a human",
    "say that again",
    "help",
    "goodbye",
)
READS = (
    "what does item four five two one cost",
    "how much are fifty of item one two eight six",
    "where is order two zero three four",
    "tracking number of order two zero one nine",
    "what are my recent orders",
    "what do i owe you",
)
"""Questions that came later: measured by themselves, so that the figures of TEXTS stay one line."""
LEAD_S = 1.0
"""Comfort noise before the caller speaks."""
AFTER_S = 2.0
"""Comfort noise after the last word: longer than any patience."""


@dataclass
class Turn:
    """What became of one sentence."""

    voice: str
    text: str
    heard: str = ""
    confidence: float = 0.0
    errors: int = 0
    words: int = 0
    speech_seen_ms: float = math.nan
    """From the end of the last word to the end of the last frame with speech."""
    pause_ms: float = math.nan
    """From the end of the last word to the pause at which the transcript was asked for."""
    ended_ms: float = math.nan
    """From the end of the last word to the end of the turn."""
    barge_in_ms: float = math.nan
    """From the first sound to the moment in which playback would be stopped."""
    peeks_ms: list[float] = field(default_factory=list)
    at_once: bool = False
    """The turn was complete at the first pause after the last word."""
    split: bool = False
    """The turn ended before the last word."""


class Ear:
    """The product's parts, driven by the audio's own time."""

    def __init__(self, engine: VoskEngine, state: CallState) -> None:
        self._understander = Understander(state.settings)
        self._state = state
        listens = listening(state)
        self._voice = VoiceActivity()
        self._endpointer = Endpointer()
        self._endpointer.set_profile(listens.profile)
        self.session = engine.session()
        self.session.listen_for(listens.phrases)

    async def take(self, packet: PcmChunk, now_s: float, turn: Turn) -> list[EndpointEvent]:
        """Hear 20 ms and return what the endpointer made of them."""
        self.session.accept(packet)
        events: list[EndpointEvent] = []
        for frame in self._voice.accept(packet):
            events += self._endpointer.voice(frame, now_s)
        for event in tuple(events):
            if isinstance(event, PauseReached):
                complete = await self._complete(turn)
                events += self._endpointer.content(complete, now_s, event.serial)
        return events

    async def _complete(self, turn: Turn) -> bool:
        begin_s = time.perf_counter()
        transcript = await self.session.peek()
        turn.peeks_ms.append(1000 * (time.perf_counter() - begin_s))
        return self._understander.understand(transcript, self._state, date.today()).complete


def on_the_line(speech: PcmChunk, noise: float, level_db: float, seed: int) -> PcmChunk:
    """Put noise around and under the speech, and code it as the telephone does."""
    samples = np.frombuffer(speech.data, dtype="<i2") * 10 ** (level_db / 20)
    around = [np.zeros(int(seconds * TELEPHONE.rate_hz)) for seconds in (LEAD_S, AFTER_S)]
    call = np.concatenate([around[0], samples, around[1]])
    call += np.random.default_rng(seed).normal(0, noise, len(call))
    pcm = np.clip(np.rint(call), -32768, 32767).astype("<i2").tobytes()
    return PcmChunk(decode_ulaw(encode_ulaw(pcm)))


def packets(call: PcmChunk) -> Iterator[PcmChunk]:
    """Cut a call into packets of 20 ms."""
    size = int(FRAME_S * TELEPHONE.bytes_per_second)
    for at in range(0, len(call.data), size):
        yield PcmChunk(call.data[at : at + size])


async def hear(
    engine: VoskEngine, state: CallState, voice: Voice, text: str, call: PcmChunk
) -> Turn:
    """Play one sentence in real time and return what became of it."""
    turn = Turn(voice.name, text)
    ear = Ear(engine, state)
    first_s, last_s = LEAD_S + MARGIN_S, call.seconds - AFTER_S - MARGIN_S
    texts: list[str] = []
    clock = asyncio.get_running_loop().time
    begin_s = clock()
    for number, packet in enumerate(packets(call), 1):
        now_s = number * FRAME_S
        await asyncio.sleep(max(0.0, begin_s + now_s - clock()))
        for event in await ear.take(packet, now_s, turn):
            note(turn, event, first_s, last_s)
            if isinstance(event, TurnEnded):
                transcript = await ear.session.finish()
                texts.append(transcript.text)
                turn.confidence = round(transcript.confidence, 3)
    texts.append((await ear.session.finish()).text)
    await ear.session.close()
    turn.heard = " ".join(filter(None, texts))
    turn.errors, turn.words = word_errors(text, turn.heard)
    return turn


def note(turn: Turn, event: EndpointEvent, first_s: float, last_s: float) -> None:
    """Write down when it was, seen from the sentence's first and last sound."""
    after_ms = 1000 * (event.at_s - last_s)
    if isinstance(event, BargeInDue) and math.isnan(turn.barge_in_ms):
        turn.barge_in_ms = 1000 * (event.at_s - first_s)
    elif isinstance(event, TurnEnded) and after_ms < 0:
        turn.split = True
    elif isinstance(event, PauseReached) and after_ms >= 0 and math.isnan(turn.pause_ms):
        turn.pause_ms = after_ms
        turn.speech_seen_ms = 1000 * (event.speech_end_s - last_s)
    elif isinstance(event, TurnEnded) and math.isnan(turn.ended_ms):
        turn.ended_ms = after_ms
        turn.at_once = after_ms == turn.pause_ms


async def run(
    engine: VoskEngine,
    voices: Sequence[Voice],
    texts: Sequence[str],
    *,
    calls: int,
    noise: float,
    level_db: float,
) -> list[Turn]:
    """Let all voices speak all of these sentences, so many calls at once."""
    state = replace(start(DialogueSettings()), name=StateName.LISTENING)
    free = asyncio.Semaphore(calls)

    async def one(number: int, voice: Voice, text: str) -> Turn:
        async with free:
            speech = await asyncio.to_thread(speak, voice, text)
            line = on_the_line(speech, noise, level_db, seed=number)
            return await hear(engine, state, voice, text, line)

    pairs = [(voice, text) for text in texts for voice in voices]
    return await asyncio.gather(*(one(n, voice, text) for n, (voice, text) in enumerate(pairs)))


def summary(turns: Sequence[Turn], cpu_s: float, audio_s: float) -> dict[str, object]:
    """Return the figures of a run."""
    errors, words = sum(turn.errors for turn in turns), sum(turn.words for turn in turns)
    return {
        "turns": len(turns),
        "word_error_rate": round(errors / words, 4),
        "sentences_right": round(sum(turn.errors == 0 for turn in turns) / len(turns), 3),
        "at_once": round(sum(turn.at_once for turn in turns) / len(turns), 3),
        "split": sum(turn.split for turn in turns),
        "speech_seen_ms": spread([turn.speech_seen_ms for turn in turns]),
        "pause_ms": spread([turn.pause_ms for turn in turns]),
        "ended_ms": spread([turn.ended_ms for turn in turns]),
        "barge_in_ms": spread([turn.barge_in_ms for turn in turns]),
        "peek_ms": spread([peek_ms for turn in turns for peek_ms in turn.peeks_ms]),
        "processor_per_call": round(cpu_s / audio_s, 4),
    }


def spread(values: Sequence[float]) -> list[float]:
    """Return median, 95th percentile and maximum of what was measured."""
    found = np.array([value for value in values if not math.isnan(value)])
    if not len(found):
        return []
    return [round(float(np.percentile(found, q)), 1) for q in (50, 95, 100)]


def by_voice(turns: Sequence[Turn]) -> dict[str, str]:
    """Return word errors of words for each voice."""
    names = dict.fromkeys(turn.voice for turn in turns)
    return {name: _share([turn for turn in turns if turn.voice == name]) for name in names}


def _share(turns: Sequence[Turn]) -> str:
    return f"{sum(turn.errors for turn in turns)}/{sum(turn.words for turn in turns)}"


async def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write every turn to this file")
    parser.add_argument("--calls", type=int, default=4, help="calls at once")
    parser.add_argument("--noise", type=float, default=8.0, help="root mean square, of 32768")
    parser.add_argument("--level", type=float, default=0.0, help="dB louder than -21 dB")
    parser.add_argument("--model", type=Path, help="folder or name of a model; none: as configured")
    parser.add_argument("--reads", action="store_true", help="speak READS instead of TEXTS")
    arguments = parser.parse_args()
    texts = READS if arguments.reads else TEXTS
    voices = await asyncio.to_thread(available)
    engine = await VoskEngine.load(VoskSettings(), locate(arguments.model, os.environ))
    begin_s, cpu_s = time.perf_counter(), time.process_time()
    line = {"noise": arguments.noise, "level_db": arguments.level}
    turns = await run(engine, voices, texts, calls=arguments.calls, **line)
    audio_s = (time.perf_counter() - begin_s) * arguments.calls
    await engine.close()
    figures = summary(turns, time.process_time() - cpu_s, audio_s)
    for turn in turns:
        if turn.errors or turn.split:
            print(f"{turn.voice:32} {turn.text!r} -> {turn.heard!r} {turn.confidence}")
    for name, figure in (figures | {"errors_of_words": by_voice(turns)}).items():
        print(f"{name:20} {figure}")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"figures": figures, "turns": [asdict(turn) for turn in turns]}, indent=1)
        )


if __name__ == "__main__":
    asyncio.run(main())
