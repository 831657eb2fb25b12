"""The section `callbacks` of the configuration, and what it refuses.

A wrong key is refused at the start and not when the first call-back is due. Nothing here is read
by Asterisk: the channel strings are checked so that only a number can be put into them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers

from erp.callbacks.hours import Hours
from erp.limits import demand_above_zero

NUMBER = "{number}"
"""Stands for the customer's number in `callbacks.customer`."""

CHANNEL_MAX_CHARS = 200

_CHANNEL = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9@_+./:-]+")
_CALLER_ID = re.compile(r"\+?[0-9]{0,20}")


@dataclass(frozen=True)
class CallbackSettings:
    """Call-backs: whether they are promised, who is rung for them, and when."""

    enabled: bool = False
    """true: callers are offered call-backs, and the bridge dials them. Then the bridge's AMI user
    needs the right `originate` in manager.conf."""
    human: str = "Local/callback@orderline-callback/n"
    """The channel of the human, who is rung first: a step of the dialplan, as in docs/callbacks."""
    customer: str = "PJSIP/{number}@trunk"
    """The channel of the customer, who is rung when the human has answered; `{number}` becomes
    the number, a plus sign and digits."""
    caller_id: str = ""
    """The number that the customer is shown; empty leaves it to the trunk."""
    human_ring_s: float = 45.0
    """Longest time until a human has taken the call, whisper included, seconds."""
    customer_ring_s: float = 30.0
    """Longest time that the customer's telephone rings, seconds."""
    attempts: int = 3
    """How often humans are tried for one call-back. The customer is never rung twice for it."""
    retry_s: float = 600.0
    """Pause before humans are tried again, seconds."""
    at_once: int = 2
    """Most call-backs that one bridge dials at the same time."""
    hours: str = "08:00-20:00"
    """Permitted hours, in the time zone of the customer's number; when it may be in several, the
    hours of all of them; when it is in none that is known, the company's zone."""
    soonest_s: float = 300.0
    """Least time from the promise to the call, seconds."""
    horizon_days: int = 14
    """A call-back that could not be permitted within so many days is not promised."""
    default_region: str = "US"
    """Country, two letters, of numbers that are written without a calling code."""
    allowed_regions: tuple[str, ...] = ()
    """Countries, two letters, whose numbers may be dialled; empty: `default_region` only. Premium
    and shared-cost numbers are refused everywhere."""
    look_s: float = 60.0
    """The bridge looks for due call-backs at least so often, seconds; a new one it hears of at
    once."""

    def __post_init__(self) -> None:
        demand_above_zero(
            self, "human_ring_s", "customer_ring_s", "attempts", "retry_s", "at_once", "look_s",
            "horizon_days",
        )
        _demand_channel("human", self.human)
        if self.customer.count(NUMBER) != 1:
            raise ValueError(f"customer is {self.customer!r}: write {NUMBER} in it, once")
        _demand_channel("customer", self.customer.replace(NUMBER, "0"))
        if not _CALLER_ID.fullmatch(self.caller_id):
            raise ValueError(f"caller_id is {self.caller_id!r}: write digits, with a + if you like")
        Hours.read(self.hours)
        for region in (self.default_region, *self.allowed_regions):
            if region not in phonenumbers.SUPPORTED_REGIONS:
                raise ValueError(f"{region!r} is no country: write two capital letters, as in US")

    @property
    def regions(self) -> frozenset[str]:
        """Countries whose numbers may be dialled."""
        return frozenset(self.allowed_regions or (self.default_region,))


def _demand_channel(key: str, channel: str) -> None:
    if len(channel) > CHANNEL_MAX_CHARS or not _CHANNEL.fullmatch(channel):
        raise ValueError(f"{key} is {channel!r}: write a channel, as in PJSIP/anna")
