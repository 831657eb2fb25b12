from __future__ import annotations

import pytest

from asterisk_agi.errors import AgiPeerError
from asterisk_agi.protocol.prelude import (
    NAME_MAX_BYTES,
    PRELUDE_MAX_BYTES,
    PRELUDE_MAX_VARIABLES,
    VALUE_MAX_BYTES,
    Prelude,
    PreludeReader,
)
from tests.unit.asterisk_agi.protocol.helpers import wire


def read(data: bytes) -> Prelude:
    reader = PreludeReader()
    *lines, rest = data.split(b"\n")
    assert rest == b""
    for line in lines:
        if (prelude := reader.add_line(line)) is not None:
            return prelude
    raise AssertionError("the prelude did not end")


def test_prelude_of_asterisk_22() -> None:
    prelude = read(wire("prelude_22.bin"))
    assert prelude.channel == "Local/far@devc-00000000;1"
    assert prelude.uniqueid == "1795274458.0"
    assert (prelude.caller_number, prelude.caller_name) == ("15551234", "Ann O.")
    assert (prelude.context, prelude.extension) == ("devc", "agi")
    assert prelude.network_script == "default?x=1"
    assert prelude.args == ("one", "two words")
    assert prelude.variables["agi_version"].startswith("22.10.1")


def test_asterisk_16_sends_the_same_names() -> None:
    names = list(read(wire("prelude_22.bin")).variables)
    assert list(read(wire("prelude_16.bin")).variables) == names


def test_what_asterisk_does_not_know_is_empty() -> None:
    assert read(wire("prelude_22.bin")).dnid == ""


def test_no_arguments_and_no_script() -> None:
    prelude = read(b"agi_channel: a\nagi_uniqueid: b\n\n")
    assert prelude.args == ()
    assert prelude.network_script == ""
    assert prelude.caller_number == ""


def test_more_than_nine_arguments_stay_in_order() -> None:
    lines = b"".join(b"agi_arg_%d: v%d\n" % (n, n) for n in range(1, 13))
    prelude = read(b"agi_channel: a\nagi_uniqueid: b\n" + lines + b"\n")
    assert prelude.args == tuple(f"v{n}" for n in range(1, 13))


def test_a_value_keeps_its_colons() -> None:
    prelude = read(b"agi_channel: a:b: c\nagi_uniqueid: b\n\n")
    assert prelude.channel == "a:b: c"


def test_bytes_that_are_no_text_and_terminal_escapes_are_replaced() -> None:
    assert read(wire("prelude_not_utf8.bin")).caller_name == "J\ufffdrgen \ufffd[2J"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\n", "no agi_channel"),
        (b"agi_channel: a\n\n", "no agi_uniqueid"),
        (b"agi_channel\n", "is not `agi_name: value`"),
        (b"channel: a\n", "is not `agi_name: value`"),
        (b"agi_CHANNEL: a\n", "is not `agi_name: value`"),
        (b"agi_chan nel: a\n", "is not `agi_name: value`"),
        (b"agi_\xff: a\n", "is not `agi_name: value`"),
        (b"agi_" + b"x" * NAME_MAX_BYTES + b": a\n", "is not `agi_name: value`"),
        (b"agi_channel: a\nagi_channel: b\n", "agi_channel twice"),
        (b"agi_channel:" + b"x" * (VALUE_MAX_BYTES + 1) + b"\n", "over 8192 bytes"),
    ],
)
def test_what_is_no_prelude_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(AgiPeerError, match=sentence):
        read(data)


def test_a_display_name_cannot_choose_the_profile() -> None:
    with pytest.raises(AgiPeerError, match="agi_network_script twice"):
        read(wire("prelude_twice_invalid.bin"))


def test_a_line_without_a_colon_is_refused() -> None:
    with pytest.raises(AgiPeerError, match="is not `agi_name: value`"):
        read(wire("prelude_invalid.bin"))


def test_number_of_variables_is_capped() -> None:
    lines = [b"agi_v%d: x\n" % n for n in range(PRELUDE_MAX_VARIABLES - 2)]
    whole = b"agi_channel: a\nagi_uniqueid: b\n" + b"".join(lines)
    assert len(read(whole + b"\n").variables) == PRELUDE_MAX_VARIABLES
    with pytest.raises(AgiPeerError, match="over 256 variables"):
        read(whole + b"agi_more: x\n\n")


def test_bytes_of_a_prelude_are_capped() -> None:
    line = b"agi_v%d: " + b"x" * (VALUE_MAX_BYTES - 8)
    lines = [line % n for n in range(PRELUDE_MAX_BYTES // VALUE_MAX_BYTES + 1)]
    with pytest.raises(AgiPeerError, match="over 65536 bytes"):
        read(b"\n".join(lines) + b"\n\n")
