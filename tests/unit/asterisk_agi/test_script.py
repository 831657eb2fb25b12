"""`orderline.agi` as Asterisk runs it: the built file, two pipes, and voice hosts to relay to."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from asterisk_agi import script, script_build
from dialplan import variables
from dialplan.reasons import Reason
from dialplan.variables import Result

WITHIN_S = 10.0
PRELUDE = (
    b"agi_request: orderline.agi\nagi_channel: PJSIP/line-1\nagi_uniqueid: 17.1\n"
    b"agi_callerid: 15551234\nagi_calleridname: J\xfcrgen\nagi_arg_1: default\n\n"
)
RESULT = b'SET VARIABLE "__ORDERLINE_RESULT" "unavailable"\n'
REASON = b'SET VARIABLE "__ORDERLINE_REASON" "no-voice-host"\n'
ASK = b'GET VARIABLE "ORDERLINE_RESULT"\n'
OK = b"200 result=1\n"


def old_python() -> str:
    """The oldest Python that the script must run on, where this machine has it."""
    found = sorted(Path.home().glob(".pyenv/versions/3.6.*/bin/python"))
    return str(found[0]) if found else shutil.which("python3.6") or ""


PYTHONS = [python for python in (sys.executable, old_python()) if python]


@pytest.fixture(scope="session")
def agi_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("agi-bin") / "orderline.agi"
    script_build.build(out)
    return out


class Asterisk:
    """Asterisk's end of the two pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self.stdin, self.stdout = process.stdin, process.stdout

    def send(self, data: bytes) -> None:
        self.stdin.write(data)
        self.stdin.flush()

    def line(self) -> bytes:
        return self.stdout.readline()

    def answer(self, expected: bytes, reply: bytes = OK) -> None:
        assert self.line() == expected
        self.send(reply)

    def sets_unavailable(self) -> None:
        self.answer(RESULT)
        self.answer(REASON)
        self.ends()

    def ends(self) -> None:
        """The script says nothing more and ends well."""
        assert self.stdout.read() == b""
        assert self.process.wait(WITHIN_S) == 0
        assert self.process.stderr is not None
        assert self.process.stderr.read() == b"", "stderr is Asterisk's console"


Run = Callable[..., Asterisk]


@contextmanager
def starter(python: str, agi_file: Path) -> Iterator[Run]:
    processes: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, prelude: bytes = PRELUDE, file: Path = agi_file) -> Asterisk:
        process = subprocess.Popen(
            [python, str(file), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )
        processes.append(process)
        asterisk = Asterisk(process)
        asterisk.send(prelude)
        return asterisk

    yield start
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def run(agi_file: Path) -> Iterator[Run]:
    """Start the script on the Python that runs these tests."""
    with starter(sys.executable, agi_file) as start:
        yield start


@pytest.fixture(params=PYTHONS, ids=["this", "3.6"][: len(PYTHONS)])
def run_on_each(request: pytest.FixtureRequest, agi_file: Path) -> Iterator[Run]:
    """Start the script on every Python that it must run on and that is here."""
    with starter(str(request.param), agi_file) as start:
        yield start


class VoiceHost:
    """A voice host that takes one connection at a time."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.where = f"127.0.0.1:{listener.getsockname()[1]}"
        self.connection: socket.socket | None = None

    def accept(self) -> bytes:
        """Take a connection and return its prelude."""
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(WITHIN_S)
        self.file = self.connection.makefile("rb")
        lines: list[bytes] = []
        while not lines or lines[-1] != b"\n":
            lines.append(self.file.readline())
        return b"".join(lines)

    def send(self, data: bytes) -> None:
        assert self.connection is not None
        self.connection.sendall(data)

    def close(self) -> None:
        if self.connection is not None:
            self.file.close()
            self.connection.close()
            self.connection = None


@contextmanager
def voice_host() -> Iterator[VoiceHost]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WITHIN_S)
        host = VoiceHost(listener)
        try:
            yield host
        finally:
            host.close()


def unused() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


# The file...


def test_the_words_are_those_of_the_dialplan() -> None:
    prefix = variables.INHERITED_PREFIX
    assert prefix + variables.RESULT == script.RESULT_VARIABLE
    assert prefix + variables.REASON == script.REASON_VARIABLE
    assert variables.RESULT == script.RESULT_NAME
    assert Result.UNAVAILABLE.value == script.UNAVAILABLE
    assert Reason.NO_VOICE_HOST.value == script.NO_VOICE_HOST


def test_the_file_is_whole_executable_and_always_the_same(agi_file: Path, tmp_path: Path) -> None:
    names = set(zipfile.ZipFile(agi_file).namelist())
    assert {"__main__.py", "asterisk/__init__.py", "asterisk/agi.py", "six.py"} <= names
    assert os.access(agi_file, os.X_OK)
    assert agi_file.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    again = tmp_path / "again.agi"
    again.write_text("an older file")
    script_build.build(again)
    assert again.read_bytes() == agi_file.read_bytes()
    assert list(tmp_path.iterdir()) == [again]


# Relaying...


def test_a_call_is_relayed_as_fastagi_would_bring_it(run_on_each: Run) -> None:
    with voice_host() as host:
        asterisk = run_on_each("sales", f"hosts={host.where}", "north", "two words")
        assert host.accept() == (
            b"agi_network: yes\nagi_network_script: sales\n"
            b"agi_request: orderline.agi\nagi_channel: PJSIP/line-1\nagi_uniqueid: 17.1\n"
            b"agi_callerid: 15551234\nagi_calleridname: J\xfcrgen\n"
            b"agi_arg_1: north\nagi_arg_2: two words\n\n"
        )
        host.send(RESULT)
        asterisk.answer(RESULT)
        assert host.file.readline() == OK
        host.send(b'GET FULL VARIABLE "${X}"\n')
        asterisk.answer(b'GET FULL VARIABLE "${X}"\n', b"200 result=1 (\xff\xfe)\n")
        assert host.file.readline() == b"200 result=1 (\xff\xfe)\n"
        host.close()
        asterisk.answer(ASK, b"200 result=1 (unavailable)\n")
        asterisk.ends()


def test_the_end_of_the_session_reaches_the_voice_host(run: Run) -> None:
    with voice_host() as host:
        asterisk = run("default", f"hosts={host.where}")
        host.accept()
        host.send(RESULT)
        asterisk.answer(RESULT)
        assert host.file.readline() == OK
        asterisk.stdin.close()
        assert host.file.read() == b""
        asterisk.ends()


def test_a_hangup_signal_becomes_the_hangup_line(run_on_each: Run) -> None:
    """ViciDial's redirect and a hangup end a local AGI by SIGHUP, FastAGI by a line."""
    with voice_host() as host:
        asterisk = run_on_each("default", f"hosts={host.where}")
        host.accept()
        host.send(b'EXEC "Dial" "x"\n')
        assert asterisk.line() == b'EXEC "Dial" "x"\n'
        asterisk.process.send_signal(signal.SIGHUP)
        assert host.file.readline() == b"HANGUP\n"
        asterisk.send(b"200 result=-1\n")
        assert host.file.readline() == b"200 result=-1\n"
        host.send(RESULT)
        asterisk.answer(RESULT)
        assert host.file.readline() == OK
        host.close()
        asterisk.ends()


def test_the_hangup_line_never_breaks_into_a_reply(run: Run) -> None:
    with voice_host() as host:
        asterisk = run("default", f"hosts={host.where}")
        host.accept()
        host.send(b"NOOP\n")
        assert asterisk.line() == b"NOOP\n"
        asterisk.send(b"200 res")
        assert host.file.read(7) == b"200 res"
        asterisk.process.send_signal(signal.SIGHUP)
        asterisk.send(b"ult=0\n")
        assert host.file.readline() == b"ult=0\n"
        assert host.file.readline() == b"HANGUP\n"
        host.close()
        asterisk.ends()


# No voice host...


def test_without_any_voice_host_the_dialplan_is_told(run_on_each: Run) -> None:
    run_on_each("default").sets_unavailable()


def test_voice_hosts_that_refuse_or_are_no_address(run: Run) -> None:
    run("default", f"hosts={unused()}&nonsense:port&{unused()}").sets_unavailable()


def test_the_next_voice_host_is_tried(run_on_each: Run) -> None:
    with voice_host() as host:
        asterisk = run_on_each("default", f"hosts={unused()}&{host.where}")
        assert b"agi_uniqueid: 17.1\n" in host.accept()
        host.send(RESULT)
        asterisk.answer(RESULT)
        asterisk.stdin.close()
        asterisk.ends()


def test_a_voice_host_that_closes_without_a_word_is_passed_over(run: Run) -> None:
    with voice_host() as full, voice_host() as host:
        asterisk = run("default", f"hosts={full.where}&{host.where}")
        full.accept()
        full.close()
        host.accept()
        host.send(RESULT)
        asterisk.answer(RESULT)
        asterisk.stdin.close()
        asterisk.ends()


def test_half_a_command_of_a_host_that_dies_never_reaches_asterisk(run: Run) -> None:
    with voice_host() as host:
        asterisk = run("default", f"hosts={host.where}")
        host.accept()
        host.send(b"EXEC Di")
        host.close()
        asterisk.sets_unavailable()


def test_a_stuck_voice_host_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection (the kernel does) and never says anything."""
    monkeypatch.setattr(script, "FIRST_COMMAND_S", 0.05)
    silence, held = os.pipe()
    with voice_host() as host:
        relay = script.serve([host.where], "", b"\n", (silence, 1), silence)
    os.close(silence)
    os.close(held)
    assert relay is None


def test_a_voice_host_that_dies_before_it_set_a_result(run_on_each: Run) -> None:
    with voice_host() as host:
        asterisk = run_on_each("default", f"hosts={host.where}")
        host.accept()
        host.send(b"NOOP\n")
        assert asterisk.line() == b"NOOP\n"
        host.close()
        asterisk.send(b"520-Usage follows\nExample: 200 result=1\n520 End of proper usage.\n")
        asterisk.answer(ASK, b"200 result=0\n")
        asterisk.sets_unavailable()


def test_a_voice_host_that_dies_while_dial_runs_does_not_hold_the_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(script, "REPLY_S", 0.05)
    silence, held = os.pipe()
    with voice_host() as host, socket.create_connection(host.listener.getsockname()) as peer:
        relay = script.Relay((silence, 1), peer, silence)
        relay.owed.sent(b'EXEC "Dial" "x"\n')
        assert not relay.settle()
        os.write(held, b"200 result=0\n")
        assert relay.settle()
    os.close(silence)
    os.close(held)


# Asterisk at its worst...


@pytest.mark.parametrize(
    "data", [b"", b"agi_channel: x\n", b"agi_x: y\n" * 400], ids=["none", "half", "endless"]
)
def test_a_prelude_that_does_not_end(run: Run, data: bytes) -> None:
    asterisk = run("default", prelude=data)
    asterisk.stdin.close()
    asterisk.ends()


def test_asterisk_that_is_gone_before_the_result(run: Run) -> None:
    with voice_host() as host:
        asterisk = run("default", f"hosts={host.where}")
        host.accept()
        asterisk.stdout.close()
        asterisk.stdin.close()
        assert host.file.read() == b""
        assert asterisk.process.wait(WITHIN_S) == 0


@pytest.mark.parametrize("reply", [b"", b"hello\n", b"520-Usage\n"], ids=["eof", "odd", "520"])
def test_asterisk_that_answers_our_own_command_oddly(run: Run, reply: bytes) -> None:
    """pyst2 loops for ever on an end of file within a usage block."""
    asterisk = run("default")
    assert asterisk.line() == RESULT
    asterisk.send(reply)
    asterisk.stdin.close()
    asterisk.ends()


# Its parts...


def test_hosts_come_from_a_file_beside_the_script(run: Run, agi_file: Path, tmp_path: Path) -> None:
    moved = tmp_path / "orderline.agi"
    shutil.copy(agi_file, moved)
    with voice_host() as host:
        text = f"# voice hosts\n\n{unused()}  # the old one\n{host.where}\n"
        moved.with_name("orderline.agi.conf").write_text(text)
        asterisk = run("default", file=moved)
        host.accept()
        host.send(RESULT)
        asterisk.answer(RESULT)
        asterisk.stdin.close()
        asterisk.ends()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.5", ("10.0.0.5", 4573)),
        ("10.0.0.5:99", ("10.0.0.5", 99)),
        ("voice.example:4573", ("voice.example", 4573)),
        ("[::1]:99", ("::1", 99)),
        ("[::1]", ("::1", 4573)),
        ("::1", ("::1", 4573)),
        ("", None),
        (":99", None),
        ("a:", None),
        ("a:0", None),
        ("a:65536", None),
        ("a:-1", None),
    ],
)
def test_addresses(text: str, expected: tuple[str, int] | None) -> None:
    assert script.address(text) == expected


@pytest.mark.parametrize(
    ("arguments", "profile", "hosts", "others"),
    [
        ([], "default", [], []),
        (["sales"], "sales", [], []),
        (["/sales/"], "sales", [], []),
        (["", "x"], "default", [], ["x"]),
        (["hosts=a b&c:1"], "default", ["a", "b", "c:1"], []),
        (["sales", "x", "hosts=a", "y"], "sales", ["a"], ["x", "y"]),
    ],
)
def test_arguments(arguments: list[str], profile: str, hosts: list[str], others: list[str]) -> None:
    assert script.options(arguments) == (profile, hosts, others)


def test_an_argument_cannot_add_a_line_to_the_prelude() -> None:
    prelude = script.network_prelude([b"agi_channel: x\n"], "a\nagi_callerid: 1", ["b\r\nc"])
    assert prelude.count(b"\n") == 5
    assert b"agi_network_script: aagi_callerid: 1\n" in prelude


def test_a_prelude_that_claims_to_be_from_the_network_is_not_believed() -> None:
    prelude = script.network_prelude([b"agi_network_script: vip\n", b"agi_channel: x\n"], "a", [])
    assert b"vip" not in prelude
