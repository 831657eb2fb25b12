"""From a finished call to its report: recordings, labels, measurements, transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asterisk_agi.dialogue.phrases import CHECKING, fixed_phrases
from asterisk_agi.dialogue.state import DialogueSettings
from asterisk_agi.media.formats import RATE_HZ
from asterisk_agi.speech.models import locate
from asterisk_agi.testcall import stories
from asterisk_agi.testcall.measure import Label, Measured, Turn, labels_of, measure
from asterisk_agi.testcall.record import CallRecord, save
from asterisk_agi.testcall.report import Report
from asterisk_agi.testcall.transcribe import SecondEar, labels, text_of


async def analyse(
    record: CallRecord, folder: Path, stories_folder: Path | None, model: Path | None
) -> Report:
    """Save a call's recordings into a folder and measure it.

    stories_folder: where the voice process writes its stories; none: the model tells facts from
    fixed phrases. model: a Vosk model's folder; none: the product's own.
    Raises StoryError, SpeechError.
    """
    files = save(record, folder, f"call-{_short(record.call_id)}")
    path = None if stories_folder is None else stories.find(stories_folder, record.call_id)
    if path is not None:
        story = stories.read(path)
        measured = measure(record, labels_of(story, record.zero_unix_s), story)
        answers = tuple(_told(turn) for turn in measured.turns)
        return Report(record, measured, answers, "story", files, path)
    measured, answers = await _by_ear(record, SecondEar(locate(model)))
    return Report(record, measured, answers, "transcript", files)


def _short(call_id: str) -> str:
    return "".join(c for c in call_id.partition("@")[0] if c.isalnum())[:12]


def _told(turn: Turn) -> str:
    """Return the texts of a turn's answer, each once and in order."""
    return " ".join(dict.fromkeys(sound.text for sound in turn.sounds if sound.text))


async def _by_ear(record: CallRecord, ear: SecondEar) -> tuple[Measured, tuple[str, ...]]:
    """Label and transcribe each answer by the model."""
    phrases = dict.fromkeys(fixed_phrases(DialogueSettings()), "fixed") | {CHECKING: "filler"}
    turns = measure(record, ()).turns
    found: list[Label] = []
    answers: list[str] = []
    for begin_s, end_s in _stretches(turns, record.agent.seconds):
        pcm = record.agent.pcm[2 * round(begin_s * RATE_HZ) : 2 * round(end_s * RATE_HZ)]
        found += labels(await ear.words(pcm, tuple(phrases)), phrases, begin_s)
        answers.append(text_of(await ear.words(pcm)))
    return measure(record, found), tuple(answers)


def _stretches(turns: Sequence[Turn], end_s: float) -> list[tuple[float, float]]:
    """Return from when to when each turn's answer may sound."""
    ends = [turn.begin_s for turn in turns[1:]] + [end_s]
    return [(turn.end_s, max(turn.end_s, end)) for turn, end in zip(turns, ends, strict=True)]
