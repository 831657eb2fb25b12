"""The SIP side of one telephone that is called, without sockets, tasks or a clock.

    Idle --INVITE--> Ringing --answer()--> Talking --BYE--> Over
                       |  reject(), or the caller's CANCEL --> Over

It takes one call at a time and refuses a second one as busy. Feed `receive_data()`, send what
`data_to_send()` gives to the server, take `next_event()`; call `handle_timer()` at `next_timer_s`.
It does not register. Source: RFC 3261 sections 12 and 13.3.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from asterisk_agi.testcall import sdp
from asterisk_agi.testcall.dialog import Dialog, reply
from asterisk_agi.testcall.errors import PhoneUsageError, SipPeerError
from asterisk_agi.testcall.resend import Resender
from asterisk_agi.testcall.sip_message import Headers, Request, Response, parameter, parse, uri_of
from asterisk_agi.testcall.user_agent import Answered, Ended, Event, MediaMoved, State

REPLIES_KEPT = 16
"""Answers that are kept to be given again when the far side repeats its request."""
ROUTES_MAX = 8
"""Proxies between us and Asterisk; there is normally none."""


class Ring:
    """Event: somebody calls. `answer` or `reject`."""


class CalledAgent:
    """One telephone. contact: its own address. `new_token` returns a fresh random word."""

    def __init__(self, contact: tuple[str, int], new_token: Callable[[], str]) -> None:
        self.state = State.IDLE
        self._contact = contact
        self._token = new_token
        self._media = ("", 0)
        self._invite: Request | None = None
        self._dialog: Dialog | None = None
        self._tag = ""
        self._resends = Resender()
        self._replies: OrderedDict[str, bytes] = OrderedDict()
        self._out: deque[bytes] = deque()
        self._events: deque[Event | Ring] = deque()

    @property
    def call_id(self) -> str:
        """The SIP Call-ID of the call; empty before it."""
        return self._invite.first("call-id") if self._invite is not None else ""

    @property
    def next_timer_s(self) -> float | None:
        """When `handle_timer` should be called next; none: no timer runs."""
        return self._resends.next_s

    def next_event(self) -> Event | Ring | None:
        """Return the next event, or none when there is none yet."""
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> list[bytes]:
        """Return, once, the datagrams that are to go to the server now, in order."""
        out = list(self._out)
        self._out.clear()
        return out

    # Commands...

    def answer(self, media: tuple[str, int], now_s: float) -> None:
        """Take the call. media: where we want its packets.

        Raises PhoneUsageError when nobody calls, SipPeerError when the offer can't be used.
        """
        invite = self._ringing()
        remote = sdp.read(invite.body)
        self._media, self.state = media, State.TALKING
        response = reply(
            self._tagged(invite), 200, "OK", self._body_headers(), sdp.describe(*media)
        )
        self._resends.add(_number(invite) + " 200", bytes(response), now_s, capped=True)
        self._say(invite, response)
        self._events.append(Answered(remote))

    def reject(self, status: int, phrase: str) -> None:
        """Refuse the call, as with 486 `Busy Here`. Raises PhoneUsageError when nobody calls."""
        invite = self._ringing()
        self._say(invite, reply(self._tagged(invite), status, phrase))
        self._over(by_far_side=False)

    def hang_up(self, now_s: float) -> None:
        """End the call, whatever its state."""
        if self.state is State.RINGING:
            self.reject(486, "Busy Here")
        elif self.state is State.TALKING and self._dialog is not None:
            bye = self._dialog.next_request("BYE", f"z9hG4bK{self._token()}")
            self._out.append(bytes(bye))
            self._resends.add("BYE", bytes(bye), now_s, capped=True)
            self.state = State.ENDING

    def _ringing(self) -> Request:
        if self._invite is None or self.state is not State.RINGING:
            raise PhoneUsageError("nobody is calling this telephone")
        return self._invite

    # Time...

    def handle_timer(self, now_s: float) -> None:
        """Send again what was not answered, and give up what never will be."""
        again, given_up = self._resends.due(now_s)
        self._out.extend(again)
        if "BYE" in given_up:
            self._over(by_far_side=False)

    def _over(self, by_far_side: bool) -> None:
        if self.state is not State.OVER:
            self.state = State.OVER
            self._resends = Resender()
            self._events.append(Ended(by_far_side))

    # Receiving...

    def receive_data(self, datagram: bytes, now_s: float) -> None:
        """Take one datagram from the server. Raises SipPeerError for what is no SIP: drop it."""
        message = parse(datagram)
        if isinstance(message, Response):
            if message.first("cseq").endswith("BYE") and message.status >= 200:
                self._resends.remove("BYE")
                self._over(by_far_side=False)
            return
        key = f"{parameter(message.first('via'), 'branch')} {message.method}"
        if message.method == "ACK":
            self._resends.remove(_number(message) + " 200")
        elif key in self._replies:
            self._out.append(self._replies[key])
        else:
            self._take(message, now_s)

    def _take(self, request: Request, now_s: float) -> None:
        ours = request.first("call-id") == self.call_id and self.state is not State.OVER
        if request.method == "INVITE" and self.state in (State.IDLE, State.OVER):
            self._ring(request)
        elif request.method == "INVITE" and not ours:
            self._say(request, reply(request, 486, "Busy Here"))
        elif request.method == "OPTIONS":
            self._say(request, reply(request, 200, "OK"))
        elif not ours:
            self._say(request, reply(request, 481, "Call/Transaction Does Not Exist"))
        elif request.method == "CANCEL":
            self._cancelled(request)
        elif request.method == "BYE":
            self._say(request, reply(request, 200, "OK"))
            self._over(by_far_side=True)
        elif request.method in ("INVITE", "UPDATE"):
            self._change(request, now_s)
        else:
            self._say(request, reply(request, 200, "OK"))

    def _ring(self, invite: Request) -> None:
        self._invite, self._tag, self.state = invite, self._token(), State.RINGING
        self._replies.clear()
        self._dialog = Dialog(
            contact=self._contact,
            call_id=invite.first("call-id"),
            local_uri=uri_of(invite.first("to")),
            local_tag=self._tag,
            remote_uri=uri_of(invite.first("from")),
            target=uri_of(invite.first("contact")),
            remote_tag=parameter(invite.first("from"), "tag"),
            routes=invite.all("record-route")[:ROUTES_MAX],
        )
        self._say(invite, reply(self._tagged(invite), 180, "Ringing", self._body_headers()[:1]))
        self._events.append(Ring())

    def _cancelled(self, cancel: Request) -> None:
        self._say(cancel, reply(cancel, 200, "OK"))
        if self.state is State.RINGING and self._invite is not None:
            refused = reply(self._tagged(self._invite), 487, "Request Terminated")
            self._say(self._invite, refused)
            self._over(by_far_side=True)

    def _change(self, request: Request, now_s: float) -> None:
        """Answer a re-INVITE or an UPDATE: our media stays, the far side's may move."""
        if request.body:
            try:
                self._events.append(MediaMoved(sdp.read(request.body)))
            except SipPeerError:
                self._say(request, reply(request, 488, "Not Acceptable Here"))
                return
        if request.method == "UPDATE" and not request.body:
            self._say(request, reply(request, 200, "OK", self._body_headers()[:1]))
            return
        response = reply(request, 200, "OK", self._body_headers(), sdp.describe(*self._media))
        if request.method == "INVITE":
            self._resends.add(_number(request) + " 200", bytes(response), now_s, capped=True)
        self._say(request, response)

    def _body_headers(self) -> Headers:
        contact = "<sip:{}:{}>".format(*self._contact)
        return (("Contact", contact), ("Content-Type", "application/sdp"))

    def _tagged(self, request: Request) -> Request:
        """Return the request as our answers repeat it: its To with our tag."""
        headers = tuple(
            (name, f"{value};tag={self._tag}" if name.lower() in ("to", "t") else value)
            for name, value in request.headers
        )
        return Request(request.method, request.uri, headers, request.body)

    def _say(self, request: Request, response: Response) -> None:
        data = bytes(response)
        key = f"{parameter(request.first('via'), 'branch')} {request.method}"
        self._replies[key] = data
        while len(self._replies) > REPLIES_KEPT:
            self._replies.popitem(last=False)
        self._out.append(data)


def _number(request: Request) -> str:
    return request.first("cseq").partition(" ")[0]
