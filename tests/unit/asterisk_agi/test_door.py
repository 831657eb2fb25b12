"""Who may come in to FastAGI: the list, the log that can't be flooded, and TLS as bytes."""

from __future__ import annotations

import logging
import ssl

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.door import LOOPBACK, AllowList, Strangers, TlsLayer
from asterisk_agi.server import FastAgiSettings
from tests.unit.asterisk_agi.fake_asterisk import FakeAsterisk, serving
from tests.unit.asterisk_agi.test_server import exchange, talk_until_told


@pytest.mark.parametrize(
    ("allow", "address", "allowed"),
    [
        (LOOPBACK, "127.0.0.1", True),
        (LOOPBACK, "::1", True),
        (LOOPBACK, "::ffff:127.0.0.1", True),
        (LOOPBACK, "10.0.0.5", False),
        (("10.0.0.0/24",), "10.0.0.5", True),
        (("10.0.0.0/24",), "10.0.1.5", False),
        (("10.0.0.5",), "::ffff:10.0.0.5", True),
        (("10.0.0.7/24",), "10.0.0.5", True),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("fe80::/10",), "10.0.0.5", False),
        (("10.0.0.0/24",), "", False),
        (("10.0.0.0/24",), "no address", False),
        ((), "203.0.113.9", True),
        ((), "", True),
    ],
)
def test_who_may_come_in(allow: tuple[str, ...], address: str, allowed: bool) -> None:
    assert AllowList(allow).allows(address) is allowed


def test_a_wrong_entry_names_the_key_and_the_mend() -> None:
    with pytest.raises(ValueError, match=r"allow has 'pbx\.example': write IP addresses"):
        FastAgiSettings(allow=("pbx.example",))


def test_a_flood_of_strangers_is_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 100.0
    strangers = Strangers(logging.getLogger("x"), lambda: now_s)
    for n in range(1000):
        strangers.refused("not in fastagi.allow", f"203.0.113.9:{n}")
    strangers.refused("too many connections", "203.0.113.9:1")
    assert len(caplog.records) == 2
    now_s = 160.0
    strangers.refused("not in fastagi.allow", "203.0.113.9:7")
    assert caplog.messages[-1] == "203.0.113.9:7: closed: not in fastagi.allow (999 more)"


async def test_a_stranger_is_closed_before_a_byte_is_read_and_calls_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(talk_until_told) as server:
        call = await FakeAsterisk.call(server)
        await exchange(call)
        server._allow = AllowList(("203.0.113.0/24",))
        for _ in range(20):
            stranger = await FakeAsterisk.call(server)
            assert await stranger.closed() == b""
        assert server.sessions == 1
        assert caplog.text.count("not in fastagi.allow") == 1
        await call.answer(b"200 result=1 (no)")
        await call.closed()


# TLS as bytes...


def layers() -> tuple[TlsLayer, ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """Our end, and a client's with its two buffers."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    peer = client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    return TlsLayer(context), peer, incoming, outgoing


def test_bytes_one_by_one_come_through() -> None:
    ours, peer, incoming, outgoing = layers()
    plain = b""
    for _ in range(4):
        try:
            peer.do_handshake()
        except ssl.SSLWantReadError:
            for byte in outgoing.read():
                plain += ours.receive_data(bytes([byte]))
            incoming.write(ours.to_send())
    peer.write(b"agi_network: yes\n" * 3000)
    for byte in outgoing.read():
        plain += ours.receive_data(bytes([byte]))
    assert plain == b"agi_network: yes\n" * 3000
    incoming.write(ours.to_send())
    incoming.write(ours.encrypt(b"ANSWER\n"))
    assert peer.read(100) == b"ANSWER\n"


CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
trustme.CA().issue_cert("127.0.0.1").configure_cert(CONTEXT)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_whatever_comes_is_tls_or_an_error_of_tls(pieces: list[bytes]) -> None:
    layer = TlsLayer(CONTEXT)
    try:
        for piece in pieces:
            assert layer.receive_data(piece) == b""
    except ssl.SSLError:
        assert len(layer.to_send()) < 1000
