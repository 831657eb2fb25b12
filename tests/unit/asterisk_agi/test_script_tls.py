"""`orderline.agi` to a voice host over TLS: the real server, certificates of a CA made here."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from asterisk_agi import script
from asterisk_agi.door import server_context
from asterisk_agi.server import AgiSession, FastAgiServer, FastAgiSettings
from tests.unit.asterisk_agi.test_script import (
    ASK,
    OK,
    PYTHONS,
    RESULT,
    WITHIN_S,
    Asterisk,
    Run,
    agi_file,
    starter,
)

__all__ = ["agi_file"]

Place = Callable[..., Path]


class Papers:
    """A CA, and a certificate for 127.0.0.1, as files."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.authority = folder / "ca.pem"
        self.certificate, self.key = folder / "voice.pem", folder / "voice.key"
        self.ca.cert_pem.write_to_path(str(self.authority))
        self.issue("127.0.0.1")

    def issue(self, name: str) -> None:
        issued = self.ca.issue_cert(name)
        self.key.write_bytes(issued.private_key_pem.bytes())
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


async def _set_result(session: AgiSession) -> None:
    await session.set_variable("__ORDERLINE_RESULT", "unavailable")
    await session.set_variable("SEEN", session.prelude.network_script + " " + "x" * 900)


@contextmanager
def voice(papers: Papers) -> Iterator[int]:
    """The real FastAGI server over TLS, in a thread of its own; gives its port."""
    settings = FastAgiSettings(port=0, tls_certificate=papers.certificate, tls_key=papers.key)
    server = FastAgiServer(replace(settings, prelude_s=1.0), _set_result)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="voice host")
    thread.start()

    def run(work: Callable[[], object]) -> None:
        asyncio.run_coroutine_threadsafe(work(), loop).result(WITHIN_S)  # type: ignore[arg-type]

    try:
        run(server.start)
        yield server.port
    finally:
        run(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WITHIN_S)
        loop.close()


@pytest.fixture(params=PYTHONS, ids=["this", "3.6"][: len(PYTHONS)])
def run(request: pytest.FixtureRequest, agi_file: Path) -> Iterator[Run]:
    with starter(str(request.param), agi_file) as start:
        yield start


@pytest.fixture
def place(agi_file: Path, tmp_path: Path) -> Place:
    """Put the script somewhere, with these lines in its configuration."""

    def put(*lines: str) -> Path:
        moved = tmp_path / "orderline.agi"
        shutil.copy(agi_file, moved)
        moved.with_name("orderline.agi.conf").write_text("\n".join(lines) + "\n")
        return moved

    return put


def served(asterisk: Asterisk) -> None:
    """The voice host's commands come through TLS, and Asterisk's answers go back."""
    asterisk.answer(RESULT)
    asterisk.answer(b'SET VARIABLE "SEEN" "default ' + b"x" * 900 + b'"\n')
    asterisk.answer(ASK, b"200 result=1 (unavailable)\n")
    asterisk.ends()


def test_a_call_is_relayed_over_tls(papers: Papers, run: Run, place: Place) -> None:
    with voice(papers) as port:
        file = place(f"127.0.0.1:{port}", f"ca={papers.authority}")
        served(run("default", file=file))


def test_hosts_of_the_dialplan_are_spoken_to_by_tls_too(
    papers: Papers, run: Run, place: Place
) -> None:
    with voice(papers) as port:
        file = place(f"ca={papers.authority}")
        served(run("default", f"hosts=127.0.0.1:{port}", file=file))


def test_a_certificate_of_another_ca_is_not_believed(
    papers: Papers, run: Run, place: Place, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with voice(papers) as port:
        run("default", file=place(f"127.0.0.1:{port}", f"ca={other}")).sets_unavailable()


def test_a_certificate_for_another_host_is_not_believed(
    papers: Papers, run: Run, place: Place
) -> None:
    papers.issue("127.0.0.2")
    with voice(papers) as port:
        file = place(f"127.0.0.1:{port}", f"ca={papers.authority}")
        run("default", file=file).sets_unavailable()


def test_without_the_ca_file_nothing_is_said_in_plain_text(
    papers: Papers, run: Run, place: Place, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WITHIN_S)
        port = listener.getsockname()[1]
        file = place(f"127.0.0.1:{port}", f"ca={tmp_path / 'missing.pem'}")
        run("default", file=file).sets_unavailable()
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.recv(1000) == b""


def test_plain_text_gets_nothing_from_a_voice_host_that_speaks_tls(
    papers: Papers, run: Run, place: Place
) -> None:
    with voice(papers) as port:
        run("default", file=place(f"127.0.0.1:{port}")).sets_unavailable()


def handshake(port: int, papers: Papers, version: ssl.TLSVersion) -> str:
    """Connect with one version of TLS; return the one that was agreed on."""
    context = ssl.create_default_context(cafile=str(papers.authority))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", port), WITHIN_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as safe,
    ):
        return str(safe.version())


def test_tls_before_1_2_is_refused(papers: Papers) -> None:
    with voice(papers) as port:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert handshake(port, papers, version) == version.name.replace("_", ".")
        with pytest.warns(DeprecationWarning), pytest.raises((ssl.SSLError, OSError)):
            handshake(port, papers, ssl.TLSVersion.TLSv1_1)


def test_a_handshake_byte_by_byte_has_the_preludes_deadline(papers: Papers) -> None:
    with voice(papers) as port:
        with socket.create_connection(("127.0.0.1", port), WITHIN_S) as slow:
            slow.sendall(b"\x16\x03\x01")
            assert slow.recv(100) == b""
        assert handshake(port, papers, ssl.TLSVersion.TLSv1_3)


def test_a_relay_reads_what_tls_has_decrypted_already(papers: Papers) -> None:
    """Two records in one packet: the second one does not wake select()."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WITHIN_S)
        where = f"127.0.0.1:{listener.getsockname()[1]}"
        context = server_context(papers.certificate, papers.key)

        def answer() -> None:
            accepted, _ = listener.accept()
            with context.wrap_socket(accepted, server_side=True) as safe:
                safe.sendall(b"a" * 16384)
                safe.sendall(b"b" * 10)
                safe.recv(1)

        thread = threading.Thread(target=answer, name="voice host")
        thread.start()
        connection = script.connect(where, str(papers.authority))
        assert connection is not None
        with connection:
            data = b""
            while len(data) < 16394:
                data += script.received(connection) or b""
            assert data == b"a" * 16384 + b"b" * 10
            connection.sendall(OK[:1])
        thread.join(WITHIN_S)


def test_a_file_that_cannot_be_used_is_named(papers: Papers, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    with pytest.raises(ValueError, match=r"missing\.pem"):
        server_context(missing, papers.key)
    with pytest.raises(ValueError, match="go together"):
        FastAgiSettings(tls_key=papers.key)
