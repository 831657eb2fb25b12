"""What may be written to a business system: one frozen value for each write, with its key.

Two values with one key are one write, whoever sends them and however often: it is looked up by its
key before it is sent, and again when nobody knows whether it arrived (`erp.gateway.writing`).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from erp.model import Customer, NotFound, WriteReceipt
from erp.queries import Query

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{7,63}")
"""A key is the id of a proposal, best a uuid: the system keeps it, and searches for it."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

TITLE_MAX = 100
"""Longest title, in characters: the shortest of the systems' fields has as many."""

TEXT_MAX = 2000
"""Longest text, in characters: what somebody reads before calling back."""

PHONE_MAX = 40


def as_title(text: str) -> str:
    """Return what a caller or a system said as one line that a title may be; never empty."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split())[:TITLE_MAX] or "-"


def as_text(text: str) -> str:
    """Return what a caller or a system said without control characters, cut to TEXT_MAX."""
    return _CONTROL.sub("", text)[:TEXT_MAX]


@dataclass(frozen=True)
class Write(Query[WriteReceipt], ABC):
    """A change of a system. Its receipt is the only proof that it was made."""

    writes: ClassVar[bool] = True

    key: str
    """Idempotency key: the id of the proposal that the caller said yes to."""

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.key):
            raise ValueError("key: write 8 to 64 letters, digits and dashes; a uuid is one")

    @abstractmethod
    def look_up(self) -> Query[WriteReceipt | NotFound]:
        """Return the question whether it is there already."""


@dataclass(frozen=True)
class TaskByKey(Query[WriteReceipt | NotFound]):
    """The task that was written with this key."""

    operation: ClassVar[str] = "create_task"
    key: str


@dataclass(frozen=True)
class CreateTask(Write):
    """A task for a human: somebody must do something for a caller by a time."""

    operation: ClassVar[str] = "create_task"

    title: str = field(repr=False)
    """One line."""
    text: str = field(repr=False)
    """Plain text of any number of lines; every character stays as it is."""
    due: datetime
    """By when; aware. Systems that know days only get the company's own day of it."""
    customer: Customer | None = field(default=None, repr=False)
    """None when it is not known who called."""
    phone: str = field(default="", repr=False)
    """The number to call, E.164; empty when there is none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.due.tzinfo is None:
            raise ValueError("due has no time zone: give an aware time")
        for name, most in (("title", TITLE_MAX), ("text", TEXT_MAX), ("phone", PHONE_MAX)):
            if len(getattr(self, name)) > most:
                raise ValueError(f"{name} is longer than {most} characters")
        # A NUL, for one, no PostgreSQL keeps.
        for name in ("text", "phone"):
            if _CONTROL.search(getattr(self, name)):
                raise ValueError(f"{name} has control characters: take them out")
        if not self.title.strip() or not self.title.isprintable():
            raise ValueError("title: write one line that is not empty")

    def look_up(self) -> Query[WriteReceipt | NotFound]:
        """Return the question for the task with its key."""
        return TaskByKey(self.key)
