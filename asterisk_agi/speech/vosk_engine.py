"""The recogniser `vosk`, in this process: one model, some threads, a session for each call.

libvosk releases the GIL while it decodes, so a small pool of threads serves all calls. Models are
loaded by path only: `vosk.Model(model_name=...)` downloads without a checksum and may end the
process (`sys.exit(1)`); fetching is done by `model_list.py`.
Source: the package vosk 0.3.45, its wrapper `vosk/__init__.py`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vosk

from asterisk_agi.audio import TELEPHONE
from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.models import ModelFolder, describe
from asterisk_agi.speech.vosk_decoder import FREE_SPEECH, VoskDecoder
from asterisk_agi.speech.vosk_session import BATCH_S, Tally, VoskSession

_log = logging.getLogger(__name__)

UNKNOWN = "[unk]"
"""The word that stands for all speech outside a grammar."""

_ERRORS_ONLY = -2
"""Kaldi's log level for errors; its warnings (-1) tell of words that a partial result cuts."""
_GRAMMARS_MAX = 256
"""Grammars kept ready; a dialogue has some ten, a few more with dates in them."""


@dataclass(frozen=True)
class VoskSettings:
    """How calls are recognised."""

    model: Path | None = None
    """The model's folder, or the name of a fetched model; none: see `models.locate`."""
    threads: int = 2
    """Threads that decode, shared by all calls; one keeps up with about eight callers."""
    queue_s: float = 4.0
    """Seconds of a call's audio that may wait; more is dropped, oldest first, and counted."""

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= 64:
            raise ValueError("recognizer: threads must be 1 to 64")
        if self.queue_s <= BATCH_S:
            raise ValueError(f"recognizer: queue_s must be above {BATCH_S}")


class VoskEngine:
    """One loaded model. See `RecognizerEngine`; made by `load`."""

    def __init__(self, settings: VoskSettings, folder: ModelFolder, model: Any) -> None:
        self._settings = settings
        self._folder = folder
        self._model = model
        self._tally = Tally()
        self._grammars: dict[tuple[str, ...], str] = {}
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="vosk")

    @classmethod
    async def load(cls, settings: VoskSettings, model_path: Path) -> VoskEngine:
        """Load a model, in a thread.

        model_path: its folder, as `models.locate` returns it.
        Raises SpeechError when the folder holds no model, or one that libvosk refuses.
        """
        folder = await asyncio.to_thread(describe, model_path)
        vosk.SetLogLevel(_ERRORS_ONLY)
        loading = asyncio.ensure_future(asyncio.to_thread(vosk.Model, str(model_path)))
        await asyncio.wait({loading})
        error = loading.exception()
        if error is not None:
            # A bare Exception, which says no more than that it failed.
            raise SpeechError(f"{model_path}: libvosk can't load this model: {error}") from error
        _log.info("model %s loaded: %s, %d Hz", folder.name, _kind_of_graph(folder), folder.rate_hz)
        return cls(settings, folder, loading.result())

    @property
    def name(self) -> str:
        """For logs and `orderline check`: engine and model."""
        return f"vosk {self._folder.name}"

    @property
    def folder(self) -> ModelFolder:
        """What the model's folder says about itself."""
        return self._folder

    def session(self) -> VoskSession:
        """Open the recogniser of one call."""
        rate_hz = _input_rate_hz(self._folder)
        model = self._model
        decoder = VoskDecoder(lambda: vosk.KaldiRecognizer(model, rate_hz), rate_hz)
        grammar = self._grammar if self._folder.dynamic_graph else None
        return VoskSession(decoder, self._threads, self._settings.queue_s, grammar, self._tally)

    def unknown_words(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        """Return the words of the phrases that the model lacks: they can never be heard."""
        words = {word for phrase in phrases for word in phrase.lower().split()}
        return tuple(sorted(word for word in words if not self._knows(word)))

    async def close(self) -> None:
        """Free model and threads. Close the sessions first."""
        await asyncio.to_thread(self._threads.shutdown)
        self._model = None

    def _knows(self, word: str) -> bool:
        return int(self._model.vosk_model_find_word(word)) >= 0

    def _grammar(self, phrases: tuple[str, ...] | None) -> str:
        """Return phrases as Vosk's JSON, without the words that the model lacks."""
        if phrases is None:
            return FREE_SPEECH
        grammar = self._grammars.get(phrases)
        if grammar is None:
            grammar = self._make_grammar(phrases)
            if len(self._grammars) >= _GRAMMARS_MAX:
                self._grammars.clear()
            self._grammars[phrases] = grammar
        return grammar

    def _make_grammar(self, phrases: tuple[str, ...]) -> str:
        phrases = tuple(phrase for phrase in phrases if phrase != UNKNOWN)
        lacking = set(self.unknown_words(phrases))
        if lacking:
            # Counted only: the words may be customers' names.
            _log.warning("%d words of a grammar are unknown to the model", len(lacking))
        known = (
            " ".join(word for word in phrase.lower().split() if word not in lacking)
            for phrase in phrases
        )
        return json.dumps([*dict.fromkeys(filter(None, known)), UNKNOWN])


def _input_rate_hz(folder: ModelFolder) -> int:
    """Return the rate at which the model is fed: 8000 unless it takes nothing but its own."""
    takes_telephone = folder.rate_hz == TELEPHONE.rate_hz or folder.upsamples
    return TELEPHONE.rate_hz if takes_telephone else folder.rate_hz


def _kind_of_graph(folder: ModelFolder) -> str:
    return "takes grammars" if folder.dynamic_graph else "free speech only"
