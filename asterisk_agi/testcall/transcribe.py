"""A second ear on a recording: what the agent said, by the Vosk model, after the call.

Which of it is a fact is told in `labelling.py`. It is no judge of wording: the small model knows
digits and short words well, and other speech badly. It decodes in a thread; nothing here runs
while a call is recorded.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path

import vosk

from asterisk_agi.errors import SpeechError
from asterisk_agi.media.formats import RATE_HZ
from asterisk_agi.speech.port import Word

BLOCK_BYTES = 8000
"""Half a second is decoded at a time."""
UNKNOWN = "[unk]"
"""What stands for speech outside the grammar."""


class SecondEar:
    """One loaded model."""

    def __init__(self, model: Path) -> None:
        """model: a Vosk model's folder. Raises SpeechError when it holds none."""
        if not (model / "am" / "final.mdl").is_file():
            raise SpeechError(f"{model} holds no Vosk model: give the folder of one")
        vosk.SetLogLevel(-1)
        self._model = vosk.Model(str(model))

    async def words(self, pcm: bytes, phrases: Sequence[str] | None = None) -> tuple[Word, ...]:
        """Return the words of a recording with their times, in seconds of it.

        pcm: 8000 Hz, 16 bit, mono. phrases: hear only these, and `[unk]` for all else; none:
        free speech.
        """
        return await asyncio.to_thread(self._decode, pcm, phrases)

    def _decode(self, pcm: bytes, phrases: Sequence[str] | None) -> tuple[Word, ...]:
        recogniser = self._recogniser(phrases)
        recogniser.SetWords(True)
        found: list[Word] = []
        for start in range(0, len(pcm), BLOCK_BYTES):
            if recogniser.AcceptWaveform(pcm[start : start + BLOCK_BYTES]):
                found += _words(recogniser.Result())
        return (*found, *_words(recogniser.FinalResult()))

    def _recogniser(self, phrases: Sequence[str] | None) -> vosk.KaldiRecognizer:
        if phrases is None:
            return vosk.KaldiRecognizer(self._model, RATE_HZ)
        known = [" ".join(filter(self._knows, plain(phrase).split())) for phrase in phrases]
        grammar = [phrase for phrase in known if phrase] + [UNKNOWN]
        return vosk.KaldiRecognizer(self._model, RATE_HZ, json.dumps(grammar))

    def _knows(self, word: str) -> bool:
        return int(self._model.vosk_model_find_word(word)) >= 0


def _words(result: str) -> list[Word]:
    entries = json.loads(result).get("result", [])
    return [Word(e["word"], e["start"], e["end"], e["conf"]) for e in entries]


def plain(text: str) -> str:
    """Return the words of a sentence as a recogniser writes them."""
    return " ".join(re.findall(r"[a-z']+|\d", text.lower()))


def text_of(words: Sequence[Word]) -> str:
    """Return what was heard as one line; what was not understood is left out."""
    return " ".join(word.text for word in words if word.text != UNKNOWN)
