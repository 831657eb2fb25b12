"""Looks the caller up by number while the leg comes up, and lets nobody wait for it.

The greeting is said within the wait that is configured: by name when the look-up is done by
then, without one when it is late, and honestly when the system is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from asterisk_agi.dialogue.events import CallAnswered, CustomersFound, LookupOutcome
from asterisk_agi.inquiry import Inquiry
from asterisk_agi.tasks import Tasks
from erp.deadline import Deadline
from erp.errors import ErpError
from erp.model import Customer

Found = tuple[Customer, ...] | None
"""Who has the number; None when the system could not be asked."""


class Greeting:
    """The first event of a conversation, and the late one that may follow."""

    def __init__(
        self, inquiry: Inquiry, tasks: Tasks, tell: Callable[[CallAnswered | CustomersFound], None]
    ) -> None:
        self._inquiry = inquiry
        self._tasks = tasks
        self._tell = tell

    async def run(self, number: str, deadline: Deadline, wait_s: float) -> None:
        """Tell that the call was answered, wait_s (seconds) from now at the latest."""
        looking = self._tasks.start(self._look_up(number, deadline), "look up the caller")
        await asyncio.wait((looking,), timeout=wait_s)
        if not looking.done():
            looking.add_done_callback(self._late)
            self._tell(CallAnswered(LookupOutcome.LATE))
            return
        found = looking.result()
        outcome = LookupOutcome.FAILED if found is None else LookupOutcome.DONE
        self._tell(CallAnswered(outcome, found or ()))

    def _late(self, looking: asyncio.Task[Found]) -> None:
        if not looking.cancelled() and looking.exception() is None:
            found = looking.result()
            if found:
                self._tell(CustomersFound(found))

    async def _look_up(self, number: str, deadline: Deadline) -> Found:
        try:
            return await self._inquiry.customers(number, deadline)
        except ErpError:
            return None  # The inquiry told log and story; the greeting tells the caller.
