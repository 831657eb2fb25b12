"""TLS towards a system: which version, whose certificates, and each wrong file in one sentence."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from erp.settings import SystemSettings
from erp.tls import context

URL = "https://erp.example.com"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def settings(**values: Path | None) -> SystemSettings:
    return SystemSettings("p", URL, **values)  # type: ignore[arg-type]


@asynccontextmanager
async def server(made: ssl.SSLContext) -> AsyncIterator[int]:
    """Run a server that says hello, and give its port."""

    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        await writer.drain()
        await reader.read()
        await closed(writer)

    running = await asyncio.start_server(hello, "127.0.0.1", 0, ssl=made)
    async with running:
        yield running.sockets[0].getsockname()[1]


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and wait for it: Python 3.10 leaves TLS transports open otherwise."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def server_context(authority: trustme.CA, host: str = "127.0.0.1") -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(made)
    return made


async def greeting(port: int, made: ssl.SSLContext) -> tuple[str, str | None]:
    """Connect, and return the greeting and the version of TLS."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=made)
    try:
        line = await reader.readline()
        connection = writer.get_extra_info("ssl_object")
        return line.decode(), connection.version()
    finally:
        await closed(writer)


async def is_refused(port: int, made: ssl.SSLContext) -> bool:
    """Tell whether no greeting comes. A server of TLS 1.3 refuses after the handshake."""
    try:
        line, _ = await greeting(port, made)
    except (ssl.SSLError, ConnectionError):
        return True
    return line == ""


async def test_tls_1_3_is_spoken(authority: trustme.CA, ca_file: Path) -> None:
    async with server(server_context(authority)) as port:
        assert await greeting(port, context(settings(ca_file=ca_file), None)) == (
            "hello\n",
            "TLSv1.3",
        )


async def test_a_server_of_1_2_is_refused_unless_the_profile_asks_for_it(
    authority: trustme.CA, ca_file: Path
) -> None:
    old = server_context(authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with server(old) as port:
        assert await is_refused(port, context(settings(ca_file=ca_file), None))
        assert await is_refused(port, context(settings(ca_file=ca_file), "1.3"))
        assert await greeting(port, context(settings(ca_file=ca_file), "1.2")) == (
            "hello\n",
            "TLSv1.2",
        )


async def test_even_with_1_2_a_better_server_is_spoken_to_in_1_3(
    authority: trustme.CA, ca_file: Path
) -> None:
    async with server(server_context(authority)) as port:
        _, version = await greeting(port, context(settings(ca_file=ca_file), "1.2"))
    assert version == "TLSv1.3"


async def test_another_host_and_another_authority_are_refused(
    authority: trustme.CA, ca_file: Path
) -> None:
    async with server(server_context(authority, "other.example.com")) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            await greeting(port, context(settings(ca_file=ca_file), None))
    async with server(server_context(trustme.CA())) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await greeting(port, context(settings(ca_file=ca_file), None))
    async with server(server_context(authority)) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await greeting(port, context(settings(), None))


@pytest.mark.parametrize("apart", [True, False])
async def test_mutual_tls(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, apart: bool
) -> None:
    demanding = server_context(authority)
    demanding.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(demanding)
    ours = authority.issue_cert("orderline@example.com")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    ours.cert_chain_pems[0].write_to_path(str(certificate))
    ours.private_key_pem.write_to_path(str(key) if apart else str(certificate), append=not apart)
    shown = settings(
        ca_file=ca_file, client_certificate=certificate, client_key=key if apart else None
    )
    async with server(demanding) as port:
        assert (await greeting(port, context(shown, None)))[0] == "hello\n"
        assert await is_refused(port, context(settings(ca_file=ca_file), None))


def test_certificate_and_host_are_always_checked() -> None:
    made = context(settings(), "1.2")
    assert made.check_hostname
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context(settings(), None).minimum_version is ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("least", ["1.1", "TLSv1.2", "", "1"])
def test_no_other_version(least: str) -> None:
    with pytest.raises(ValueError, match=f"^tls is '{least}': write '1.2'"):
        context(settings(), least)


def test_each_wrong_file_is_one_sentence(
    authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    def sentence(**values: Path) -> str:
        with pytest.raises(ValueError) as raised:
            context(settings(**values), None)
        assert not isinstance(raised.value, ssl.SSLError)
        return str(raised.value)

    text, none = tmp_path / "text", tmp_path / "none"
    text.write_text("no PEM")
    ours, other = authority.issue_cert("a.example.com"), authority.issue_cert("b.example.com")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    ours.cert_chain_pems[0].write_to_path(str(certificate))
    other.private_key_pem.write_to_path(str(key))
    assert sentence(ca_file=none) == (
        f"ca_file {none}: No such file or directory: mend the path or its rights"
    )
    assert "ca_file" in sentence(ca_file=tmp_path)
    assert sentence(ca_file=text).startswith(f"ca_file {text} holds no certificate")
    assert sentence(client_certificate=none).startswith(f"client_certificate {none}: No such")
    assert sentence(client_certificate=certificate, client_key=none).startswith(
        f"client_key {none}: No such"
    )
    assert sentence(client_key=key) == (
        f"client_key is {key}, without client_certificate: write both"
    )
    assert "KEY_VALUES_MISMATCH" in sentence(client_certificate=certificate, client_key=key)
    assert "no certificate and its key" in sentence(client_certificate=text)
    assert "no certificate and its key" in sentence(client_certificate=certificate)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(
    authority: trustme.CA, tmp_path: Path
) -> None:
    ours = authority.issue_cert("a.example.com")
    certificate, locked = tmp_path / "cert.pem", tmp_path / "locked.pem"
    ours.cert_chain_pems[0].write_to_path(str(certificate))
    key = serialization.load_pem_private_key(ours.private_key_pem.bytes(), None)
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hush"),
        )
    )
    with pytest.raises(ValueError, match="or the key has a password"):
        context(settings(client_certificate=certificate, client_key=locked), None)
