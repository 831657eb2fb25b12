"""Quoting is tested against a small model of `parse_args` (res_agi.c), written from its rules:
a backslash takes the next character as it is, a quote opens or closes, blanks end a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterisk_agi.errors import AgiUsageError
from asterisk_agi.protocol.command import COMMAND_MAX_BYTES, WORDS_MAX, Command, encode, quoted

CONTROLS = [*(chr(code) for code in range(0x20)), "\x7f"]


def words_as_asterisk_reads(line: str) -> list[str]:
    words: list[str] = []
    inside_word = inside_quotes = escaped = False
    for character in line:
        if not escaped and character == "\\":
            escaped = True
            continue
        if not escaped and character == '"':
            inside_quotes = not inside_quotes
            if inside_quotes and not inside_word:
                words.append("")
                inside_word = True
            continue
        if not escaped and not inside_quotes and character in " \t":
            inside_word = False
            continue
        if not inside_word:
            words.append("")
            inside_word = True
        words[-1] += character
        escaped = False
    return words


def sent_words(command: Command) -> list[str]:
    line = encode(command).decode()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    return words_as_asterisk_reads(line[:-1])


TEXT = st.text(
    st.one_of(
        st.sampled_from('"\\ ,()${}äß'),
        st.characters(exclude_categories=["Cs", "Cc"]),
    ),
    max_size=40,
)


@given(st.lists(TEXT, max_size=6))
def test_asterisk_reads_back_what_was_given(args: list[str]) -> None:
    assert sent_words(Command("SET VARIABLE", tuple(args))) == ["SET", "VARIABLE", *args]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", '""'),
        ("plain", '"plain"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("C:\\x", '"C:\\\\x"'),
        ("ends with \\", '"ends with \\\\"'),
    ],
)
def test_every_argument_is_quoted(argument: str, expected: str) -> None:
    assert quoted(argument) == expected


def test_a_command_without_arguments_is_its_verb() -> None:
    assert encode(Command("ANSWER")) == b"ANSWER\n"


@pytest.mark.parametrize("control", CONTROLS)
def test_control_characters_are_refused(control: str) -> None:
    with pytest.raises(AgiUsageError, match="control character"):
        encode(Command("SET VARIABLE", ("NAME", f"a{control}b")))


def test_a_line_end_cannot_smuggle_a_second_command() -> None:
    with pytest.raises(AgiUsageError):
        encode(Command("VERBOSE", ('x"\nEXEC System "reboot',)))


def test_an_unsendable_text_is_refused() -> None:
    with pytest.raises(AgiUsageError, match="lone surrogate"):
        encode(Command("VERBOSE", ("\ud800",)))


@pytest.mark.parametrize("verb", ["", "answer", "ANSWER\n", "A  B", "SET VARIABLE X Y Z", 'A"'])
def test_a_verb_is_one_to_four_words_of_capitals(verb: str) -> None:
    with pytest.raises(AgiUsageError, match="verb"):
        encode(Command(verb))


def test_a_line_as_long_as_asterisk_reads_is_sent_and_no_longer() -> None:
    room = COMMAND_MAX_BYTES - len('VERBOSE ""\n')
    assert len(encode(Command("VERBOSE", ("x" * room,)))) == COMMAND_MAX_BYTES
    with pytest.raises(AgiUsageError, match="over 2047 bytes"):
        encode(Command("VERBOSE", ("x" * (room + 1),)))


def test_escapes_count_towards_the_length() -> None:
    with pytest.raises(AgiUsageError, match="over 2047 bytes"):
        encode(Command("VERBOSE", ('"' * 1100,)))


def test_more_words_than_asterisk_has_room_for_are_refused() -> None:
    assert encode(Command("NOOP", ("",) * (WORDS_MAX - 1)))
    with pytest.raises(AgiUsageError, match="at most 127 words"):
        encode(Command("NOOP", ("",) * WORDS_MAX))


def test_what_asterisk_still_does_on_a_dead_channel() -> None:
    assert Command("SET VARIABLE").dead_safe
    assert Command("GET FULL VARIABLE").dead_safe
    assert not Command("ANSWER").dead_safe
    assert not Command("CHANNEL STATUS").dead_safe
