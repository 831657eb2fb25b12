"""Makes any text safe to be spoken: names come from callers and from the ERP's users.

It does not word anything: numbers, dates and units are the dialogue's.
"""

from __future__ import annotations

import re
import unicodedata

SENTENCE_MAX_CHARS = 500
"""About half a minute of speech. A longer sentence is cut: it was not written by us."""
_INPUT_MAX_CHARS = 4 * SENTENCE_MAX_CHARS
_TAG = re.compile(r"<[^<>]*>")
_MARKUP = str.maketrans(dict.fromkeys("<>[]{}|\\^~`", " "))


def speakable(text: str) -> str:
    """Return what of a text can be spoken, in one line; '' when that is nothing.

    Markup (SSML tags, espeak's `[[phonemes]]`) and control characters are taken out; espeak
    reads commands from Ctrl-A. Cut at SENTENCE_MAX_CHARS, between words where there are any.
    """
    plain = unicodedata.normalize("NFKC", text[:_INPUT_MAX_CHARS])
    plain = _TAG.sub(" ", plain).translate(_MARKUP)
    plain = "".join(" " if unicodedata.category(char).startswith("C") else char for char in plain)
    plain = " ".join(plain.split())
    if len(plain) > SENTENCE_MAX_CHARS:
        plain = plain[: SENTENCE_MAX_CHARS + 1].rpartition(" ")[0] or plain[:SENTENCE_MAX_CHARS]
    return plain if any(char.isalnum() for char in plain) else ""
