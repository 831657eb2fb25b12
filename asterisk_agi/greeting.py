"""Looks the caller up by number while the leg comes up, and lets nobody wait for it.

The greeting is said within the wait that is configured: by name when the look-up is done by
then, without one when it is late, and honestly when the system is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from asterisk_agi.dialogue.events import (
    CallAnswered,
    CustomersFound,
    LookupFailed,
    LookupOutcome,
)
from asterisk_agi.inquiry import Inquiry
from asterisk_agi.tasks import Tasks
from dialplan.reasons import Reason
from erp.deadline import Deadline
from erp.errors import ErpError
from erp.model import Customer

Found = tuple[Customer, ...] | Reason
"""Who has the number, or why the system could not be asked."""

Told = CallAnswered | CustomersFound | LookupFailed


class Greeting:
    """The first event of a conversation, and the late one that may follow."""

    def __init__(
        self, inquiry: Inquiry, tasks: Tasks, tell: Callable[[Told], None]
    ) -> None:
        self._inquiry = inquiry
        self._tasks = tasks
        self._tell = tell
        self._looking: asyncio.Task[Found] | None = None

    def look_up(self, number: str, deadline: Deadline) -> None:
        """Begin to look the caller up by this number (empty: withheld)."""
        self._looking = self._tasks.start(self._look_up(number, deadline), "look up the caller")

    async def run(self, wait_s: float) -> None:
        """Tell that the call was answered, wait_s (seconds) from now at the latest."""
        looking = self._looking
        if looking is None:
            raise RuntimeError("look_up() comes before run(): our bug")
        await asyncio.wait((looking,), timeout=wait_s)
        if not looking.done():
            looking.add_done_callback(self._late)
            self._tell(CallAnswered(LookupOutcome.LATE))
            return
        found = looking.result()
        if isinstance(found, Reason):
            self._tell(CallAnswered(LookupOutcome.FAILED, reason=found))
        else:
            self._tell(CallAnswered(LookupOutcome.DONE, found))

    def _late(self, looking: asyncio.Task[Found]) -> None:
        if looking.cancelled() or looking.exception() is not None:
            return
        found = looking.result()
        self._tell(
            LookupFailed(found) if isinstance(found, Reason) else CustomersFound(found)
        )

    async def _look_up(self, number: str, deadline: Deadline) -> Found:
        try:
            return await self._inquiry.customers(number, deadline)
        except ErpError as error:
            return error.reason  # The inquiry told log and story; the dialogue tells the caller.
