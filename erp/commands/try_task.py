"""`orderline erp try-task`: writes one task, as a call would, once it was said where and agreed to.

The task says itself that it is a trial. It is written twice with one key, to see that the system
has it once; to take it away again is for a person in the system.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

from erp.commands.ask import shown
from erp.commands.configured import Asked, Configured, port
from erp.commands.errors import CommandError
from erp.commands.latency import report
from erp.landscape import Landscape
from erp.model import Customer, NotFound
from erp.port import ErpPort
from erp.writes import CreateTask

TITLE = "Orderline: a trial, nothing to do"
TEXT = "Somebody tried whether tasks arrive here. Umlauts: ÄÖÜ ß. Not HTML: <b>&amp;</b>."


def where(settings: Configured) -> str:
    """Return the system that takes the task, and its profile. Raises CommandError."""
    connectors = Landscape(settings.erp, settings.systems).connectors()
    name = settings.erp.routes.get("create_task") or settings.erp.use or next(iter(connectors))
    declared = connectors[name].capabilities
    if "create_task" not in declared.operations:
        raise CommandError(
            f"{name} takes no tasks: {declared.profile} has no create_task; write one, or another "
            "system as erp.routes.create_task"
        )
    return f"{name} ({declared.profile}), {settings.systems[name].url}"


async def write(settings: Configured, account: str, phone: str) -> str:
    """Write the task; return what is to be told. Raises CommandError, or ErpError."""
    asked: Asked = []
    async with port(settings, asked) as erp:
        customer = await _customer(erp, account, settings) if account else None
        now = datetime.now(timezone.utc)
        task = CreateTask(str(uuid.uuid4()), TITLE, TEXT, now, customer, phone)
        receipt = await erp.create_task(task, settings.soon())
        again = await erp.create_task(task, settings.soon())
    if again.record != receipt.record or not again.existed:
        raise CommandError(
            f"the task was written as {receipt.record}, but is not found by its key: mend `find` "
            "of create_task in the profile"
        )
    return f"{shown(receipt)}\n\nWith the same key again: the same record.\n\n{report(asked)}"


async def _customer(erp: ErpPort, account: str, settings: Configured) -> Customer:
    found = await erp.customer_by_account(account, settings.soon())
    if isinstance(found, NotFound):
        raise CommandError(f"there is no account {account}")
    return found
