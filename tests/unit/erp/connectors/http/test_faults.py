"""Faults on the way: each is told for what it is, by the deadline, and leaves the pool usable."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
import threading
import time
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp import web

from erp.connectors.http.answer import MEMBERS_MAX, Inflater
from erp.connectors.http.faults import failure_of
from erp.connectors.http.hops import Marks
from erp.errors import (
    BackendDown,
    BackendRefused,
    BackendSlow,
    BadAnswer,
    ErpError,
    UnreadableAnswer,
)
from erp.secrets import Secret
from erp.trace import Hop, Trace
from tests.rig.ports import free_ports
from tests.unit.erp.connectors.http.peer import (
    attempt,
    engine,
    hops,
    json_handler,
    peer,
    raw_peer,
    read,
    soon,
)

PART = {"request": {"path": "/items/{v}", "query": {"q": "{v}"}}}
VALUES = {"v": "private-9"}
MAX_BYTES = 50_000


async def ask_raw(answer: bytes, linger: bool = False) -> list[object]:
    """Ask a server that answers these bytes, and then closes, or waits."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if linger:
            await reader.read()

    async with raw_peer(talk) as url, engine(
        url, opened=False, answer_max_bytes=MAX_BYTES
    ) as made:
        await made._transport.open()
        return list(await read(made, PART, VALUES, attempt(0.3 if linger else 5)))


async def test_an_error_whose_body_cannot_be_read_is_told_by_its_status() -> None:
    for head in (b"Content-Encoding: br", b"X: y"):
        body = b"<html>" + b" " * (MAX_BYTES if head == b"X: y" else 1)
        answer = http(body, head).replace(b"200 OK", b"503 No")
        with pytest.raises(BackendDown, match="HTTP status 503"):
            await ask_raw(answer)


def http(body: bytes, *headers: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % size, *headers, b"", body]
    return b"\r\n".join(lines)


GZIP = b"Content-Encoding: gzip"
DEFLATE = b"Content-Encoding: deflate"


@pytest.mark.parametrize(
    "answer",
    [
        http(b'[{"a":1}]'),
        http(b'\xef\xbb\xbf[{"a":1}]'),
        http(gzip.compress(b'[{"a":1}]', mtime=0), GZIP),
        http(gzip.compress(b'[{"a"', mtime=0) + gzip.compress(b":1}]"), GZIP),
        http(zlib.compress(b'[{"a":1}]'), DEFLATE),
        http(zlib.compress(b'[{"a":1}]')[2:-4], DEFLATE),
        b'HTTP/1.0 200 OK\r\n\r\n[{"a":1}]',
    ],
)
async def test_bodies_that_are_read(answer: bytes) -> None:
    assert await ask_raw(answer) == [{"a": 1}]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (http(b'[{"a":1'), "7 bytes that are not JSON"),
        (http(b""), "0 bytes that are not JSON"),
        (http(b"<html>private-9</html>"), "22 bytes that are not JSON"),
        (http(b'["\xe9"]'), "5 bytes that are not UTF-8"),
        (http(b"[" * 40_000), "nested too deeply"),
        (http(b"[NaN]"), "NaN, which is no number"),
        (http(b"[-Infinity]"), "which is no number"),
        (http(b"[1e999999999]"), "a number out of all bounds"),
        (http(b"[" + b"9" * 5000 + b"]"), "bytes that are not JSON"),
        (http(b"[" + b" " * MAX_BYTES + b"]"), "an answer over 50000 bytes"),
        (http(gzip.compress(b" " * 60_000_000, mtime=0), GZIP), "an answer over 50000 bytes"),
        (http(zlib.compress(b" " * 60_000_000), DEFLATE), "an answer over 50000 bytes"),
        (http(gzip.compress(b"[]", mtime=0)[:-4], GZIP), "a body whose compressed end is missing"),
        (http(b"[]", GZIP), "a body that cannot be decompressed"),
        (http(b"xx", DEFLATE), "a body that cannot be decompressed"),
        (http(zlib.compress(b"[]") + b"xx", DEFLATE), "a body that cannot be decompressed"),
        (http(b"[]", b"Content-Encoding: br"), "an encoding that we did not ask for|did not ask"),
        (b"220 smtp.example ESMTP\r\n\r\n", "what is not HTTP"),
        (http(b"[]", b"X: " + b"a" * 70_000), "what is not HTTP"),
    ],
)
async def test_answers_that_cannot_be_read(answer: bytes, sentence: str) -> None:
    with pytest.raises(BadAnswer, match=sentence) as told:
        await ask_raw(answer)
    assert "private-9" not in str(told.value)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "connection closed before the answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "connection closed before the answer"),
        (http(b"[", length=100), "the answer broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,", "the answer broke off"),
    ],
)
async def test_answers_that_break_off(answer: bytes, sentence: str) -> None:
    with pytest.raises(BackendDown, match=sentence):
        await ask_raw(answer)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", http(b"[", length=100)])
async def test_a_slow_answer_ends_with_the_deadline(answer: bytes) -> None:
    begin_s = time.monotonic()
    with pytest.raises(BackendSlow, match="no answer by the deadline"):
        await ask_raw(answer, linger=True)
    assert 0.25 < time.monotonic() - begin_s < 3, "0.3 s was allowed"


def test_members_without_content_come_to_an_end() -> None:
    inflater = Inflater("gzip", MAX_BYTES)
    few = gzip.compress(b"", mtime=0) * (MEMBERS_MAX - 1)
    inflater.receive_data(few + gzip.compress(b"[]", mtime=0))
    assert inflater.receive_eof() == b"[]"
    with pytest.raises(UnreadableAnswer, match="decompressed"):
        inflater.receive_data(gzip.compress(b"", mtime=0))


def test_blocks_without_content_count_as_what_was_received() -> None:
    inflater = Inflater("deflate", MAX_BYTES)
    # Stored blocks of length 0, as many as one likes (RFC 1951 section 3.2.4).
    begin, empty = b"\x78\x9c", b"\x00\x00\x00\xff\xff" * 1000
    inflater.receive_data(begin)
    with pytest.raises(UnreadableAnswer, match="an answer over"):
        for _ in range(MAX_BYTES // len(empty) + 1):
            inflater.receive_data(empty)


def test_a_bomb_is_never_unpacked() -> None:
    inflater = Inflater("gzip", MAX_BYTES)
    with pytest.raises(UnreadableAnswer, match="an answer over 50000 bytes"):
        inflater.receive_data(gzip.compress(b" " * 60_000_000, mtime=0))
    assert len(inflater._body) == MAX_BYTES + 1


async def test_the_charset_of_the_profile() -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=b'["\xe9\x80"]')

    async with peer(handle) as there, engine(there.url, {"charset": "cp1252"}) as made:
        assert await read(made, PART, VALUES) == [{"value": "é€"}]


async def test_a_port_where_nobody_listens() -> None:
    async with engine(f"http://127.0.0.1:{free_ports(1)[0]}", opened=False) as made:
        with pytest.raises(BackendDown, match="open: cannot be reached: connection refused"):
            await made.open(soon())
        of = attempt()
        with pytest.raises(BackendDown, match="find_item: cannot be reached: connection refused"):
            await read(made, PART, VALUES, of)
        assert Hop.CONNECT in hops(of)


async def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    async with engine("http://erp.invalid", opened=False) as made:
        with pytest.raises(BackendDown, match="its name is not known"):
            await made.open(soon())


async def test_a_reset_before_and_in_the_answer() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with raw_peer(talk) as url, engine(url, opened=False) as made:
        with pytest.raises(BackendDown, match=r"connection (reset|closed)"):
            await made.open(soon())


async def test_no_time_left_is_slow_and_nothing_is_sent() -> None:
    async with peer(json_handler([])) as there, engine(there.url) as made:
        with pytest.raises(BackendSlow):
            await read(made, PART, VALUES, attempt(1e-9))
        assert not there.reads


async def test_cancelled_reads_leave_the_pool_usable() -> None:
    gate = asyncio.Event()
    begun = asyncio.Semaphore(0)

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.query["q"] == "wait":
            begun.release()
            await gate.wait()
        return web.json_response([{"a": 1}])

    async with peer(handle) as there, engine(there.url) as made:
        for _ in range(4):
            tasks = [asyncio.create_task(read(made, PART, {"v": "wait"})) for _ in "1234"]
            for _ in tasks:
                await begun.acquire()
            for task in tasks:
                task.cancel()
            endings = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(ending, asyncio.CancelledError) for ending in endings)
        assert await asyncio.gather(*(read(made, PART, VALUES) for _ in "1234")) == [[{"a": 1}]] * 4
        gate.set()


async def test_an_answer_over_the_cap_leaves_the_pool_usable() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        blanks = 2_000_000 if request.query["q"] == "big" else 1
        return web.Response(text=f"[{' ' * blanks}]")

    async with peer(handle) as there, engine(there.url, answer_max_bytes=MAX_BYTES) as made:
        for _ in range(10):
            with pytest.raises(BadAnswer):
                await read(made, PART, {"v": "big"})
        assert await read(made, PART, VALUES) == []


async def test_nothing_private_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"private-9\r\n\r\n")
        await writer.drain()

    section = {"auth": {"kind": "api_key", "query": "key"}}
    for status in (200, 302, 401, 403, 404, 429, 500, 503):
        handle = json_handler(["private-9"], status, Location="/private-9")
        async with peer(handle) as there, engine(
            there.url, section, password=Secret("top-secret"), answer_max_bytes=5
        ) as made:
            with pytest.raises(ErpError) as error:
                await read(made, PART, VALUES)
            told += f"{error.value!r} {error.value}"
    async with raw_peer(garbage) as url, engine(
        url, section, opened=False, password=Secret("top-secret")
    ) as made:
        await made._transport.open()
        with pytest.raises(BadAnswer) as broken:
            await read(made, PART, VALUES)
        told += "".join(traceback.format_exception(broken.value))
    ours = "".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("aiohttp")
    )
    for private in ("private-9", "top-secret"):
        assert private not in told + ours


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def serving(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("localhost",))).configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def test_connect_is_what_is_neither_name_nor_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    times_s = iter([0.0, 1.0, 3.0, 4.0, 8.0, 16.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times_s))
    of = Trace("shop", "find_item")
    marks = Marks(of)
    marks.begin(Hop.CONNECT)
    for hop in (Hop.RESOLVE, Hop.TLS):
        marks.begin(hop)
        marks.end(hop)
    marks.finish()
    marks.end(Hop.TLS)
    assert [(span.hop, span.ms) for span in of.spans] == [
        (Hop.RESOLVE, 2000), (Hop.TLS, 4000), (Hop.CONNECT, 10_000),
    ]


async def test_tls_has_a_hop_of_its_own(authority: trustme.CA, ca_file: Path) -> None:
    async with peer(json_handler([]), serving(authority)) as there, engine(
        there.url, opened=False, ca_file=ca_file
    ) as made:
        await made._transport.open()
        of, again = attempt(), attempt()
        await read(made, PART, VALUES, of)
        await read(made, PART, VALUES, again)
    spans = {span.hop: span.ms for span in of.trace.spans}
    assert set(spans) >= {Hop.RESOLVE, Hop.CONNECT, Hop.TLS, Hop.SERVER}
    assert spans[Hop.TLS] > 0 < spans[Hop.CONNECT]
    assert Hop.TLS not in hops(again)


@pytest.mark.parametrize(
    ("names", "trusted", "sentence"),
    [
        (("other.example",), True, "its certificate is for another name"),
        (("localhost",), False, "its certificate comes from an authority that we do not know"),
    ],
)
async def test_a_certificate_that_is_not_good(
    authority: trustme.CA, ca_file: Path, names: tuple[str, ...], trusted: bool, sentence: str
) -> None:
    context = serving(authority, *names)
    if not trusted:
        trustme.CA().cert_pem.write_to_path(str(ca_file))
    async with peer(json_handler([]), context) as there, engine(
        there.url, opened=False, ca_file=ca_file
    ) as made:
        with pytest.raises(BackendRefused, match=sentence):
            await made.open(soon())


@contextmanager
def handshaking(context: ssl.SSLContext) -> Iterator[str]:
    """Serve TLS by blocking sockets, and hang up after the handshake.

    asyncio's own servers hang up without the alert that says why.
    """

    def serve() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            raw.settimeout(5)
            with context.wrap_socket(raw, True, do_handshake_on_connect=False) as tls:
                with suppress(OSError):
                    tls.do_handshake()
                # Bytes that nobody has read would make it a reset, which overtakes the alert.
                with suppress(OSError):
                    tls.shutdown(socket.SHUT_WR)
                    while tls.recv(4096):
                        continue

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, name="tls peer")
    thread.start()
    try:
        yield f"https://localhost:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


async def test_tls_1_2_only_when_the_profile_asks_for_it(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = serving(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with handshaking(context) as url:
        async with engine(url, opened=False, ca_file=ca_file) as made:
            with pytest.raises(BackendRefused, match="no TLS version that we accept"):
                await made.open(soon())
    async with peer(json_handler([]), context) as there, engine(
        there.url, tls="1.2", ca_file=ca_file
    ) as made:
        assert await read(made, PART, VALUES) == []


async def test_mutual_tls(authority: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    context = serving(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    ours = tmp_path / "ours.pem"
    authority.issue_cert("orderline").private_key_and_cert_chain_pem.write_to_path(str(ours))
    async with peer(json_handler([]), context) as there, engine(
        there.url, ca_file=ca_file, client_certificate=ours
    ) as made:
        assert await read(made, PART, VALUES) == []
    with handshaking(context) as url:
        async with engine(url, opened=False, ca_file=ca_file) as made:
            with pytest.raises(BackendRefused, match="wants a certificate of ours"):
                await made.open(soon())


async def test_https_at_a_port_without_tls(ca_file: Path) -> None:
    async with peer(json_handler([])) as there:
        url = there.url.replace("http://127.0.0.1", "https://localhost")
        async with engine(url, opened=False, ca_file=ca_file) as made:
            with pytest.raises(BackendRefused, match="does not speak TLS at this port"):
                await made.open(soon())


async def test_a_missing_ca_file_is_one_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    async with engine("https://localhost:1", opened=False, ca_file=missing) as made:
        with pytest.raises(BackendRefused, match=r"cannot be asked: ca_file .*none\.pem"):
            await made.open(soon())


def test_a_kernels_own_time_out_is_no_deadline_of_ours() -> None:
    failure = failure_of(TimeoutError(110, "Connection timed out"))
    assert failure.detail == "cannot be reached: no answer to our connection"


def test_an_unknown_error_shows_no_text() -> None:
    failure = failure_of(aiohttp.InvalidURL("http://private-9"))
    assert failure.detail == "cannot be asked: InvalidURL"
