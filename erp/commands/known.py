"""The item and the customer that the section `check` names: for the checks and the commands."""

from __future__ import annotations

from erp.commands.errors import CommandError
from erp.deadline import Deadline
from erp.model import Customer, Item, NotFound
from erp.port import ErpPort


async def known_item(erp: ErpPort, number: str, deadline: Deadline) -> Item:
    """Return the item with check.item_number. Raises CommandError, and ErpError."""
    if not number:
        raise CommandError("check.item_number is not set: write the number of an item of yours")
    found = await erp.find_item(number, deadline)
    if isinstance(found, NotFound):
        raise CommandError(f"no item has check.item_number {number!r}: write one that exists")
    return found


async def known_customer(erp: ErpPort, phone: str, deadline: Deadline) -> Customer:
    """Return the first customer with check.phone. Raises CommandError, and ErpError."""
    if not phone:
        raise CommandError("check.phone is not set: write the telephone number of a customer")
    found = await erp.customers_by_phone(phone, deadline)
    if not found:
        raise CommandError("no customer has the number check.phone: write one that a customer has")
    return found[0]
