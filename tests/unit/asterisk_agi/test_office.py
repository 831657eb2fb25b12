"""The desk joins who is there with the opening hours."""

from __future__ import annotations

from datetime import datetime, timezone

from ami_bridge.queues import HumansState
from asterisk_agi.dialogue.desk import DeskState
from asterisk_agi.office import Office
from erp.deadline import Deadline
from erp.opening import Opening, OpeningSettings

HOURS = Opening(OpeningSettings(zone="Europe/Berlin", monday=("09:00-17:00",)))
MONDAY_NOON = datetime(2026, 11, 23, 11, tzinfo=timezone.utc)
SATURDAY = datetime(2026, 11, 21, 11, tzinfo=timezone.utc)


class FakeHumans:
    def __init__(self, state: HumansState) -> None:
        self.state = state
        self.asked = 0

    async def look(self, deadline: Deadline) -> HumansState:
        self.asked += 1
        return self.state


async def look(state: HumansState, now: datetime, voicemail: bool = True) -> DeskState:
    humans = FakeHumans(state)
    told = await Office(humans, HOURS, voicemail, lambda: now).look(Deadline(0.0))
    assert humans.asked == (1 if told.open else 0)
    return told


async def test_an_open_office_tells_what_the_queue_says() -> None:
    told = await look(HumansState(True, 3, 1, 1, 2, 4, 90.0), MONDAY_NOON)
    assert (told.known, told.open, told.staffed, told.free) == (True, True, 3, 2)
    assert (told.waiting, told.wait_s, told.voicemail) == (4, 90.0, True)
    assert told.now == MONDAY_NOON and str(told.now.tzinfo) == "Europe/Berlin"
    assert told.hold


async def test_a_closed_office_tells_when_it_opens() -> None:
    told = await look(HumansState(True, 3, 0, 0, 3), SATURDAY)
    assert (told.known, told.open, told.free, told.hold) == (True, False, 0, False)
    assert told.opens_at == datetime(2026, 11, 23, 8, tzinfo=timezone.utc)


async def test_an_open_office_that_cannot_be_asked_is_not_known() -> None:
    assert not (await look(HumansState(), MONDAY_NOON)).known


async def test_voice_mail_is_there_by_configuration_only() -> None:
    assert not (await look(HumansState(), SATURDAY, voicemail=False)).voicemail
