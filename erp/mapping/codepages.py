"""Code pages: EBCDIC and the PC's, and texts that were delivered in the wrong one.

Python has cp037, cp500, cp1140 and cp1252; the package `ebcdic` adds cp1047 and the national
EBCDIC pages. Where both have a page Python's own is used; in it X'15' is the control U+0085, in
`ebcdic`'s pages it is a line feed.

Source: Python's documentation of `codecs`; https://pypi.python.org/pypi/ebcdic/.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

import ebcdic  # noqa: F401 - its import registers the pages

from erp.errors import UnreadableAnswer
from erp.mapping.keys import mapping_at, mistake, shown, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

Step = Callable[[object], object]


def compile_encoding(value: object, label: str, where: str) -> Step:
    """Return what turns bytes into text, or repairs a text that was read in the wrong code page.

    value: the name of a code page, or `{was: ..., is: ...}`. Raises ProfileError.
    """
    if isinstance(value, str):
        return _decoder(_code_page(value, where), label)
    pages = mapping_at(value, where, "was and is")
    for key in pages:
        if key not in ("was", "is"):
            raise unknown(where, key, ("was", "is"))
    was, meant = (_code_page(pages.get(key), f"{where}.{key}") for key in ("was", "is"))
    return _repairer(was, _decoder(meant, label), label)


def _code_page(value: object, where: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise mistake(where, f"is {shown(value)}: write the name of a code page, as in cp1252")
    try:
        b" ".decode(value, "replace")
    except (LookupError, UnicodeError) as error:
        raise mistake(
            where, f"is {shown(value)}, which is no code page: write cp037, cp1047, cp1252, ..."
        ) from error
    return value


def _decoder(page: str, label: str) -> Step:
    def decode(value: object) -> object:
        if isinstance(value, bytes | bytearray):
            with _refused(label, page):
                return value.decode(page)
        return value

    return decode


def _repairer(was: str, decode: Step, label: str) -> Step:
    def repair(value: object) -> object:
        if isinstance(value, str):
            with _refused(label, was):
                return decode(value.encode(was))
        return decode(value)

    return repair


@contextmanager
def _refused(label: str, page: str) -> Iterator[None]:
    try:
        yield
    except UnicodeError:
        # Not `from` the error: that one holds the value.
        raise UnreadableAnswer(f"{label} is no text of the code page {page}") from None
