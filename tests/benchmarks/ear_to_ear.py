"""Ear to ear over the whole road: real Asterisk, real Tryton, callers of three speech engines.

    .venv/bin/python -m tests.benchmarks.ear_to_ear [--lab FOLDER] [--turns 30] [--at-once 1 4]

Each caller shares only SIP and RTP with the system. Times are measured in the recordings; what
was heard and what it cost comes from the call stories and from /proc. Whether an answer is right
is judged by its sound: it is transcribed on the caller's side, and compared with what the ERP
says to somebody else (`truth.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from asterisk_agi.media.formats import RATE_HZ
from asterisk_agi.speech.models import locate
from asterisk_agi.testcall.errors import PhoneError
from asterisk_agi.testcall.measure import HOPS, Turn
from asterisk_agi.testcall.report import Report, latency
from asterisk_agi.testcall.script import AfterAnswer, Say
from asterisk_agi.testcall.transcribe import SecondEar, text_of
from tests.benchmarks import judge, questions
from tests.benchmarks.process_figures import CpuClock
from tests.benchmarks.questions import Question
from tests.benchmarks.truth import Truth
from tests.integration import calls
from tests.rig import voices
from tests.rig.debs import say as progress
from tests.rig.lab import Lab
from tests.rig.voices import Voice

PER_CALL = 5
"""Questions of one call, about."""
STAGGER_S = 1.7
"""Calls at once begin so much apart, as callers do."""
SETTLE_S = 1.0
FACT_MAX_S = 6.0
"""So much of an answer is transcribed: the first sentence names quantity and item."""
AIM = {"p50_ms": 500.0, "p95_ms": 900.0}
"""At four calls at once."""


@dataclass(frozen=True)
class Asked:
    """One turn with all that was found out about it."""

    question: Question
    voice: Voice
    turn: Turn
    answer: str
    """As it was transcribed on the caller's side."""
    expected: Decimal

    @property
    def right(self) -> bool:
        """True when the answer names the item and the ERP's own quantity."""
        return judge.tells(self.answer, self.question.item, self.expected)

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "said": self.question.text,
            "voice": self.voice.name,
            "heard": self.turn.heard,
            "item": self.question.item,
            "on": self.question.on.isoformat(),
            "expected": str(self.expected),
            "answer": self.answer,
            "right": self.right,
            "latency_ms": self.turn.latency_ms,
            "first_sound_ms": self.turn.first_sound_ms,
            "hops_ms": dict(self.turn.hops),
        }


class Bench:
    """Places calls against one lab, and judges them."""

    def __init__(self, status: Mapping[str, Any], recordings: Path, ear: SecondEar) -> None:
        self._status = status
        self._recordings = recordings
        self._ear = ear

    async def level(self, asked: Sequence[Question], at_once: int) -> dict[str, Any]:
        """Ask all questions with so many calls at once, and return the figures."""
        shares = questions.shared_out(asked, at_once, PER_CALL)
        available = voices.available()
        for number, share in enumerate(shares):  # no call waits for its own speech
            for question in share:
                voices.speak(available[number % len(available)], question.text)
        cpu = CpuClock(self._status["processes"]["voice"])
        reports: list[Report | None] = []
        for begin in range(0, len(shares), at_once):
            progress(f"{at_once} at once: calls {begin + 1} to {begin + at_once} of {len(shares)}")
            reports += await asyncio.gather(
                *(
                    self._call(share, available[(begin + place) % len(available)], place)
                    for place, share in enumerate(shares[begin : begin + at_once])
                )
            )
        used_s = cpu.used_s()
        found = [
            entry
            for number, (share, report) in enumerate(zip(shares, reports, strict=True))
            for entry in await self._judge(share, available[number % len(available)], report)
        ]
        return figures(found, [r for r in reports if r is not None], at_once, used_s, len(asked))

    async def _call(self, share: Sequence[Question], voice: Voice, place: int) -> Report | None:
        await asyncio.sleep(place * STAGGER_S)
        when = AfterAnswer(SETTLE_S)
        steps = [Say(voices.speak(voice, q.text), q.text, when) for q in share]
        try:
            return await calls.call(self._status, steps, calls.DANA, self._recordings)
        except PhoneError as error:
            progress(f"a call failed: {error}")
            return None

    async def _judge(
        self, share: Sequence[Question], voice: Voice, report: Report | None
    ) -> list[Asked]:
        if report is None:
            return []
        async with Truth(self._status["erp"]) as truth:
            return [
                Asked(
                    question,
                    voice,
                    turn,
                    await self._transcribed(report, turn),
                    await truth.available(question.item, question.on),
                )
                for question, turn in zip(share, report.measured.turns, strict=False)
            ]

    async def _transcribed(self, report: Report, turn: Turn) -> str:
        facts = [sound for sound in turn.sounds if sound.kind == "fact"]
        if not facts:
            return ""
        begin_s = facts[0].begin_s - 0.1
        end_s = min(facts[-1].end_s, begin_s + FACT_MAX_S)
        pcm = report.record.agent.pcm[2 * round(begin_s * RATE_HZ) : 2 * round(end_s * RATE_HZ)]
        return text_of(await self._ear.words(pcm, judge.grammar()))


# Figures...


def figures(
    found: Sequence[Asked], reports: Sequence[Report], at_once: int, cpu_s: float, asked: int
) -> dict[str, Any]:
    """Return what a level came to."""
    seconds = sum(report.record.seconds for report in reports)
    return {
        "at_once": at_once,
        "calls": len(reports),
        "turns": len(found),
        "asked": asked,
        "latency": latency([e.turn.latency_ms for e in found if e.turn.latency_ms is not None]),
        "first_sound": latency(
            [e.turn.first_sound_ms for e in found if e.turn.first_sound_ms is not None]
        ),
        "word_error_rate": word_error_rate(found),
        "task_success": round(sum(entry.right for entry in found) / asked, 3) if asked else 0.0,
        "cpu_s_per_call": round(cpu_s / len(reports), 3) if reports else None,
        "cpu_share_of_talk": round(cpu_s / seconds, 4) if seconds else None,
        "hops": {hop: latency([e.turn.hops[hop] for e in found if hop in e.turn.hops])
                 for hop in HOPS},
        "voices": {
            name: {
                "turns": len(of_voice),
                "word_error_rate": word_error_rate(of_voice),
                "right": sum(entry.right for entry in of_voice),
            }
            for name, of_voice in _by_voice(found).items()
        },
        "each": [entry.document() for entry in found],
    }  # fmt: skip


def word_error_rate(found: Sequence[Asked]) -> float | None:
    """Return the word errors of what the agent heard, as a share of the words said."""
    errors = [judge.word_errors(entry.question.text, entry.turn.heard) for entry in found]
    words = sum(count for _, count in errors)
    return round(sum(wrong for wrong, _ in errors) / words, 4) if words else None


def _by_voice(found: Sequence[Asked]) -> dict[str, list[Asked]]:
    names = sorted({entry.voice.name for entry in found})
    return {name: [entry for entry in found if entry.voice.name == name] for name in names}


def table(level: Mapping[str, Any]) -> str:
    """Return a level's figures for a person."""
    times, first = level["latency"], level["first_sound"]
    lines = [
        f"{level['at_once']} at once: {level['calls']} calls, {level['turns']} turns",
        f"  ear to ear, to the fact   {_percentiles(times)} ({times['turns']} turns)",
        f"  to the first sound        {_percentiles(first)}",
        f"  word error rate           {_percent(level['word_error_rate'])}",
        f"  task success              {_percent(level['task_success'])} of {level['asked']}",
        f"  processor time of a call  {level['cpu_s_per_call']} s"
        f" ({_percent(level['cpu_share_of_talk'])} of a core)",
        "  hops p50/p95 (ms)         "
        + ", ".join(
            f"{hop.replace('_', ' ')} {_shown(h['p50_ms'])}/{_shown(h['p95_ms'])}"
            for hop, h in level["hops"].items()
        ),
    ]
    for name, voice in level["voices"].items():
        lines.append(
            f"  {name:<32} {voice['right']}/{voice['turns']} right, "
            f"word errors {_percent(voice['word_error_rate'])}"
        )
    return "\n".join(lines)


def _percentiles(times: Mapping[str, Any]) -> str:
    return f"p50 {_shown(times['p50_ms'])} ms, p95 {_shown(times['p95_ms'])} ms"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


# The command...


async def run(status: Mapping[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Run every level, print its table, and return the document."""
    bench = Bench(status, Path(status["folders"]["recordings"]), SecondEar(locate(None)))
    items, levels = questions.catalogue(), []
    for at_once in options.at_once:
        asked = questions.draw(options.turns, options.seed + at_once, items, date.today())
        levels.append(await bench.level(asked, at_once))
        print(table(levels[-1]), flush=True)
    return {"seed": options.seed, "asterisk": status["asterisk"]["version"], "aim": AIM,
            "levels": levels}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns 0 when every call was answered."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ear_to_ear")
    parser.add_argument("--lab", type=Path, metavar="FOLDER", help="a lab that is up")
    parser.add_argument("--turns", type=int, default=30, help="at each level")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 4], metavar="N")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--asterisk", default="auto", choices=["auto", "22", "16"])
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args(arguments)
    if options.lab is not None:
        return _finish(asyncio.run(run(Lab(options.lab).status(), options)), options)
    with tempfile.TemporaryDirectory(prefix="orderline-bench-") as folder:
        lab = Lab(Path(folder), options.asterisk, end_with_parent=True)
        try:
            lab.start(progress)
            return _finish(asyncio.run(run(lab.status(), options)), options)
        finally:
            lab.stop()


def _finish(document: Mapping[str, Any], options: argparse.Namespace) -> int:
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    whole = all(level["turns"] == level["asked"] for level in document["levels"])
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
