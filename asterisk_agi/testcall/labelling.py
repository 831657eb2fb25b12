"""Tells what the agent said when there is no call story: known phrases, and facts between them.

It reads two transcripts of one stretch of sound. The first one knows the agent's phrases and
nothing else: where they are heard they are sure, and all else in it is nonsense. So it gives the
places; the words come from the second one, which is free. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rapidfuzz import fuzz

from asterisk_agi.speech.port import Word
from asterisk_agi.testcall.measure import Label
from asterisk_agi.testcall.transcribe import UNKNOWN, plain, text_of

PHRASE_RATIO = 75.0
"""So alike (of 100) must heard words and a phrase be to count as that phrase."""
CUT_RATIO = 85.0
CUT_MIN_WORDS = 3
"""A phrase that the caller cut off must be more alike, and so long."""
FACT_MIN_S = 0.3
"""A single sound beside a phrase is a slip of the ear unless it is so long."""
LEAD_S = 0.10
"""Vosk tells a word's start up to so much late: a label begins earlier by this."""


@dataclass(frozen=True)
class Phrases:
    """What the agent says that is no fact."""

    kinds: Mapping[str, str]
    """`fixed` or `filler` for each sentence."""
    closing: Collection[str] = ()
    """Sentences after which somebody else speaks, a human or music: that is no fact."""


@dataclass(frozen=True)
class _Span:
    """Words from `begin` to `end` (exclusive) that are a phrase, or none."""

    begin: int
    end: int
    phrase: str | None = None


def labels(
    words: Sequence[Word],
    free: Sequence[Word],
    phrases: Phrases,
    begin_s: float,
    other: str = "fact",
) -> Iterator[Label]:
    """Label a stretch of speech.

    words: heard with the phrases as grammar; free: heard without. begin_s: where the stretch
    begins, in seconds of the call. other: the kind of what is no phrase.
    """
    for span in _merged(words, _filled(words, _phrases_in(words, phrases.kinds))):
        kind = other if span.phrase is None else phrases.kinds[span.phrase]
        yield _label(words[span.begin : span.end], free, kind, begin_s)
        if span.phrase in phrases.closing:
            return


def _phrases_in(words: Sequence[Word], phrases: Collection[str]) -> tuple[_Span, ...]:
    """Choose the phrases that explain most of the words: the best choice up to each word."""
    best: list[tuple[float, tuple[_Span, ...]]] = [(0.0, ())]
    for end in range(1, len(words) + 1):
        options = [best[-1]]
        for score, span in _ending_at(words, end, phrases):
            before, chosen = best[span.begin]
            options.append((before + score, (*chosen, span)))
        best.append(max(options, key=lambda option: option[0]))
    return best[-1][1]


def _ending_at(
    words: Sequence[Word], end: int, phrases: Collection[str]
) -> Iterator[tuple[float, _Span]]:
    """Yield every phrase that may end here; a word of it may have been missed or made up."""
    for phrase in phrases:
        wanted = plain(phrase).split()
        count = len(wanted)
        tries = [(count, length, PHRASE_RATIO) for length in (count - 1, count, count + 1)]
        if end == len(words):  # the caller, or the end of the call, may have cut it off
            tries += [(said, said, CUT_RATIO) for said in range(CUT_MIN_WORDS, count)]
        for said, length, least in tries:
            if not 0 < length <= end:
                continue
            heard = " ".join(word.text for word in words[end - length : end])
            ratio = fuzz.ratio(heard, " ".join(wanted[:said]))
            if ratio >= least:
                yield ratio * said, _Span(end - length, end, phrase)


def _filled(words: Sequence[Word], found: Sequence[_Span]) -> Iterator[_Span]:
    """Put a span without a phrase wherever words are left between phrases."""
    at = 0
    for span in (*found, _Span(len(words), len(words))):
        if span.begin > at:
            yield _Span(at, span.begin)
        if span.end > span.begin:
            yield span
        at = span.end


def _merged(words: Sequence[Word], spans: Iterator[_Span]) -> list[_Span]:
    """Give slips of the ear to the phrase beside them."""
    found: list[_Span] = []
    slip: _Span | None = None
    for span in spans:
        if span.phrase is None and _is_slip(words[span.begin : span.end]):
            if found:
                found[-1] = replace(found[-1], end=span.end)
            else:
                slip = span
        elif slip is not None:
            found.append(replace(span, begin=slip.begin))
            slip = None
        else:
            found.append(span)
    return found if slip is None else [slip]


def _is_slip(words: Sequence[Word]) -> bool:
    """Tell whether so little was heard that beside a phrase it is no fact.

    A fact is a sentence. A single word of the phrases is the rest of one of them.
    """
    if len(words) > 1:
        return False
    return words[0].text != UNKNOWN or words[0].end_s - words[0].start_s < FACT_MIN_S


def _label(words: Sequence[Word], free: Sequence[Word], kind: str, begin_s: float) -> Label:
    first_s, last_s = words[0].start_s, words[-1].end_s
    within = [word for word in free if first_s <= (word.start_s + word.end_s) / 2 < last_s]
    return Label(begin_s + first_s - LEAD_S, begin_s + last_s, kind, text_of(within))
