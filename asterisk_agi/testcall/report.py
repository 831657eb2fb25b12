"""What a test call is told as: a JSON document, and a table for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asterisk_agi.testcall.measure import HOPS, Measured, Sound, Turn, percentile
from asterisk_agi.testcall.record import CallRecord, Recordings


@dataclass(frozen=True)
class Report:
    """A call with all that was found out about it."""

    record: CallRecord
    measured: Measured
    answers: tuple[str, ...]
    """What the agent answered to each turn: by the story's text, else as the model heard it."""
    labelled_by: str
    """`story` or `transcript`."""
    files: Recordings
    story: Path | None = None
    picture: Path | None = None


def document(report: Report) -> dict[str, Any]:
    """Return the report as JSON values. Times: `_ms` and `_s` as named; `_s` since the answer."""
    record = report.record
    return {
        "answered": True,
        "call_id": record.call_id,
        "extension": record.extension,
        "answered_at_unix_s": round(record.zero_unix_s, 4),
        "seconds": round(record.seconds, 3),
        "ended_by": "far side" if record.ended_by_far_side else "caller",
        "labelled_by": report.labelled_by,
        "greeting": [_sound(sound) for sound in report.measured.greeting],
        "turns": [
            _turn(turn, answer)
            for turn, answer in zip(report.measured.turns, report.answers, strict=True)
        ],
        "latency": latency(report.measured.latencies_ms),
        "files": _files(report),
    }


def refusal(extension: str, code: int | None, sentence: str) -> dict[str, Any]:
    """Return the report of a call that was not answered."""
    return {"answered": False, "extension": extension, "code": code, "error": sentence}


def latency(values_ms: Sequence[float]) -> dict[str, Any]:
    """Return count, p50 and p95 of times to the fact; without times only the count."""
    if not values_ms:
        return {"turns": 0, "p50_ms": None, "p95_ms": None}
    p50, p95 = (round(percentile(values_ms, percent), 1) for percent in (50, 95))
    return {"turns": len(values_ms), "p50_ms": p50, "p95_ms": p95}


def _turn(turn: Turn, answer: str) -> dict[str, Any]:
    return {
        "said": turn.said,
        "kind": turn.kind,
        "begin_s": round(turn.begin_s, 3),
        "end_s": round(turn.end_s, 3),
        "answer_kind": turn.answer_kind,
        "latency_ms": turn.latency_ms,
        "first_sound_ms": turn.first_sound_ms,
        "spoken_over": turn.spoken_over,
        "heard": turn.heard,
        "answer": answer,
        "sounds": [_sound(sound) for sound in turn.sounds],
        "hops_ms": dict(turn.hops),
    }


def _sound(sound: Sound) -> dict[str, Any]:
    begin, end = round(sound.begin_s, 3), round(sound.end_s, 3)
    return {"begin_s": begin, "end_s": end, "kind": sound.kind, "text": sound.text}


def _files(report: Report) -> dict[str, str | None]:
    return {
        "both": str(report.files.both),
        "caller": str(report.files.caller),
        "agent": str(report.files.agent),
        "story": str(report.story) if report.story is not None else None,
        "picture": str(report.picture) if report.picture is not None else None,
    }


def table(report: Report) -> str:
    """Return the report for a person: a line a turn, its answer below it."""
    turns = tuple(zip(report.measured.turns, report.answers, strict=True))
    lines = [f"call {report.record.call_id} to {report.record.extension}"]
    for number, (turn, answer) in enumerate(turns, start=1):
        lines += turn_lines(number, turn, answer)
    told = latency(report.measured.latencies_ms)
    if told["turns"]:
        lines.append(
            f"{told['turns']} turns with a fact: p50 {told['p50_ms']:.0f} ms, "
            f"p95 {told['p95_ms']:.0f} ms"
        )
    ended = "the far side" if report.record.ended_by_far_side else "the caller"
    lines.append(f"{report.record.seconds:.1f} s, ended by {ended}")
    lines.append(f"recording: {report.files.both}")
    if report.picture is not None:
        lines.append(f"picture:   {report.picture}")
    return "\n".join(lines)


def turn_lines(number: int, turn: Turn, answer: str) -> list[str]:
    """Return one turn for a person."""
    verb = "said" if turn.kind == "speech" else "pressed"
    lines = [f"  {number}. {verb}: {turn.said}"]
    if turn.heard:
        lines.append(f"     heard: {turn.heard}")
    lines.append(f"     answer: {answer or '(nothing)'}")
    lines.append(f"     {times(turn)}")
    if turn.hops:
        lines.append(f"     hops: {hops(turn.hops)}")
    return lines


def times(turn: Turn) -> str:
    """Return a turn's times as a phrase."""
    if turn.latency_ms is not None:
        told = f"ear to ear {turn.latency_ms:.0f} ms"
        if turn.first_sound_ms != turn.latency_ms:
            told += f" (first sound, no fact: {turn.first_sound_ms:.0f} ms)"
    elif turn.first_sound_ms is not None:
        told = f"first sound {turn.first_sound_ms:.0f} ms ({turn.answer_kind}, no fact)"
    else:
        told = "no answer"
    return told + (", the agent spoke over the caller" if turn.spoken_over else "")


def hops(values: Mapping[str, float]) -> str:
    """Return the hops in order, with milliseconds."""
    return ", ".join(f"{hop.replace('_', ' ')} {values[hop]:.0f}" for hop in HOPS if hop in values)
