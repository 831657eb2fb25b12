"""Packed decimal (COMP-3): two digits in a byte, and a sign in the last half byte.

          byte 0      byte 1      byte 2
        +-----+-----+-----+-----+-----+-----+
        |  1  |  2  |  3  |  4  |  5  |  C  |    +12345
        +-----+-----+-----+-----+-----+-----+

A C E F are plus, B D are minus. No packed number ends in 0: a field that is full of blanks or
zeros was never filled, and is a missing value.

Source: IBM z/Architecture Principles of Operation, chapter 8, "Packed-decimal format".
"""

from __future__ import annotations

from collections.abc import Callable

from erp.errors import UnreadableAnswer

PACKED_MAX_BYTES = 32
"""63 digits: the longest packed field of any IBM compiler."""

_UNFILLED = (b"\x00", b"\x20", b"\x40")
_MINUS = "bd"
_SIGNS = "abcdef"


def unpack(value: bytes, label: str) -> str | None:
    """Return digits, leading zeros kept, with `-` in front when negative; None: never filled.

    Raises UnreadableAnswer.
    """
    if len(value) > PACKED_MAX_BYTES:
        raise UnreadableAnswer(f"{label} is packed in over {PACKED_MAX_BYTES} bytes")
    if not value or (value[:1] in _UNFILLED and value == value[:1] * len(value)):
        return None
    half_bytes = value.hex()
    digits, sign = half_bytes[:-1], half_bytes[-1]
    if sign not in _SIGNS or not digits.isdecimal():
        raise UnreadableAnswer(f"{label} is no packed decimal")
    return f"-{digits}" if sign in _MINUS else digits


def compile_packed(label: str) -> Callable[[object], object]:
    """Return what reads packed bytes; null stays null."""

    def read(value: object) -> object:
        if isinstance(value, bytes | bytearray):
            return unpack(bytes(value), label)
        if value is None:
            return None
        raise UnreadableAnswer(f"{label} is not bytes, and can't be packed decimal")

    return read
