"""Tells the events of one call: knows the call's ids, and what each event needs.

The rest of a call says what happened, in its own words; here it becomes an event. Nothing is
told twice, and nothing here can fail a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from asterisk_agi.dialogue.events import Meaning
from asterisk_agi.handoff import Outcome
from dialplan.masking import masked_number
from dialplan.reasons import Reason, disposition
from dialplan.variables import Result
from erp.events.model import (
    CallEvent,
    CallIds,
    Ended,
    Escalated,
    Identified,
    Sink,
    Started,
    Turn,
)
from erp.model import Customer

NUMBER_MATCHED = 1
"""Assurance of a caller whose number exactly one contact has (`erp.operations`)."""


class Nobody:
    """A sink for a process without an event stream."""

    def tell(self, ids: CallIds, event: CallEvent) -> None:
        """Forget it."""


@dataclass(frozen=True)
class _Heard:
    number: int
    meaning: Meaning


class CallEvents:
    """The events of one call.

    session: ORDERLINE_SESSION. link: pattern of the address of a record, with `{account}` in it;
    empty: none.
    """

    def __init__(self, sink: Sink, session: str, link: str = "") -> None:
        self._sink = sink
        self._ids = CallIds(session)
        self._pattern = link
        self._link = ""
        self._heard: _Heard | None = None
        self._turns = 0
        self._escalated: Reason | None = None

    @property
    def ids(self) -> CallIds:
        """What the call is known by, as far as it is known by now."""
        return self._ids

    def tell(self, event: CallEvent) -> None:
        """Tell an event that is complete as it is."""
        self._sink.tell(self._ids, event)

    def known_as(self, **ids: str) -> None:
        """Take other ids of the call, fields of `CallIds`; each event from now on carries them."""
        self._ids = replace(self._ids, **ids)

    def started(self, caller: str, extension: str) -> None:
        """Tell that the call was taken. caller: the whole number."""
        self.tell(Started(masked_number(caller), extension))

    def identified(self, customers: tuple[Customer, ...]) -> None:
        """Tell who has the caller's number."""
        if len(customers) != 1:
            self.tell(Identified("", matches=len(customers)))
            return
        customer = customers[0]
        if self._pattern:
            self._link = self._pattern.replace("{account}", quote(customer.account, safe=""))
        self.tell(
            Identified(
                account=customer.account,
                name=customer.name,
                contact=customer.contact,
                assurance=NUMBER_MATCHED,
                matches=1,
                link=self._link,
            )
        )

    def heard(self, number: int, meaning: Meaning) -> None:
        """Take a turn of the caller; it is told when it is answered, or when it never will be."""
        self._turn_over({})
        self._turns = number
        self._heard = _Heard(number, meaning)

    def answered(self, number: int, hops: Mapping[str, float]) -> None:
        """Tell a turn that was answered. hops: milliseconds of each."""
        if self._heard is not None and self._heard.number == number:
            self._turn_over(hops)

    def escalated(self, outcome: Outcome, way: str = "label") -> None:
        """Tell that the caller goes to a human, unless that was told already."""
        if outcome.result is Result.COMPLETED or self._escalated is outcome.reason:
            return
        self._turn_over({})
        self._escalated = outcome.reason
        if outcome.result is Result.VOICEMAIL:
            way = "voicemail"
        self.tell(Escalated(outcome.reason.value, outcome.summary, self._link, way))

    def came_back(self) -> None:
        """Take that no human had the caller: the next escalation is a new one."""
        self._escalated = None

    def ended(self, outcome: Outcome, lasted_s: float) -> None:
        """Tell how the call ended."""
        self._turn_over({})
        reason = outcome.reason
        self.tell(
            Ended(
                outcome.result.value,
                reason.value,
                disposition(reason),
                round(lasted_s, 3),
                self._turns,
            )
        )

    def _turn_over(self, hops: Mapping[str, float]) -> None:
        heard, self._heard = self._heard, None
        if heard is None:
            return
        meaning = heard.meaning
        confidence = round(meaning.confidence, 3)
        self.tell(Turn(heard.number, meaning.intent.value, confidence, dict(hops), meaning.text))
