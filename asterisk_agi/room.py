"""Counts the calls that need this process: how many are taken, and when the last one has left.

A call leaves the room when it ends, or when a human has the caller and the channel says so: from
then on Asterisk needs nothing of us, so it takes nobody's place and holds up no drain.
"""

from __future__ import annotations

import asyncio


class Room:
    """The calls that are in a process."""

    def __init__(self) -> None:
        self._places: set[Place] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def calls(self) -> int:
        """Calls that need us."""
        return len(self._places)

    def enter(self) -> Place:
        """Take a place for a call; `leave` it at its end."""
        place = Place(self)
        self._places.add(place)
        self._empty.clear()
        return place

    async def emptied(self) -> None:
        """Return when no call needs us."""
        await self._empty.wait()

    def give_back(self, place: Place) -> None:
        """Take a place back. One that was given back already changes nothing."""
        self._places.discard(place)
        if not self._places:
            self._empty.set()


class Place:
    """One call's place in the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.with_human = False
        """True when a human has the caller, whatever becomes of us."""

    def to_human(self) -> None:
        """Leave because a human has the caller."""
        self.with_human = True
        self.leave()

    def leave(self) -> None:
        """Give the place back. May be called twice."""
        self._room.give_back(self)
