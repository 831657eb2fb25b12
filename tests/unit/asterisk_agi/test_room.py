"""Who counts as a call in progress."""

from __future__ import annotations

import asyncio

from asterisk_agi.room import Room


async def test_a_room_is_empty_when_each_call_has_left_by_its_end_or_to_a_human() -> None:
    room = Room()
    await asyncio.wait_for(room.emptied(), 1)
    first, second = room.enter(), room.enter()
    assert room.calls == 2
    second.to_human()
    second.leave()
    assert (room.calls, second.with_human, first.with_human) == (1, True, False)
    emptied = asyncio.ensure_future(room.emptied())
    await asyncio.sleep(0)
    assert not emptied.done()
    first.leave()
    await asyncio.wait_for(emptied, 1)
    assert room.calls == 0
