"""Code pages: EBCDIC, the PC's, and texts that came in the wrong one."""

from __future__ import annotations

import traceback

import pytest

from erp.errors import UnreadableAnswer
from erp.profiles.errors import ProfileError
from erp.shapes import Kind

from .rules import mapped, mapper


def text(encoding: object, value: object) -> object:
    return mapped(Kind.TEXT, {"from": "T", "encoding": encoding}, {"T": value})


@pytest.mark.parametrize(
    ("page", "value", "wanted"),
    [
        # From IBM's code charts: square brackets lie in different places.
        ("cp037", b"\xc1\xba\xf1\xbb", "A[1]"),
        ("cp1047", b"\xc1\xad\xf1\xbd", "A[1]"),
        ("cp1047", b"\xc8\x85\x93\x93\x96\x40\x40", "Hello"),
        ("cp500", b"\x4a\x5a", "[]"),
        ("cp1252", b"M\xfcller \x80", "Müller €"),
        ("utf-8", "Müller".encode(), "Müller"),
        ("cp037", bytearray(b"\xc1"), "A"),
        ("cp037", "is text already", "is text already"),
        ("cp037", None, ""),
        ("cp037", b"\x40\x40", ""),
    ],
)
def test_bytes_become_text(page: str, value: object, wanted: str) -> None:
    assert text(page, value) == wanted


def test_a_text_that_was_delivered_in_the_wrong_code_page_is_repaired() -> None:
    wrong = "Müller €".encode("cp1252").decode("latin-1")
    assert text({"was": "latin-1", "is": "cp1252"}, wrong) == "Müller €"
    wrong = "Müller".encode().decode("cp1252")
    assert text({"was": "cp1252", "is": "utf-8"}, wrong) == "Müller"
    wrong = "GRÖSSE".encode("cp273").decode("latin-1")
    assert text({"was": "latin-1", "is": "cp273"}, wrong) == "GRÖSSE"
    assert text({"was": "latin-1", "is": "cp1252"}, b"\x80") == "€"
    assert text({"was": "latin-1", "is": "cp1252"}, None) == ""


@pytest.mark.parametrize(
    ("encoding", "value"),
    [
        ("cp1252", b"hush\x81"),
        ("utf-8", b"hush\xff"),
        ({"was": "latin-1", "is": "cp1252"}, "hush\u20ac"),
        ({"was": "latin-1", "is": "utf-8"}, "hush\xff"),
    ],
)
def test_what_no_code_page_has_is_unreadable_without_its_value(
    encoding: object, value: object
) -> None:
    with pytest.raises(UnreadableAnswer, match=r"p\.f is no text of the code page") as raised:
        text(encoding, value)
    assert "hush" not in "".join(traceback.format_exception(raised.value))
    # An error of Python's codecs carries the whole text: it must not be the cause.
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_bytes_without_an_encoding_are_refused() -> None:
    with pytest.raises(UnreadableAnswer, match=r"p\.f is bytes: the profile says no `encoding`"):
        mapped(Kind.TEXT, {"from": "T"}, {"T": b"abc"})


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [
        ("cp9999", "encoding is 'cp9999', which is no code page: write cp037, cp1047"),
        ("rot13", "encoding is 'rot13', which is no code page"),
        ("base64", "no code page"),
        ("", "encoding is ''"),
        ("a\0b", "write the name of a code page"),
        (37, "encoding is '37': write a mapping of was and is"),
        ({"was": "latin-1"}, "encoding.is is 'None'"),
        ({"was": "latin-1", "is": "cp1252", "to": "x"}, "encoding has 'to'"),
    ],
)
def test_a_page_that_is_none_is_a_mistake(encoding: object, sentence: str) -> None:
    with pytest.raises(ProfileError) as raised:
        mapper(Kind.TEXT, {"from": "T", "encoding": encoding})
    assert sentence in str(raised.value)
