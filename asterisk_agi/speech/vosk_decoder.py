"""One call's Vosk recogniser, as the decoding threads use it: synchronous, one thread at a time.

It gathers the segments that Vosk closes by itself into a turn, and hides what Vosk leaves to its
callers: the grammar may change only when nothing is being decoded (libvosk may abort the process
otherwise), and the sample rate. `vosk_session.py` gives it work in order.

Measured with vosk 0.3.45 and our own model:
* The clock of the word times runs on through Result, FinalResult, Reset and SetGrammar.
* `FinalResult` needs no silence after the last word: cut at the word's end or up to 0.3 s later,
  padded by 100 or 200 ms or not, 90 sentences have 12 to 13 % word errors (a hard grammar).
* Closing a segment in the pause inside a number costs nothing with a grammar: 60 numbers in two
  groups have 1.7 to 2.3 % word errors, in one piece 2.0 to 2.3. Free speech: up to 2 points more.
* A partial text is 0.2 to 0.4 s old, its words 0.5 to 1.5 s. So a transcript is asked for by
  closing the segment (5 to 8 ms in the median with 200 phrases, 9 to 12 with 900 on busy cores),
  and the partial is for show.
* Speech of 8 to 32 dB below full scale has 12 to 14 % word errors in that grammar, at 44 dB 16 to
  18: telephone levels need no gain control.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import soxr

from asterisk_agi.audio import TELEPHONE
from asterisk_agi.speech.port import Transcript, Word

FREE_SPEECH = "[]"
"""The grammar by which Vosk goes back to the model's own language model."""


class _KaldiRecognizer(Protocol):
    """What is used of `vosk.KaldiRecognizer`."""

    def SetWords(self, enable_words: bool) -> None: ...
    def SetPartialWords(self, enable_partial_words: bool) -> None: ...
    def SetGrammar(self, grammar: str) -> None: ...
    def AcceptWaveform(self, data: bytes) -> int: ...
    def Result(self) -> str: ...
    def PartialResult(self) -> str: ...
    def FinalResult(self) -> str: ...
    def Reset(self) -> None: ...


@dataclass(frozen=True)
class _Segment:
    text: str
    words: tuple[Word, ...]


class VoskDecoder:
    """Decodes one call. Not thread-safe."""

    def __init__(self, make: Callable[[], _KaldiRecognizer], rate_hz: int) -> None:
        self._make = make
        self._recognizer: _KaldiRecognizer | None = None
        self._resampler = None if rate_hz == TELEPHONE.rate_hz else _Resampler(rate_hz)
        self._segments: list[_Segment] = []
        self._open = _Segment("", ())
        self._gaps: list[tuple[float, float]] = []
        self._gaps_before_turn_s = 0.0
        self._decoded_s = 0.0
        self._grammar = FREE_SPEECH
        self._next_grammar = FREE_SPEECH

    def feed(self, data: bytes, gap_s: float) -> Transcript:
        """Decode TELEPHONE audio and return the turn so far.

        gap_s: seconds of audio that are missing before it. The words after it keep their place in
        the call.
        """
        if gap_s:
            self._gaps.append((self._decoded_s, gap_s))
        self._decoded_s += len(data) / TELEPHONE.bytes_per_second
        recognizer = self._ready()
        if recognizer.AcceptWaveform(self._at_models_rate(data)):
            self._keep(recognizer.Result())
        self._open = self._partial(recognizer)
        return self.turn()

    def close_segment(self) -> Transcript:
        """Decode up to the last sample and return the turn so far."""
        recognizer = self._ready()
        if self._resampler is not None and (rest := self._resampler.rest()):
            recognizer.AcceptWaveform(rest)
        self._keep(recognizer.FinalResult())
        recognizer.Reset()
        return self.turn()

    def end_turn(self) -> Transcript:
        """As `close_segment`; the next audio begins a new turn. Takes a grammar that waits."""
        turn = self.close_segment()
        self._segments.clear()
        self._gaps_before_turn_s += sum(gap_s for _, gap_s in self._gaps)
        self._gaps.clear()
        self._apply_grammar()
        return Transcript(turn.text, turn.words, final=True)

    def set_grammar(self, grammar: str) -> None:
        """Take a grammar (JSON), now if nothing was heard in this turn, else at its end."""
        self._next_grammar = grammar
        if grammar != self._grammar and not self.turn().text:
            self.close_segment()
            # Words that only came to light now belong to a turn of the old grammar.
            if not self._segments:
                self._apply_grammar()

    def turn(self) -> Transcript:
        """Return the turn so far, without decoding anything."""
        parts = [segment for segment in (*self._segments, self._open) if segment.text]
        text = " ".join(part.text for part in parts)
        return Transcript(text, tuple(word for part in parts for word in part.words), final=False)

    def free(self) -> None:
        """Free the recogniser's memory now. Nothing can be decoded before the next audio."""
        self._recognizer = None

    def _ready(self) -> _KaldiRecognizer:
        if self._recognizer is None:
            self._recognizer = self._make()
            self._recognizer.SetWords(True)
        return self._recognizer

    def _apply_grammar(self) -> None:
        # Only right after Reset: nothing is being decoded.
        if self._next_grammar != self._grammar:
            self._ready().SetGrammar(self._next_grammar)
            self._grammar = self._next_grammar

    def _keep(self, result: str) -> None:
        segment = self._parsed(result, "text")
        self._open = _Segment("", ())
        if segment.text:
            self._segments.append(segment)

    def _partial(self, recognizer: _KaldiRecognizer) -> _Segment:
        """Return the open segment: its text up to now, its words as far as they are settled."""
        # With words asked for, Vosk gives the text no further than the words: 0.5 to 1.5 s late.
        recognizer.SetPartialWords(False)
        text = self._parsed(recognizer.PartialResult(), "partial").text
        if not text:
            return _Segment("", ())
        recognizer.SetPartialWords(True)
        return _Segment(text, self._parsed(recognizer.PartialResult(), "partial").words)

    def _at_models_rate(self, data: bytes) -> bytes:
        return data if self._resampler is None else self._resampler.more(data)

    def _parsed(self, result: str, text_key: str) -> _Segment:
        fields: dict[str, Any] = json.loads(result)
        words = fields.get("result") or fields.get("partial_result") or ()
        return _Segment(
            text=str(fields.get(text_key, "")).strip(),
            words=tuple(
                Word(
                    text=str(word["word"]),
                    start_s=self._on_call_time(float(word["start"])),
                    end_s=self._on_call_time(float(word["end"])),
                    confidence=float(word["conf"]),
                )
                for word in words
            ),
        )

    def _on_call_time(self, decoded_s: float) -> float:
        """Add the audio that was dropped before this moment of the decoded audio."""
        gaps_s = sum(gap_s for at_s, gap_s in self._gaps if at_s <= decoded_s)
        return decoded_s + gaps_s + self._gaps_before_turn_s


class _Resampler:
    """Telephone audio to the rate of a model that does not take 8000 Hz."""

    def __init__(self, rate_hz: int) -> None:
        self._stream = soxr.ResampleStream(TELEPHONE.rate_hz, rate_hz, 1, dtype="int16")

    def more(self, data: bytes) -> bytes:
        """Return what is ready of the audio so far."""
        return bytes(self._stream.resample_chunk(np.frombuffer(data, dtype="<i2")).tobytes())

    def rest(self) -> bytes:
        """Return what the filter still holds, and begin anew."""
        rest = self._stream.resample_chunk(np.empty(0, dtype="<i2"), last=True)
        self._stream.clear()
        return bytes(rest.tobytes())
