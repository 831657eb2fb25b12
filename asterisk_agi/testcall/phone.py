"""A telephone for test calls: places one call, speaks, presses keys, listens, hangs up.

It shares only SIP and RTP with the system that it calls.
"""

from __future__ import annotations

import asyncio
import logging

from asterisk_agi.audio import PcmChunk
from asterisk_agi.testcall import user_agent as ua
from asterisk_agi.testcall.dialog import Account
from asterisk_agi.testcall.ear import Ear
from asterisk_agi.testcall.errors import CallRejected, NoAnswer
from asterisk_agi.testcall.media_line import MediaLine
from asterisk_agi.testcall.record import CallRecord, Utterance
from asterisk_agi.testcall.sip_line import SipLine

_log = logging.getLogger(__name__)

RING_S = 30.0
"""So long is waited for an answer."""
GOODBYE_S = 3.0
"""So long is waited for the answer to our BYE or CANCEL."""


class Phone:
    """One call. Use: `await place(...)`, then speak, then `await hang_up()`, `await close()`."""

    def __init__(self, account: Account) -> None:
        self._sip = SipLine(account, self._on_event)
        self._media: MediaLine | None = None
        self._answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sounded = asyncio.Event()
        self._utterances: list[Utterance] = []
        self._extension = ""
        self._ended_s: float | None = None
        self.ear = Ear()
        self.over = asyncio.Event()
        """Set when the call has ended, by whomever."""
        self.ended_by_far_side = False

    @property
    def call_id(self) -> str:
        """The SIP Call-ID."""
        return self._sip.call_id

    @property
    def _line(self) -> MediaLine:
        if self._media is None:
            raise NoAnswer("the call was never placed: call place() first")
        return self._media

    def now_s(self) -> float:
        """Return the time, in seconds since the answer."""
        return self._line.now_s()

    async def place(self, extension: str, ring_s: float = RING_S) -> None:
        """Call an extension and wait until it answers.

        Raises CallRejected (busy, unknown, wrong password: see its code), NoAnswer,
        PhoneUsageError; the sockets are then closed again.
        """
        self._extension = extension
        answered = False
        try:
            await self._place(extension, ring_s)
            answered = True
        finally:
            if not answered:
                self._answer.cancel()
                await self._free()

    async def _place(self, extension: str, ring_s: float) -> None:
        await self._sip.open()
        self._media = MediaLine(self._sip.host, self._on_sound)
        self._sip.command(ua.Invite(extension, self._sip.host, self._media.port))
        try:
            await asyncio.wait_for(asyncio.shield(self._answer), ring_s)
        except asyncio.TimeoutError as error:
            await self.hang_up()
            raise NoAnswer(f"extension {extension} did not answer in {ring_s:g} s") from error

    def _on_event(self, event: ua.Event) -> None:
        if isinstance(event, ua.Answered):
            self._line.connect(event.media)
            self._line.start()
            self._answer.set_result(None)
        elif isinstance(event, ua.MediaMoved):
            self._line.connect(event.media)
        elif isinstance(event, ua.Refused):
            self._over(by_far_side=True)
            if not self._answer.done():
                self._answer.set_exception(CallRejected(event.code, event.phrase))
        elif isinstance(event, ua.Ended):
            self._over(event.by_far_side)

    def _over(self, by_far_side: bool) -> None:
        if not self.over.is_set():
            self.ended_by_far_side = by_far_side
            self._ended_s = self._media.now_s() if self._media is not None else 0.0
            self.over.set()

    def _on_sound(self, pcm: bytes, at_s: float) -> None:
        if self.ear.hear(pcm, at_s):
            self._sounded.set()

    # Speaking...

    async def say(self, speech: PcmChunk, text: str) -> None:
        """Speak, and return when the last packet is sent. From here on an answer is awaited."""
        line, begin_s = self._line, self.now_s()
        interrupting = self.ear.sounding(begin_s)
        self._await_answer()
        line.mouth.say(speech)
        await line.sent_all()
        if interrupting:
            # What the far side still said while it was interrupted is no answer.
            self._await_answer()
        self._utterances.append(Utterance(text, "speech", begin_s, self.now_s()))

    async def press(self, keys: str) -> None:
        """Press keys one after the other."""
        line, begin_s = self._line, self.now_s()
        self._await_answer()
        for key in keys:
            line.mouth.press(key)
        await line.sent_all()
        self._utterances.append(Utterance(keys, "keys", begin_s, line.last_key_s))

    def _await_answer(self) -> None:
        self.ear.mark()
        self._sounded.clear()

    # Listening...

    async def began(self, limit_s: float) -> bool:
        """Wait until the far side has sounded since we last spoke; False after limit_s."""
        try:
            await asyncio.wait_for(self._sounded.wait(), limit_s)
        except asyncio.TimeoutError:
            return False
        return True

    async def settled(self, settle_s: float, limit_s: float) -> bool:
        """Wait until the far side has spoken and then kept silent for settle_s.

        False when that did not come about within limit_s.
        """
        until_s = self.now_s() + limit_s
        if not await self.began(limit_s):
            return False
        while (quiet_s := self.ear.settled_s(settle_s)) is not None and quiet_s > self.now_s():
            if quiet_s > until_s:
                await asyncio.sleep(until_s - self.now_s())
                return False
            await asyncio.sleep(quiet_s - self.now_s())
        return True

    # Ending...

    async def hang_up(self) -> None:
        """End the call with BYE (or CANCEL); no error when it is over already."""
        if self.over.is_set():
            return
        self._sip.command(ua.HangUp())
        try:
            await asyncio.wait_for(self.over.wait(), GOODBYE_S)
        except asyncio.TimeoutError:
            _log.warning("the server did not answer our BYE")
            self._over(by_far_side=False)

    async def _free(self) -> None:
        if self._media is not None:
            await self._media.close()
        self._sip.close()

    async def close(self) -> CallRecord:
        """Free the sockets and return what was recorded. Hangs up first if need be."""
        await self.hang_up()
        await self._free()
        return self.record()

    def record(self) -> CallRecord:
        """Return what was recorded so far; the tracks go on growing until `close()`."""
        line = self._line
        return CallRecord(
            call_id=self.call_id,
            extension=self._extension,
            zero_unix_s=line.zero_unix_s,
            seconds=self.now_s() if self._ended_s is None else self._ended_s,
            ended_by_far_side=self.ended_by_far_side,
            caller=line.sent,
            agent=line.received,
            utterances=tuple(self._utterances),
        )
