"""What is sent next, so that the events of each call keep their order. Pure.

A chain is some events of one call in their order, sent one after the other; chains of different
calls are sent side by side. A call of which an event waits to be sent again is blocked: what comes
later of it waits as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ami_bridge.publishers.port import Message

CHAIN_MAX = 20
"""Events that are sent before the first of them is noted down as sent."""

Chain = tuple[Message, ...]
"""Events of one call, in their order."""


@dataclass(frozen=True)
class Work:
    """What the store has for a publisher, each in the order of the outbox."""

    fresh: tuple[Message, ...] = ()
    """Not tried yet."""
    due: tuple[Message, ...] = ()
    """To be tried again now; nothing of their calls before them still waits for its time."""
    blocked: frozenset[str] = frozenset()
    """The calls of `fresh` of which something waits."""


@dataclass(frozen=True)
class Plan:
    """What is done with it."""

    chains: tuple[Chain, ...]
    held: tuple[Message, ...]
    """To be noted as waiting, behind what waits of their calls."""


def plan(work: Work, active: Collection[str]) -> Plan:
    """Sort the work. active: the calls whose events are just being sent; they are left alone."""
    again = _chains(one for one in work.due if one.session not in active)
    fresh = [one for one in work.fresh if one.session not in active]
    first = _chains(one for one in fresh if one.session not in work.blocked)
    held = tuple(one for one in fresh if one.session in work.blocked)
    return Plan((*again, *first), held)


def _chains(messages: Iterable[Message]) -> list[Chain]:
    by_session: dict[str, list[Message]] = {}
    for one in messages:
        by_session.setdefault(one.session, []).append(one)
    return [tuple(chain[:CHAIN_MAX]) for chain in by_session.values()]
