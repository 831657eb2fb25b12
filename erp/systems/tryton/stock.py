"""Tryton's locations and open stock moves as what enters and leaves each warehouse. Pure.

Tryton plans goods between locations: the bins, the input and the output of a warehouse lie below
it. What counts for a promise is the warehouse alone, and a move within one changes nothing.

Source: trytond 8.2, modules/stock/move.py (compute_quantities_query): open moves (draft, assigned)
count at their planned dates, an assigned one today.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

from erp.connectors.engine import RawRow
from erp.systems.tryton.rows import amount, day, number, text

ENDS = ("from_location", "to_location")


def warehouse_of(locations: Collection[RawRow]) -> dict[int, str | None]:
    """Return the warehouse's name of each location; None for a location outside of all."""
    parents = {
        number(location): number(location, "parent") if location.get("parent") else None
        for location in locations
    }
    names = {
        number(location): text(location, "name")
        for location in locations
        if text(location, "type") == "warehouse"
    }
    return {one: _above(one, parents, names) for one in parents}


def _above(
    location: int, parents: Mapping[int, int | None], names: Mapping[int, str]
) -> str | None:
    """Return the name of a warehouse: of the location itself, or of the nearest above it."""
    seen: set[int] = set()
    above: int | None = location
    while above is not None and above not in seen:
        if above in names:
            return names[above]
        seen.add(above)
        above = parents.get(above)
    return None


def ends(moves: Iterable[RawRow]) -> set[int]:
    """Return every location that a move names."""
    return {number(move, end) for move in moves for end in ENDS}


def movements(
    moves: Iterable[RawRow], warehouses: Mapping[int, str | None], today: date
) -> Iterator[RawRow]:
    """Turn open moves into what enters and leaves the warehouses.

    warehouses: see `warehouse_of`. Gives rows of `warehouse`, `on` (None: some day), `quantity`
    (below zero when it leaves), `receipt`.
    """
    for move in moves:
        source, target = (warehouses.get(number(move, end)) for end in ENDS)
        if source == target:
            continue
        assigned = text(move, "state") == "assigned"
        on = day(move, "effective_date") or (today if assigned else day(move, "planned_date"))
        quantity = amount(move, "internal_quantity")
        if source is not None:
            yield {"warehouse": source, "on": on, "quantity": -quantity, "receipt": False}
        if target is not None:
            receipt = source is None and not assigned
            yield {"warehouse": target, "on": on, "quantity": quantity, "receipt": receipt}
