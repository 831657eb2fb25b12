"""What can go wrong with the store."""

from __future__ import annotations

from typing import ClassVar

from dialplan.reasons import Reason


class StoreError(Exception):
    """The store cannot be reached, or refused; nothing of the transaction was kept."""

    reason: ClassVar[Reason] = Reason.INTERNAL_ERROR
