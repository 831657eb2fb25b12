"""Profiles' files: found, capped, and read without YAML 1.1's surprises."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.profiles import ProfileError, source
from erp.profiles.digest import digest
from erp.profiles.source import PROFILE_MAX_BYTES, VALUES_MAX, find, packaged, parse, read


def test_words_are_words_and_codes_keep_their_zeros() -> None:
    text = "{on: off, yes: No, y: N, a: 010, b: 10, c: 12:30, d: 1_000, e: true, f: null, g: 0x10}"
    assert parse(text, "x") == {
        "on": "off", "yes": "No", "y": "N", "a": "010", "b": 10, "c": "12:30", "d": "1_000",
        "e": True, "f": None, "g": "0x10",
    }


def test_numbers_and_dates() -> None:
    assert parse("[1.5, -2, +3, 0, -.5, 2026-11-21, 2026-11-21 10:00:00, '', ]", "x") == [
        1.5, -2, 3, 0, -0.5, date(2026, 11, 21), "2026-11-21 10:00:00", "",
    ]


def test_aliases_and_merges_work() -> None:
    assert parse("{a: &a {x: 1}, b: {<<: *a, y: 2}}", "x") == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3\n", "x: line 3: the key 'a' is there twice: take one away"),
        ("a: [1\n", "x: line 2: expected ',' or ']', but got '<stream end>'"),
        ("a: 2026-02-31\n", "x: cannot be read as YAML: ValueError"),
        ("a: \x07\n", "x: cannot be read as YAML: ReaderError"),
        ("[" * 1000, "x: cannot be read as YAML: RecursionError"),
        ("a: !!python/name:os.system\n", "x: line 1: could not determine a constructor"),
        ("a: !!bool perhaps\n", "x: cannot be read as YAML: KeyError"),
        ("a: !!timestamp soon\n", "x: cannot be read as YAML: AttributeError"),
        ("a: !!set {b, c}\n", "x: holds a set: take its tag (!!) away"),
        ("a: &a [*a]\n", f"x: more than {VALUES_MAX} values: take aliases (*) away"),
    ],
)
def test_what_is_no_yaml_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse(text, "x")
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@settings(max_examples=80)
@given(st.text(alphabet="ab01-.:[]{}&*!?|>'\"#%@,\n \t<~=é", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        digest(parse(text, "x"))
    except ProfileError as error:
        assert str(error).startswith("x: ")


def test_a_few_lines_cannot_become_billions() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(ProfileError, match="more than 50000 values"):
        parse("\n".join(lines), "x")


def test_a_name_is_packaged_and_anything_else_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SYSTEMS_FOLDER", tmp_path)
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "acme-1.yaml").write_text("profile: acme-1\n", "utf-8")
    assert packaged() == {"acme-1": tmp_path / "acme" / "acme-1.yaml"}
    assert read("acme-1").content == {"profile": "acme-1"}
    assert find("own.yaml") == Path("own.yaml")
    assert find("/etc/own") == Path("/etc/own")
    with pytest.raises(ProfileError, match="profile 'acme' is not known: write one of acme-1, or"):
        find("acme")


def test_a_file_is_refused_when_it_is_not_there_too_long_not_utf8_or_no_mapping(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.yaml"
    with pytest.raises(ProfileError, match=r"own\.yaml: No such file or directory: mend the path"):
        read(path)
    path.write_bytes(b"#" * PROFILE_MAX_BYTES)
    with pytest.raises(ProfileError, match="is no mapping"):
        read(path)
    path.write_bytes(b"#" * (PROFILE_MAX_BYTES + 1))
    with pytest.raises(ProfileError, match=f"over {PROFILE_MAX_BYTES} bytes"):
        read(path)
    path.write_bytes(b"a: \xff")
    with pytest.raises(ProfileError, match="not UTF-8 at byte 3"):
        read(path)


def test_merges_of_merges_come_to_an_end() -> None:
    levels = ["a0: &a0 {k: 1}"]
    # 20 to the power of 12 keys, in a file of a kilobyte.
    for level in range(1, 13):
        merged = ", ".join([f"*a{level - 1}"] * 20)
        levels.append(f"a{level}: &a{level} {{<<: [{merged}]}}")
    with pytest.raises(ProfileError, match=r"line 4: merges .* more than 2000 keys"):
        parse("\n".join(levels), "mine.yaml")
    assert parse("\n".join(levels[:3]), "mine.yaml")
