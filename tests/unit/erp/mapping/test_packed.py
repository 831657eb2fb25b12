"""Packed decimal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.errors import UnreadableAnswer
from erp.mapping.packed import PACKED_MAX_BYTES, unpack
from erp.shapes import Kind

from .rules import mapped


def pack(number: int, length: int, sign: str = "") -> bytes:
    sign = sign or ("d" if number < 0 else "c")
    return bytes.fromhex(f"{abs(number)}{sign}".zfill(2 * length))


@pytest.mark.parametrize(
    ("packed", "wanted"),
    [
        ("12345c", "12345"),
        ("12345d", "-12345"),
        ("12345b", "-12345"),
        ("12345f", "12345"),
        ("12345a", "12345"),
        ("12345e", "12345"),
        ("00012c", "00012"),
        ("0c", "0"),
    ],
)
def test_digits_and_sign(packed: str, wanted: str) -> None:
    assert unpack(bytes.fromhex(packed), "f") == wanted


@pytest.mark.parametrize("unfilled", [b"", b"\0\0", b"  ", b"\x40\x40\x40"])
def test_what_was_never_filled_is_missing(unfilled: bytes) -> None:
    assert unpack(unfilled, "f") is None
    rule = {"from": "P", "packed": True}
    assert mapped(Kind.NUMBER, rule, {"P": unfilled}, required=False) is None
    assert mapped(Kind.DATE, {**rule, "form": "yyyymmdd"}, {"P": unfilled}) is None


@pytest.mark.parametrize("wrong", ["1234", "1a3c", "cc", "123456", "c0"])
def test_what_is_not_packed_is_unreadable(wrong: str) -> None:
    with pytest.raises(UnreadableAnswer, match="f is no packed decimal"):
        unpack(bytes.fromhex(wrong), "f")


def test_the_longest_packed_field() -> None:
    assert unpack(pack(9, PACKED_MAX_BYTES), "f")
    with pytest.raises(UnreadableAnswer, match=f"over {PACKED_MAX_BYTES} bytes"):
        unpack(pack(9, PACKED_MAX_BYTES + 1), "f")


@settings(max_examples=60)
@given(st.integers(-(10**13), 10**13))
def test_any_number_comes_back(number: int) -> None:
    rule = {"from": "P", "packed": True, "decimals": 2}
    assert mapped(Kind.NUMBER, rule, {"P": pack(number, 8)}) == Decimal(number) / 100


@settings(max_examples=60)
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(value: bytes) -> None:
    try:
        found = unpack(value, "f")
    except UnreadableAnswer as error:
        assert str(error).startswith("f is ")
    else:
        assert found is None or found.lstrip("-").isdecimal()


@pytest.mark.parametrize("value", ["12345", 12345, True])
def test_only_bytes_can_be_packed(value: object) -> None:
    with pytest.raises(UnreadableAnswer, match="is not bytes"):
        mapped(Kind.NUMBER, {"from": "P", "packed": True}, {"P": value})


def test_a_packed_text_keeps_its_leading_zeros() -> None:
    row = {"P": bytes.fromhex("0004711f")}
    assert mapped(Kind.TEXT, {"from": "P", "packed": True}, row) == "0004711"


def test_a_packed_pack_size() -> None:
    rule = {"from": "Q", "packed": True, "times": "P"}
    assert mapped(Kind.NUMBER, rule, {"Q": pack(3, 2), "P": pack(12, 2)}) == 36
    assert mapped(Kind.NUMBER, rule, {"Q": pack(3, 2), "P": 12}) == 36
