"""What a conversation tells the event stream, and what it says to a caller who isn't recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from asterisk_agi import conversation as module
from asterisk_agi.call_events import CallEvents
from asterisk_agi.dialogue.desk import DeskState
from asterisk_agi.dialogue.events import Intent
from asterisk_agi.front_desk import FrontDesk, HumanSide
from dialplan.reasons import Reason
from erp.deadline import Deadline
from erp.events.model import Identified, Query, Turn
from tests.unit.asterisk_agi.test_call_events import Sink
from tests.unit.asterisk_agi.test_conversation import PROFILE, Rig
from tests.unit.asterisk_agi.test_front_desk import SEEN


async def ended(rig: Rig) -> None:
    rig.running.cancel()
    await asyncio.gather(rig.running, return_exceptions=True)
    await rig.conversation.close()
    rig.story.close()


async def test_a_turn_is_told_with_its_query_and_who_is_calling(tmp_path: Path) -> None:
    rig, sink = Rig(tmp_path), Sink()
    rig.story.events = CallEvents(sink, "s")
    await rig.greeted()
    rig.ear.hear(Intent.AVAILABILITY, "is item 4521 in stock", item="4521")
    await rig.said("10 pieces are available")
    assert Identified in [type(event) for event in sink.events]
    asked = [event for event in sink.events if isinstance(event, Query) and event.turn == 1]
    assert [event.operation for event in asked] == ["find_item", "availability"]
    (turn,) = [event for event in sink.events if isinstance(event, Turn)]
    assert (turn.number, turn.intent) == (1, Intent.AVAILABILITY.value)
    assert "erp_ms" in turn.hops
    await ended(rig)


async def test_a_refusal_is_answered_and_what_it_broke_off_is_said(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.greeted()
    rig.speaker.holds = True
    rig.ear.hear(Intent.AVAILABILITY)
    await asyncio.sleep(0.01)
    rig.conversation.mouth.stop()
    rig.speaker.holds = False
    for playback in rig.speaker.playbacks:
        playback.finish(0.0, whole=False)
    rig.conversation.not_recorded()
    await rig.said("All right, this call is not recorded.")
    assert rig.voice.made.count("All right, this call is not recorded.") == 1
    await ended(rig)


class SlowDesk:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked, self.answers = asyncio.Event(), asyncio.Event()

    async def look(self, deadline: Deadline) -> DeskState:
        self.asked.set()
        await self.answers.wait()
        return SEEN


async def test_a_call_whose_time_is_up_while_the_desk_is_asked_ends_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be passed over, and never come again."""
    monkeypatch.setattr(module, "ONCE_MORE_S", 0.05)
    desk = SlowDesk()
    side = FrontDesk(HumanSide(desk, 2.0), "s", "+12125550101", lambda _: None)
    rig = Rig(tmp_path, PROFILE, side, longest_call_s=0.5)
    await rig.greeted()
    rig.ear.hear(Intent.HUMAN)
    await asyncio.wait_for(desk.asked.wait(), 2)
    await asyncio.sleep(0.6)
    desk.answers.set()
    assert (await rig.outcome()).reason is Reason.LONGEST_CALL
    await ended(rig)
