"""One call's AGI session, as the call uses it: commands with deadlines, and the hangup.

It joins the pure core (`asterisk_agi.protocol`) with a way to write bytes. It owns no socket and
no task: `asterisk_agi.server` feeds it with what the core read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from asterisk_agi.errors import (
    AgiError,
    AgiRefused,
    AgiTimeout,
    AgiUsageError,
    CallerHungUp,
    CallError,
)
from asterisk_agi.protocol import Command, Prelude, Reply, Session, State
from asterisk_agi.protocol.reply import DEAD_CHANNEL, SUCCESS

_log = logging.getLogger(__name__)

FAILED = "-1"
"""Result of a command that failed; nearly always because the channel is gone."""

NO_APPLICATION = "-2"
"""Result of EXEC when Asterisk has no such application."""


class AgiSession:
    """Commands to Asterisk about one call. One at a time; a second one is our bug."""

    def __init__(
        self, core: Session, prelude: Prelude, write: Callable[[bytes], None], command_s: float
    ) -> None:
        self.prelude = prelude
        self._core = core
        self._write = write
        self._command_s = command_s
        self._waiter: asyncio.Future[Reply] | None = None
        self._hangup_ends_waiting = False
        self._late_reply: asyncio.Future[None] | None = None
        self._fault = ""
        self._hung_up = asyncio.Event()

    @property
    def id(self) -> str:
        """Uniqueid of the caller's channel: the session's name in logs."""
        return self.prelude.uniqueid

    @property
    def hung_up(self) -> bool:
        """True once the caller's channel is known to be gone."""
        return self._hung_up.is_set()

    async def wait_hung_up(self) -> None:
        """Return when the caller's channel is gone, at once when it already is."""
        await self._hung_up.wait()

    # What the call asks...

    async def command(self, verb: str, *args: str, timeout_s: float | None = None) -> Reply:
        """Send one command and return Asterisk's reply.

        verb: capital letters, as `SET VARIABLE`. args: unquoted. timeout_s: seconds, the
        configured command_s when None. A cancelled or late command poisons the session: end
        the call then.
        Raises CallerHungUp when the channel is gone, AgiTimeout without a reply in time,
        AgiRefused for codes 510 and 520, AgiUsageError when it cannot be sent (our bug),
        AgiPeerError when the peer broke the protocol.
        """
        deadline_s = self._command_s if timeout_s is None else timeout_s
        return self._accepted(verb, await self._round_trip(Command(verb, args), deadline_s))

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable; also possible after the hangup, until Asterisk closes.

        Raises as `command` does.
        """
        await self.command("SET VARIABLE", name, value)

    async def get_full_variable(self, expression: str) -> str | None:
        """Return what a dialplan expression (`${NAME}`, `${FUNCTION(x)}`) gives.

        None when that is nothing: Asterisk does not tell unset from empty here (measured on 22).
        Raises as `command` does.
        """
        reply = await self.command("GET FULL VARIABLE", expression)
        return reply.data or None

    async def answer(self) -> None:
        """Answer the channel; nothing happens when it is answered. Raises as `command` does."""
        await self._refuse_dead(await self.command("ANSWER"))

    async def exec(self, app: str, args: str, timeout_s: float | None = None) -> Reply:
        """Run a dialplan application and return its reply when it ends.

        args: as in extensions.conf, commas between. timeout_s: seconds; no deadline when None
        (Dial lasts as long as the call).
        Raises CallerHungUp as soon as the channel is known to be gone, AgiRefused when there
        is no such application, and as `command` does.
        """
        if self.hung_up:
            raise CallerHungUp("the channel is gone")
        command = Command("EXEC", (app, args))
        self._hangup_ends_waiting = True
        try:
            reply = self._accepted("EXEC", await self._round_trip(command, timeout_s))
        finally:
            self._hangup_ends_waiting = False
        if reply.result == NO_APPLICATION:
            raise AgiRefused(f"EXEC: Asterisk has no application {app}")
        await self._refuse_dead(reply)
        return reply

    async def _refuse_dead(self, reply: Reply) -> None:
        """Raise CallerHungUp when a result of -1 means that the channel is gone.

        Asterisk writes HANGUP only after the reply, before it reads the next command: so one
        more command tells. CHANNEL STATUS is refused on a dead channel, HANGUP line or not
        (AGISIGHUP=no).
        """
        if reply.result == FAILED:
            await self.command("CHANNEL STATUS")
        if self.hung_up:
            raise CallerHungUp("the channel is gone")

    def _accepted(self, verb: str, reply: Reply) -> Reply:
        if reply.code == DEAD_CHANNEL:
            self._hung_up.set()
            raise CallerHungUp(f"{verb}: the channel is gone")
        if reply.code != SUCCESS:
            raise AgiRefused(f"{verb}: {reply.code} {reply.text}")
        return reply

    async def _round_trip(self, command: Command, deadline_s: float | None) -> Reply:
        await self._settle_late_reply(deadline_s)
        self._refuse_when_over(command)
        if self._waiter is not None:
            raise AgiUsageError(f"{command.verb}: another command is in flight")
        data = self._core.send(command)
        self._waiter = asyncio.get_running_loop().create_future()
        self._write(data)
        _log.debug("%s > %s", self.id, command.verb)
        return await self._reply_to(command, self._waiter, deadline_s)

    async def _reply_to(
        self, command: Command, waiter: asyncio.Future[Reply], deadline_s: float | None
    ) -> Reply:
        # Not asyncio.wait_for: before Python 3.12 it swallows a cancellation that comes together
        # with the reply, and a handler that is being stopped would go on.
        late = AgiTimeout(f"{command.verb}: no reply within {deadline_s} s")
        timer: asyncio.TimerHandle | None = None
        if deadline_s is not None:
            timer = asyncio.get_running_loop().call_later(deadline_s, self._fail_waiter, late)
        try:
            reply = await waiter
            # Here, not where it is read: this is the call's own task, so the line has its session.
            _log.debug("%s < %s", self.id, reply.code)
            return reply
        finally:
            if timer is not None:
                timer.cancel()
            self._waiter = None
            if waiter.done() and not waiter.cancelled():
                waiter.exception()
            if self._core.owes_reply and self._late_reply is None:
                self._abandon(command)

    async def _settle_late_reply(self, deadline_s: float | None) -> None:
        """Wait for the reply that a hangup made us leave; only then may a command go out."""
        if self._late_reply is None:
            return
        await asyncio.wait([self._late_reply], timeout=deadline_s)
        if self._late_reply is not None:
            raise AgiTimeout("no reply to the command that the hangup broke off")

    def _refuse_when_over(self, command: Command) -> None:
        if self._fault:
            raise AgiError(f"{command.verb}: the session is poisoned: {self._fault}")
        if self._core.state is State.CLOSED:
            raise CallerHungUp(f"{command.verb}: Asterisk has closed the session")
        if self._core.channel_dead and not command.dead_safe:
            raise CallerHungUp(f"{command.verb}: the channel is gone")

    def _abandon(self, command: Command) -> None:
        self._fault = f"the reply to {command.verb} was not awaited"
        self._core.abandon()

    # What the server reports...

    def reply_read(self, reply: Reply) -> None:
        """Take the reply to the command in flight."""
        if self._late_reply is not None:
            self._late_reply.set_result(None)
            self._late_reply = None
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(reply)

    def hangup_read(self) -> None:
        """Note that the channel is dead; a long command is not waited for any longer."""
        self._hung_up.set()
        if self._hangup_ends_waiting and self._fail_waiter(CallerHungUp("the channel is gone")):
            self._late_reply = asyncio.get_running_loop().create_future()

    def peer_closed(self) -> None:
        """Note that Asterisk has closed the connection."""
        self._hung_up.set()
        self._drop(CallerHungUp("Asterisk has closed the session"))

    def peer_failed(self, error: CallError) -> None:
        """Note that the peer broke the protocol: nothing more can be asked."""
        self._fault = str(error)
        self._drop(error)

    def _drop(self, error: CallError) -> None:
        self._fail_waiter(error)
        if self._late_reply is not None:
            self._late_reply.set_result(None)
            self._late_reply = None

    def _fail_waiter(self, error: CallError) -> bool:
        if self._waiter is None or self._waiter.done():
            return False
        self._waiter.set_exception(error)
        return True
