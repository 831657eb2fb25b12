"""A SIP server on paper, for tests of the user agent: it reads requests and writes responses."""

from __future__ import annotations

from asterisk_agi.testcall.dialog import Account
from asterisk_agi.testcall.sip_message import Headers, Request, Response, parse
from asterisk_agi.testcall.user_agent import Event, Invite, UserAgent
from erp.secrets import Secret

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 31002 RTP/AVP 0 96\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 telephone-event/8000\r\n"
)
CHALLENGE = 'Digest realm="asterisk",nonce="n/1",opaque="op",algorithm=MD5,qop="auth"'


class Tokens:
    """Words t1, t2, ... in place of random ones."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return f"t{self.count}"


def new_agent(number: str = "+4930123456") -> UserAgent:
    account = Account("127.0.0.1", 5060, "line", Secret("secret"), number)
    return UserAgent(account, ("127.0.0.1", 40000), Tokens())


def sent(agent: UserAgent) -> list[Request | Response]:
    return [parse(datagram) for datagram in agent.data_to_send()]


def sent_request(agent: UserAgent) -> Request:
    (message,) = sent(agent)
    assert isinstance(message, Request)
    return message


def sent_response(agent: UserAgent) -> Response:
    (message,) = sent(agent)
    assert isinstance(message, Response)
    return message


def events(agent: UserAgent) -> list[Event]:
    found = []
    while (event := agent.next_event()) is not None:
        found.append(event)
    return found


def respond(request: Request, status: int, extra: Headers = (), body: bytes = b"") -> bytes:
    headers = [(name, request.first(name)) for name in ("Via", "From", "Call-ID", "CSeq")]
    tag = ";tag=far" if status > 100 and "tag=" not in request.first("to") else ""
    headers.append(("To", request.first("to") + tag))
    return bytes(Response(status, "Phrase", (*headers, *extra), body))


def answer(invite: Request, body: bytes = SDP) -> bytes:
    contact = (("Contact", "<sip:asterisk@127.0.0.1:5060>"),)
    return respond(invite, 200, contact, body)


def call_of(call_id: str, method: str, body: bytes = b"", branch: str = "z9hG4bKfar") -> bytes:
    headers = (
        ("Via", f"SIP/2.0/UDP 127.0.0.1:5060;branch={branch}"),
        ("From", "<sip:600@127.0.0.1>;tag=far"),
        ("To", "<sip:+4930123456@127.0.0.1>;tag=t2"),
        ("Call-ID", call_id),
        ("CSeq", f"7 {method}"),
    )
    return bytes(Request(method, "sip:127.0.0.1:40000", headers, body))


def placed(now_s: float = 0.0) -> tuple[UserAgent, Request]:
    """A user agent that has sent its INVITE."""
    agent = new_agent()
    agent.send(Invite("600", "127.0.0.1", 41000), now_s)
    return agent, sent_request(agent)


def talking() -> UserAgent:
    """A user agent in an answered call, everything taken."""
    agent, invite = placed()
    agent.receive_data(answer(invite), 0.1)
    sent(agent)
    events(agent)
    return agent
