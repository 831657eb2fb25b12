"""How long a sentence takes to be made: `python -m tests.benchmarks.synthesis [--json FILE]`.

Times are those of `speak()` in a warm process, sentences never made before; alone, then four
callers at once on two workers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from asterisk_agi.speech.espeak_engine import EspeakSettings, EspeakSynthesizer
from tests.rig.tools import voice_environment

SENTENCES = (
    "Yes, {}.",
    "We have {} of item {} on hand.",
    "Your order {} was shipped on Monday.",
    "We have {} of item {} on hand, and {} more will arrive on Thursday the third of December.",
)


@dataclass
class Result:
    """Of one run. Milliseconds are those of `speak()`."""

    callers: int
    sentences: int
    p50_ms: float
    p95_ms: float
    worst_ms: float
    speech_s: float
    """Mean length of a sentence."""


def sentence(chance: random.Random) -> str:
    pattern = chance.choice(SENTENCES)
    numbers = [" ".join(str(chance.randrange(1000, 9999))) for _ in range(pattern.count("{}"))]
    return pattern.format(*numbers)


async def run(synthesizer: EspeakSynthesizer, callers: int, each: int) -> Result:
    took_ms: list[float] = []
    lengths_s: list[float] = []

    async def call(number: int) -> None:
        chance = random.Random(1000 * callers + number)
        for _ in range(each):
            text = sentence(chance)
            begin_s = time.perf_counter()
            chunk = await synthesizer.speak(text)
            took_ms.append(1000 * (time.perf_counter() - begin_s))
            lengths_s.append(chunk.seconds)
            # Callers do not ask without a pause; the worker's own 10 ms end in it.
            await asyncio.sleep(chance.uniform(0.02, 0.06))

    await asyncio.gather(*(call(number) for number in range(callers)))
    return Result(
        callers=callers,
        sentences=len(took_ms),
        p50_ms=round(statistics.median(took_ms), 1),
        p95_ms=round(sorted(took_ms)[int(len(took_ms) * 0.95)], 1),
        worst_ms=round(max(took_ms), 1),
        speech_s=round(statistics.mean(lengths_s), 2),
    )


async def measure(each: int) -> tuple[float, list[Result]]:
    synthesizer = EspeakSynthesizer(EspeakSettings())
    begin_s = time.perf_counter()
    await synthesizer.prepare(("Hello.",))
    await synthesizer.speak("Good morning.")
    start_ms = 1000 * (time.perf_counter() - begin_s)
    results = [await run(synthesizer, callers, each) for callers in (1, 4)]
    await synthesizer.close()
    return start_ms, results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=100, help="of each caller")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ.update(voice_environment())
    start_ms, results = asyncio.run(measure(arguments.sentences))
    print(f"start of both workers and two sentences: {start_ms:.0f} ms")
    for result in results:
        print(
            f"{result.callers} at once: {result.sentences} sentences of {result.speech_s} s:"
            f" p50 {result.p50_ms} ms, p95 {result.p95_ms} ms, worst {result.worst_ms} ms"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=1))


if __name__ == "__main__":
    main()
