"""The SIP side of one outgoing call, without sockets, tasks or a clock.

    Idle --invite--> Calling --1xx--> Ringing --2xx--> Talking --BYE--> Ending --answer--> Over
                        |  401/407: again, with credentials
                        +---- >= 300, no answer, CANCEL + 487 ----------------------> Over

Drive it so: `send(Invite(...))`, then after each call of any method send every datagram of
`data_to_send()` to the server and take every `next_event()`; feed what arrives to
`receive_data()`; call `handle_timer()` at `next_timer_s`. It does not register, transfer or
hold; it answers what a PBX asks of a telephone in a call (BYE, re-INVITE, UPDATE, OPTIONS).
Source: RFC 3261, RFC 3311 (UPDATE).
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from asterisk_agi.testcall import digest, sdp
from asterisk_agi.testcall.dialog import (
    Account,
    Dialog,
    acknowledge_refusal,
    cancel_of,
    checked_name,
    reply,
)
from asterisk_agi.testcall.errors import PhoneUsageError, SipPeerError
from asterisk_agi.testcall.resend import Resender
from asterisk_agi.testcall.sip_message import Headers, Request, Response, parameter, parse

_log = logging.getLogger(__name__)

REPLIES_KEPT = 16
"""Answers that are kept to be given again when the far side repeats its request."""
CHALLENGES_MAX = 3
"""A server that asks for credentials more often does not take ours."""


class State(Enum):
    """Where the call is."""

    IDLE = "idle"
    CALLING = "calling"
    RINGING = "ringing"
    TALKING = "talking"
    ENDING = "ending"
    OVER = "over"


@dataclass(frozen=True)
class Invite:
    """Command: place the call. Only in state Idle."""

    extension: str
    media_host: str
    media_port: int


@dataclass(frozen=True)
class HangUp:
    """Command: end the call, in whatever state it is."""


@dataclass(frozen=True)
class Ringing:
    """A provisional response came. `code` 183 may have early media, which is not used."""

    code: int


@dataclass(frozen=True)
class Answered:
    """The call was answered, and our packets go to `media`."""

    media: sdp.RemoteMedia


@dataclass(frozen=True)
class MediaMoved:
    """The far side changed where it wants our packets."""

    media: sdp.RemoteMedia


@dataclass(frozen=True)
class Refused:
    """The call was refused with a final status; 408 also stands for a silent server."""

    code: int
    phrase: str


@dataclass(frozen=True)
class Ended:
    """An answered or cancelled call is over."""

    by_far_side: bool


Event = Ringing | Answered | MediaMoved | Refused | Ended


class UserAgent:
    """One outgoing call. `new_token` returns a fresh random word at each call."""

    def __init__(
        self, account: Account, contact: tuple[str, int], new_token: Callable[[], str]
    ) -> None:
        self.state = State.IDLE
        self._account = account
        self._token = new_token
        server = f"{account.host}:{account.port}"
        self._dialog = Dialog(
            contact=contact,
            call_id=f"{new_token()}@{contact[0]}",
            local_uri=f"sip:{account.number or account.user}@{server}",
            local_tag=new_token(),
            remote_uri=f"sip:{server}",
            target=f"sip:{server}",
        )
        self._media = ("", 0)
        self._sent: dict[str, Request] = {}
        self._challenges = 0
        self._resends = Resender()
        self._replies: OrderedDict[str, bytes] = OrderedDict()
        self._out: deque[bytes] = deque()
        self._events: deque[Event] = deque()
        self._hanging_up = False

    @property
    def call_id(self) -> str:
        """The SIP Call-ID, by which both ends name this call."""
        return self._dialog.call_id

    @property
    def next_timer_s(self) -> float | None:
        """When `handle_timer` should be called next; none: no timer runs."""
        return self._resends.next_s

    def next_event(self) -> Event | None:
        """Return the next event, or none when there is none yet."""
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> list[bytes]:
        """Return, once, the datagrams that are to go to the server now, in order."""
        out = list(self._out)
        self._out.clear()
        return out

    # Commands...

    def send(self, command: Invite | HangUp, now_s: float) -> None:
        """Carry out a command; send `data_to_send()` afterwards.

        Raises PhoneUsageError for an extension that no SIP address can hold, or a second call.
        """
        if isinstance(command, HangUp):
            self._hang_up(now_s)
            return
        if self.state is not State.IDLE:
            raise PhoneUsageError("a user agent places one call: make a new one")
        server = self._dialog.remote_uri.removeprefix("sip:")
        self._dialog.remote_uri = f"sip:{checked_name('extension', command.extension)}@{server}"
        self._dialog.target = self._dialog.remote_uri
        self._media = (command.media_host, command.media_port)
        self.state = State.CALLING
        self._request("INVITE", now_s)

    def _hang_up(self, now_s: float) -> None:
        if self.state is State.TALKING:
            self.state = State.ENDING
            self._request("BYE", now_s)
        elif self.state is State.IDLE:
            self.state = State.OVER
        elif self.state is State.RINGING and not self._hanging_up:
            self._hanging_up = True
            self._cancel(now_s)
        elif self.state is State.CALLING:
            # RFC 3261 section 9.1: CANCEL only once a provisional response has come.
            self._hanging_up = True

    def _cancel(self, now_s: float) -> None:
        invite = next(r for r in reversed(self._sent.values()) if r.method == "INVITE")
        self._transmit(cancel_of(invite), now_s)

    def _request(self, method: str, now_s: float, credentials: Headers = ()) -> None:
        extra, body = credentials, b""
        if method == "INVITE":
            extra += (
                ("Allow", "INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS"),
                ("Content-Type", "application/sdp"),
            )
            body = sdp.describe(*self._media)
        request = self._dialog.next_request(method, f"z9hG4bK{self._token()}", extra, body)
        self._sent[_transaction(request)] = request
        self._transmit(request, now_s)

    def _transmit(self, request: Request, now_s: float) -> None:
        data = bytes(request)
        self._out.append(data)
        self._resends.add(_transaction(request), data, now_s, capped=request.method != "INVITE")

    # Time...

    def handle_timer(self, now_s: float) -> None:
        """Send again what was not answered, and give up what never will be."""
        again, given_up = self._resends.due(now_s)
        self._out.extend(again)
        for key in given_up:
            if self.state is State.CALLING and key.endswith("INVITE"):
                self._over(Refused(408, "the server answers nothing"))
            elif key.endswith(("BYE", "CANCEL")):
                self._over(Ended(by_far_side=False))

    def _over(self, event: Event) -> None:
        if self.state is not State.OVER:
            self.state = State.OVER
            self._events.append(event)

    # Receiving...

    def receive_data(self, datagram: bytes, now_s: float) -> None:
        """Take one datagram from the server.

        What is not of this call is answered or dropped as RFC 3261 asks. Raises SipPeerError
        for what is no SIP: drop it, the call goes on.
        """
        message = parse(datagram)
        if isinstance(message, Response):
            self._on_response(message, now_s)
        else:
            self._on_request(message, now_s)

    def receive_eof(self) -> None:
        """The socket is gone: the call is over, as if the far side had ended it."""
        self._over(Ended(by_far_side=True))

    def _on_response(self, response: Response, now_s: float) -> None:
        key = _transaction(response)
        request = self._sent.get(key)
        if response.status >= 200:
            self._resends.remove(key)
        if request is None:
            return
        if request.method == "INVITE":
            self._resends.remove(key)
            self._on_invite_response(request, response, now_s)
        elif response.status in (401, 407) and self._authenticate(request, response, now_s):
            return
        elif response.status >= 200:
            self._over(Ended(by_far_side=False))

    def _on_invite_response(self, request: Request, response: Response, now_s: float) -> None:
        if response.status < 200:
            self._on_provisional(response, now_s)
        elif response.status < 300:
            self._on_answer(request, response, now_s)
        else:
            self._out.append(bytes(acknowledge_refusal(request, response)))
            self._on_refusal(request, response, now_s)

    def _on_provisional(self, response: Response, now_s: float) -> None:
        if self.state is State.CALLING:
            self.state = State.RINGING
            if self._hanging_up:
                self._cancel(now_s)
        if self.state is State.RINGING and response.status > 100:
            self._events.append(Ringing(response.status))

    def _on_refusal(self, request: Request, response: Response, now_s: float) -> None:
        if self.state not in (State.CALLING, State.RINGING):
            return
        if self._hanging_up:
            self._over(Ended(by_far_side=False))
        elif response.status not in (401, 407) or not self._authenticate(request, response, now_s):
            self._over(Refused(response.status, response.phrase))

    def _on_answer(self, request: Request, response: Response, now_s: float) -> None:
        first = self.state in (State.CALLING, State.RINGING)
        if first:
            self._dialog.confirm(response)
        number = int(request.first("cseq").split()[0])
        ack = self._dialog.request("ACK", f"z9hG4bK{self._token()}", number)
        # Sent for each 2xx: a repeated one tells that our last ACK was lost.
        self._out.append(bytes(ack))
        if first:
            self.state = State.TALKING
            self._take_media(response, now_s)

    def _take_media(self, response: Response, now_s: float) -> None:
        try:
            media = sdp.read(response.body)
        except SipPeerError as error:
            self._events.append(Refused(488, str(error)))
            self._hang_up(now_s)
            return
        if self._hanging_up:
            self._hang_up(now_s)
        else:
            self._events.append(Answered(media))

    def _authenticate(self, request: Request, response: Response, now_s: float) -> bool:
        """Send a challenged request again with credentials; False when that's no use."""
        ask, tell = (
            ("www-authenticate", "Authorization")
            if response.status == 401
            else ("proxy-authenticate", "Proxy-Authorization")
        )
        challenge = next(filter(digest.understood, response.all(ask)), None)
        self._challenges += 1
        if challenge is None or self._challenges > CHALLENGES_MAX:
            return False
        if request.first(tell) and not digest.is_stale(challenge):
            return False  # it had credentials: the password is wrong
        account = self._account
        value = digest.credentials(
            challenge,
            account.user,
            account.password,
            method=request.method,
            uri=request.uri,
            cnonce=self._token(),
        )
        self._request(request.method, now_s, ((tell, value),))
        return True

    def _on_request(self, request: Request, now_s: float) -> None:
        key = _transaction(request)
        if request.method == "ACK":
            self._resends.remove(_number(request) + " 200")
        elif key in self._replies:
            self._out.append(self._replies[key])
        else:
            self._reply(key, self._answer(request, now_s))

    def _reply(self, key: str, response: Response) -> None:
        data = bytes(response)
        self._replies[key] = data
        while len(self._replies) > REPLIES_KEPT:
            self._replies.popitem(last=False)
        self._out.append(data)

    def _answer(self, request: Request, now_s: float) -> Response:
        if request.method == "OPTIONS":
            return reply(request, 200, "OK")
        if request.first("call-id") != self.call_id or self.state is State.OVER:
            return reply(request, 481, "Call/Transaction Does Not Exist")
        if request.method == "BYE":
            self._resends = Resender()
            self._over(Ended(by_far_side=True))
            return reply(request, 200, "OK")
        if request.method in ("INVITE", "UPDATE"):
            return self._answer_change(request, now_s)
        if request.method in ("CANCEL", "INFO", "NOTIFY", "MESSAGE"):
            return reply(request, 200, "OK")
        return reply(request, 405, "Method Not Allowed")

    def _answer_change(self, request: Request, now_s: float) -> Response:
        """Answer a re-INVITE or an UPDATE: our media stays, the far side's may move."""
        contact = ("Contact", "<sip:{}:{}>".format(*self._dialog.contact))
        if request.method == "UPDATE" and not request.body:
            return reply(request, 200, "OK", (contact,))
        if request.body:
            try:
                self._events.append(MediaMoved(sdp.read(request.body)))
            except SipPeerError as error:
                _log.info("a change of media was refused: %s", error)
                return reply(request, 488, "Not Acceptable Here")
        headers = (contact, ("Content-Type", "application/sdp"))
        response = reply(request, 200, "OK", headers, sdp.describe(*self._media))
        if request.method == "INVITE":
            self._resends.add(_number(request) + " 200", bytes(response), now_s, capped=True)
        return response


def _transaction(message: Request | Response) -> str:
    """Name a transaction: the branch of the topmost Via and the method of CSeq."""
    method = message.first("cseq").rpartition(" ")[2]
    return f"{parameter(message.first('via'), 'branch')} {method}"


def _number(request: Request) -> str:
    return request.first("cseq").partition(" ")[0]
