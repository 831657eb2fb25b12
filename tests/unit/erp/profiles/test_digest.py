"""The digest of a profile's content."""

from __future__ import annotations

import pytest

from erp.profiles.digest import digest
from erp.profiles.source import parse


def of(text: str) -> str:
    return digest(parse(text, "x"))


def test_layout_makes_no_difference() -> None:
    one = of("a: {b: 1, c: [x, y]}\nd: 2026-11-21\n")
    other = of("# a comment\nd: 2026-11-21\na:\n  c: &c ['x', \"y\"]\n  b: 1\n")
    assert one == other
    assert len(one) == 64


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a: 1", "a: '1'"), ("a: 1", "a: true"), ("a: 1", "b: 1"), ("a: [1, 2]", "a: [2, 1]"),
        ("a: null", "a: ''"), ("a: 2026-11-21", "a: '2026-11-21'"), ("{1: a}", "{'1': a}"),
        ("a: {}", "a: []"), ("a: !!binary aGk=", "a: !!binary aGo="),
        ("a: {b: {}}", "a: {}"), ("a: 1", "a: 1.0"),
    ],
)
def test_content_makes_a_difference(one: str, other: str) -> None:
    assert of(one) != of(other)
