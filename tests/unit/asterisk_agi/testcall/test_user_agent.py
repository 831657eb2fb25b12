from __future__ import annotations

import pytest

from asterisk_agi.testcall.errors import PhoneUsageError, SipPeerError
from asterisk_agi.testcall.resend import GIVE_UP_S, T1_S
from asterisk_agi.testcall.sdp import RemoteMedia
from asterisk_agi.testcall.sip_message import Request
from asterisk_agi.testcall.user_agent import (
    Answered,
    Ended,
    HangUp,
    Invite,
    MediaMoved,
    Refused,
    Ringing,
    State,
)
from tests.unit.asterisk_agi.testcall.server import (
    CHALLENGE,
    SDP,
    answer,
    call_of,
    events,
    new_agent,
    placed,
    respond,
    sent,
    sent_request,
    sent_response,
    talking,
)


def test_the_invite_tells_the_callers_number_and_offers_mu_law() -> None:
    _, invite = placed()
    assert invite.uri == "sip:600@127.0.0.1:5060"
    assert invite.first("from") == "<sip:+4930123456@127.0.0.1:5060>;tag=t2"
    assert b"m=audio 41000 RTP/AVP 0 101" in invite.body
    assert invite.first("call-id") == "t1@127.0.0.1"


def test_without_a_number_the_user_is_the_caller() -> None:
    agent = new_agent(number="")
    agent.send(Invite("600", "127.0.0.1", 41000), 0.0)
    assert "<sip:line@" in sent_request(agent).first("from")


def test_ringing_then_answer_is_acknowledged_at_the_contact() -> None:
    agent, invite = placed()
    agent.receive_data(respond(invite, 100), 0.1)
    agent.receive_data(respond(invite, 180), 0.2)
    agent.receive_data(answer(invite), 0.3)
    ack = sent_request(agent)
    assert (ack.method, ack.uri, ack.first("cseq")) == (
        "ACK",
        "sip:asterisk@127.0.0.1:5060",
        "1 ACK",
    )
    assert ack.first("to").endswith(";tag=far")
    assert ack.first("via") != invite.first("via"), "the ACK of a 2xx is a transaction of its own"
    assert events(agent) == [Ringing(180), Answered(RemoteMedia("127.0.0.1", 31002, 96))]


def test_a_repeated_answer_is_acknowledged_again_and_told_once() -> None:
    agent, invite = placed()
    agent.receive_data(answer(invite), 0.1)
    agent.receive_data(answer(invite), 0.6)
    assert [m.method for m in sent(agent) if isinstance(m, Request)] == ["ACK", "ACK"]
    assert len(events(agent)) == 1


@pytest.mark.parametrize(
    ("status", "ask", "tell"),
    [
        (401, "WWW-Authenticate", "authorization"),
        (407, "Proxy-Authenticate", "proxy-authorization"),
    ],
)
def test_a_challenge_is_acknowledged_and_answered(status: int, ask: str, tell: str) -> None:
    agent, invite = placed()
    agent.receive_data(respond(invite, status, ((ask, CHALLENGE),)), 0.1)
    ack, again = (m for m in sent(agent) if isinstance(m, Request))
    assert (ack.method, ack.first("via")) == ("ACK", invite.first("via"))
    assert again.first("cseq") == "2 INVITE"
    assert again.first("via") != invite.first("via")
    assert 'username="line"' in again.first(tell)
    assert events(agent) == []


def test_a_wrong_password_is_not_tried_again() -> None:
    agent, invite = placed()
    challenge = (("WWW-Authenticate", CHALLENGE),)
    agent.receive_data(respond(invite, 401, challenge), 0.1)
    again = sent(agent)[1]
    assert isinstance(again, Request)
    agent.receive_data(respond(again, 401, challenge), 0.2)
    assert sent_request(agent).method == "ACK"
    assert events(agent) == [Refused(401, "Phrase")]


def test_a_stale_nonce_is_answered_again_but_not_for_ever() -> None:
    agent, request = placed()
    stale = (("WWW-Authenticate", CHALLENGE + ", stale=true"),)
    for _ in range(3):
        agent.receive_data(respond(request, 401, stale), 0.1)
        again = sent(agent)[1]
        assert isinstance(again, Request)
        request = again
    agent.receive_data(respond(request, 401, stale), 0.2)
    assert events(agent) == [Refused(401, "Phrase")]


@pytest.mark.parametrize("status", [302, 404, 486, 503, 603])
def test_a_refusal_is_acknowledged_in_its_own_transaction(status: int) -> None:
    agent, invite = placed()
    agent.receive_data(respond(invite, status), 0.1)
    ack = sent_request(agent)
    assert (ack.method, ack.first("via"), ack.uri) == ("ACK", invite.first("via"), invite.uri)
    assert ack.first("to").endswith("tag=far")
    assert events(agent) == [Refused(status, "Phrase")]
    assert agent.next_timer_s is None


def test_an_unanswered_invite_is_repeated_at_doubling_intervals_and_given_up() -> None:
    agent, _ = placed()
    times: list[float] = []
    while (at_s := agent.next_timer_s) is not None:
        agent.handle_timer(at_s)
        times += [at_s] * len(sent(agent))
    assert times == [T1_S * (2**n - 1) for n in range(1, 7)]
    assert events(agent) == [Refused(408, "the server answers nothing")]
    assert agent.state is State.OVER


def test_a_provisional_response_ends_the_repeating() -> None:
    agent, invite = placed()
    agent.receive_data(respond(invite, 100), 0.1)
    assert agent.next_timer_s is None


def test_hanging_up_ends_an_answered_call_with_bye() -> None:
    agent = talking()
    agent.send(HangUp(), 5.0)
    bye = sent_request(agent)
    assert (bye.method, bye.uri, bye.first("cseq")) == (
        "BYE",
        "sip:asterisk@127.0.0.1:5060",
        "2 BYE",
    )
    agent.receive_data(respond(bye, 200), 5.1)
    assert events(agent) == [Ended(by_far_side=False)]
    assert agent.next_timer_s is None


def test_a_bye_that_nobody_answers_ends_the_call_all_the_same() -> None:
    agent = talking()
    agent.send(HangUp(), 5.0)
    agent.handle_timer(5.0 + GIVE_UP_S)
    assert events(agent) == [Ended(by_far_side=False)]


def test_a_challenged_bye_is_sent_with_credentials() -> None:
    agent = talking()
    agent.send(HangUp(), 5.0)
    agent.receive_data(respond(sent_request(agent), 401, (("WWW-Authenticate", CHALLENGE),)), 5.1)
    assert "Digest" in sent_request(agent).first("authorization")
    assert events(agent) == []


def test_hanging_up_while_it_rings_cancels() -> None:
    agent, invite = placed()
    agent.receive_data(respond(invite, 180), 0.1)
    agent.send(HangUp(), 1.0)
    cancel = sent_request(agent)
    assert (cancel.method, cancel.first("via")) == ("CANCEL", invite.first("via"))
    assert "tag=" not in cancel.first("to")
    agent.receive_data(respond(invite, 487), 1.1)
    assert sent_request(agent).method == "ACK"
    assert events(agent) == [Ringing(180), Ended(by_far_side=False)]


def test_hanging_up_before_any_response_cancels_when_one_comes() -> None:
    agent, invite = placed()
    agent.send(HangUp(), 0.1)
    assert sent(agent) == []
    agent.receive_data(respond(invite, 100), 0.2)
    assert sent_request(agent).method == "CANCEL"


def test_an_answer_that_crosses_the_hang_up_is_ended_with_bye() -> None:
    agent, invite = placed()
    agent.receive_data(respond(invite, 180), 0.1)
    agent.send(HangUp(), 1.0)
    sent(agent)
    agent.receive_data(answer(invite), 1.1)
    assert [m.method for m in sent(agent) if isinstance(m, Request)] == ["ACK", "BYE"]
    assert Answered(RemoteMedia("127.0.0.1", 31002, 96)) not in events(agent)


def test_an_answer_without_usable_media_is_refused_and_ended() -> None:
    agent, invite = placed()
    agent.receive_data(answer(invite, SDP.replace(b" 0 96", b" 8 96")), 0.1)
    assert [m.method for m in sent(agent) if isinstance(m, Request)] == ["ACK", "BYE"]
    (event,) = events(agent)
    assert isinstance(event, Refused)
    assert event.code == 488


def test_the_far_side_hangs_up() -> None:
    agent = talking()
    agent.receive_data(call_of(agent.call_id, "BYE"), 9.0)
    assert sent_response(agent).status == 200
    assert events(agent) == [Ended(by_far_side=True)]
    agent.receive_data(call_of(agent.call_id, "BYE"), 9.5)
    assert sent_response(agent).status == 200, "a repeated BYE gets its answer again"
    assert events(agent) == []


def test_a_re_invite_moves_the_media_and_is_repeated_until_its_ack() -> None:
    agent = talking()
    moved = SDP.replace(b"31002", b"31444")
    agent.receive_data(call_of(agent.call_id, "INVITE", moved), 9.0)
    assert b"m=audio 41000" in sent_response(agent).body
    assert events(agent) == [MediaMoved(RemoteMedia("127.0.0.1", 31444, 96))]
    assert agent.next_timer_s == 9.0 + T1_S
    agent.handle_timer(9.0 + T1_S)
    assert sent_response(agent).status == 200
    agent.receive_data(call_of(agent.call_id, "ACK", branch="z9hG4bKack"), 9.6)
    assert agent.next_timer_s is None


@pytest.mark.parametrize(
    ("method", "status"), [("UPDATE", 200), ("OPTIONS", 200), ("INFO", 200), ("REFER", 405)]
)
def test_other_requests_in_a_call_are_answered(method: str, status: int) -> None:
    agent = talking()
    agent.receive_data(call_of(agent.call_id, method), 9.0)
    assert sent_response(agent).status == status
    assert events(agent) == []


def test_a_change_to_media_that_we_lack_is_refused_and_the_call_goes_on() -> None:
    agent = talking()
    agent.receive_data(call_of(agent.call_id, "UPDATE", SDP.replace(b" 0 96", b" 8 96")), 9.0)
    assert sent_response(agent).status == 488
    assert events(agent) == []
    assert agent.state is State.TALKING


def test_a_request_of_another_call_is_not_ours() -> None:
    agent = talking()
    foreign = call_of(agent.call_id, "BYE").replace(agent.call_id.encode(), b"other@127.0.0.1")
    agent.receive_data(foreign, 9.0)
    assert sent_response(agent).status == 481
    assert events(agent) == []


def test_a_response_of_another_transaction_is_dropped() -> None:
    agent, invite = placed()
    agent.receive_data(answer(invite).replace(b"branch=z9", b"branch=x9"), 0.1)
    assert sent(agent) == []
    assert events(agent) == []


def test_what_is_no_sip_is_told_and_harms_nothing() -> None:
    agent, invite = placed()
    with pytest.raises(SipPeerError):
        agent.receive_data(b"hello", 0.1)
    agent.receive_data(answer(invite), 0.2)
    assert agent.state is State.TALKING


def test_a_lost_socket_ends_the_call_once() -> None:
    agent = talking()
    agent.receive_eof()
    agent.receive_eof()
    assert events(agent) == [Ended(by_far_side=True)]


def test_an_agent_places_one_call_to_a_possible_extension() -> None:
    agent, _ = placed()
    with pytest.raises(PhoneUsageError):
        agent.send(Invite("601", "127.0.0.1", 41000), 0.0)
    with pytest.raises(PhoneUsageError):
        new_agent().send(Invite("6 00\r\nX: y", "127.0.0.1", 41000), 0.0)


def test_hanging_up_before_the_call_is_over_at_once() -> None:
    agent = new_agent()
    agent.send(HangUp(), 0.0)
    assert agent.state is State.OVER
