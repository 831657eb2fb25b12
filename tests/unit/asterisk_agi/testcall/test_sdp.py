from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.testcall.errors import SipPeerError
from asterisk_agi.testcall.sdp import LINES_MAX, RemoteMedia, describe, read


def test_our_own_offer_can_be_read() -> None:
    assert read(describe("192.0.2.1", 40002)) == RemoteMedia("192.0.2.1", 40002, 101)


def test_the_medias_own_address_wins_and_other_sections_do_not_count() -> None:
    body = (
        b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8 0\r\nc=IN IP4 192.0.2.2\r\n"
        b"m=video 5000 RTP/AVP 99\r\nc=IN IP4 192.0.2.3\r\na=rtpmap:99 telephone-event/8000\r\n"
    )
    assert read(body) == RemoteMedia("192.0.2.2", 4000, None)
    assert read(body.replace(b"c=IN IP4 192.0.2.2\r\n", b"")).host == "192.0.2.1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=0\r\nc=IN IP4 192.0.2.1\r\n",
        b"c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n",
        b"c=IN IP6 ::1\r\nm=audio 4000 RTP/AVP 0\r\n",
        b"c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n" + b"a=x\r\n" * LINES_MAX,
    ],
)
def test_what_has_no_usable_audio_is_refused(body: bytes) -> None:
    with pytest.raises(SipPeerError):
        read(body)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    try:
        read(body)
    except SipPeerError:
        return
