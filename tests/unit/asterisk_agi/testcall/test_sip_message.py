from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.testcall.errors import PhoneUsageError, SipPeerError
from asterisk_agi.testcall.sip_message import (
    HEADERS_MAX,
    MESSAGE_MAX_BYTES,
    Request,
    Response,
    parameter,
    parse,
    uri_of,
)

HEADERS = (("Via", "SIP/2.0/UDP a;branch=b"), ("Call-ID", "c"), ("CSeq", "1 INVITE"))


def test_a_message_comes_back_as_it_was_sent() -> None:
    request = Request("INVITE", "sip:600@host", HEADERS, b"v=0\r\n\r\nx")
    again = parse(bytes(request))
    assert isinstance(again, Request)
    assert (again.method, again.uri, again.body) == ("INVITE", "sip:600@host", b"v=0\r\n\r\nx")
    response = parse(bytes(Response(486, "Busy Here", HEADERS)))
    assert isinstance(response, Response)
    assert (response.status, response.phrase, response.first("call-id")) == (486, "Busy Here", "c")


def test_compact_and_folded_headers_are_read() -> None:
    message = parse(b"SIP/2.0 200 OK\r\nv: first\r\nV: second\r\nf: <sip:a@b>\r\n ;tag=x\r\n\r\n")
    assert message.all("via") == ("first", "second")
    assert parameter(message.first("From"), "tag") == "x"


def test_the_body_is_cut_to_its_length() -> None:
    message = parse(b"SIP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nabcd")
    assert message.body == b"ab"


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: x\r\n",
        b"SIP/2.0 999 OK\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SIP/2.0 200 OK\r\nno colon\r\n\r\n",
        b"SIP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nab",
        b"SIP/2.0 200 OK\r\nContent-Length: -1\r\n\r\nab",
        b"SIP/2.0 200 OK\r\n" + b"X: y\r\n" * (HEADERS_MAX + 1) + b"\r\n",
        b"SIP/2.0 200 OK\r\n\r\n" + b"x" * MESSAGE_MAX_BYTES,
    ],
)
def test_what_is_no_message_or_too_much_is_refused(datagram: bytes) -> None:
    with pytest.raises(SipPeerError):
        parse(datagram)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda b: b"SIP/2.0 200 OK\r\n" + b))
def test_no_datagram_breaks_the_parser(datagram: bytes) -> None:
    try:
        parse(datagram)
    except SipPeerError:
        return


def test_a_header_cannot_carry_another_one() -> None:
    with pytest.raises(PhoneUsageError):
        bytes(Request("BYE", "sip:x", (("X", "a\r\nY: b"),)))


def test_parameters_and_uris_of_addresses() -> None:
    assert parameter('"A;tag=no" <sip:a@b;tag=no>;tag=yes', "tag") == "yes"
    assert parameter("SIP/2.0/UDP h;rport;branch=z9", "branch") == "z9"
    assert parameter("x", "tag") == ""
    assert uri_of('"A" <sip:a@b;lr>;q=1') == "sip:a@b;lr"
    assert uri_of("sip:a@b;q=1") == "sip:a@b"
