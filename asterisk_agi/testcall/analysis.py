"""From a finished call to its report: recordings, labels, measurements, transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asterisk_agi.dialogue.phrases import CHECKING, GOODBYE, HOLD, PUT_THROUGH, fixed_phrases
from asterisk_agi.dialogue.state import DialogueSettings
from asterisk_agi.media.formats import RATE_HZ
from asterisk_agi.speech.models import locate
from asterisk_agi.testcall import stories
from asterisk_agi.testcall.labelling import Phrases, labels
from asterisk_agi.testcall.measure import Label, Measured, Turn, labels_of, measure
from asterisk_agi.testcall.record import CallRecord, save
from asterisk_agi.testcall.report import Report
from asterisk_agi.testcall.transcribe import SecondEar, text_of


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
    """Label and transcribe the greeting and each answer by the model."""
    phrases = Phrases(
        dict.fromkeys(fixed_phrases(DialogueSettings()), "fixed") | {CHECKING: "filler"},
        closing=(PUT_THROUGH, HOLD, GOODBYE),
    )
    turns = measure(record, ()).turns
    stretches = _stretches(turns, record.agent.seconds)
    found: list[Label] = []
    heard: list[str] = []
    for number, (begin_s, end_s) in enumerate(stretches):
        pcm = record.agent.pcm[2 * round(begin_s * RATE_HZ) : 2 * round(end_s * RATE_HZ)]
        free = await ear.words(pcm)
        known = await ear.words(pcm, tuple(phrases.kinds))
        # Nothing was asked before the first turn: names in the greeting are no facts.
        found += labels(known, free, phrases, begin_s, "fact" if number else "fixed")
        heard.append(text_of(free))
    return measure(record, found), tuple(heard[1:])


def _stretches(turns: Sequence[Turn], end_s: float) -> list[tuple[float, float]]:
    """Return from when to when the greeting, then each turn's answer, may sound."""
    begins = [0.0, *(turn.end_s for turn in turns)]
    ends = [*(turn.begin_s for turn in turns), end_s]
    return [(begin, max(begin, end)) for begin, end in zip(begins, ends, strict=True)]
