"""A conversation asks the humans, reads a call-back back, books it, and goes on after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_agi.conversation import Conversation
from asterisk_agi.dialogue.desk import TransferFailure
from asterisk_agi.dialogue.events import Intent, TransferFailed
from asterisk_agi.dialogue.state import StateName
from dialplan.reasons import Reason
from erp.callbacks import CallbackError
from tests.unit.asterisk_agi.test_conversation import PROFILE, Rig
from tests.unit.asterisk_agi.test_front_desk import SEEN, FakeCallbacks, FakeDesk, Site

Make = Callable[..., Rig]
READ_BACK = "We'll call you today after two thirty p.m. at 2 1 2, 5 5 5, 0 1 0 1."


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Rig] = []

    def rig(site: Site) -> Rig:
        made.append(Rig(tmp_path, PROFILE, site.desk))
        return made[-1]

    yield rig
    for each in made:
        each.running.cancel()
        await asyncio.gather(each.running, return_exceptions=True)
        await each.conversation.close()
        each.story.close()


async def test_a_caller_is_put_through_when_somebody_is_free(make: Make) -> None:
    rig = make(Site(FakeDesk(replace(SEEN, free=2))))
    await rig.greeted()
    rig.ear.hear(Intent.HUMAN)
    outcome = await rig.outcome()
    assert (outcome.reason, outcome.by_label) == (Reason.CALLER_ASKED, False)
    assert rig.has_said("Two colleagues are free.")


async def test_a_desk_that_is_slow_keeps_nobody_waiting(make: Make) -> None:
    rig = make(Site(FakeDesk(takes_s=5.0)))
    await rig.greeted()
    begin_s = asyncio.get_running_loop().time()
    rig.ear.hear(Intent.HUMAN)
    await rig.said("I'll put you through to a colleague now.")
    assert asyncio.get_running_loop().time() - begin_s < 3


async def test_a_zero_while_we_say_goodbye_asks_the_desk(make: Make) -> None:
    rig = make(Site(FakeDesk(replace(SEEN, free=2))))
    await rig.greeted()
    rig.speaker.holds = True
    rig.ear.hear(Intent.GOODBYE)
    await asyncio.sleep(0.01)
    rig.conversation.key_pressed("0")
    while not rig.has_said("Two colleagues are free."):
        await asyncio.sleep(0)
        for playback in rig.speaker.playbacks:
            playback.finish(playback.total_s, whole=True)
    rig.speaker.holds = False
    for playback in rig.speaker.playbacks:
        playback.finish(playback.total_s, whole=True)
    assert (await rig.outcome()).reason is Reason.KEY_ZERO


async def test_a_call_back_is_read_back_and_booked(make: Make) -> None:
    site = Site()
    rig = make(site)
    await rig.greeted()
    rig.ear.hear(Intent.HUMAN)
    await rig.said("Shall a colleague call you back")
    rig.ear.hear(Intent.CALL_BACK)
    await rig.said(READ_BACK)
    await rig.said("Is that right?")
    assert not site.callbacks.booked
    rig.ear.hear(Intent.YES)
    outcome = await rig.outcome()
    assert outcome.reason is Reason.CALLBACK_AGREED
    assert "Call-back agreed" in outcome.summary
    (request,) = site.callbacks.booked
    assert request.number == "+12125550101"
    assert [type(event).__name__ for event in site.told] == ["Proposal", "Committed"]


async def test_a_yes_over_the_proposal_hears_it_again_and_books_nothing(make: Make) -> None:
    site = Site()
    rig = make(site)
    await rig.greeted()
    rig.ear.hear(Intent.HUMAN)
    await rig.said("Shall a colleague call you back")
    rig.speaker.holds = True
    rig.ear.hear(Intent.CALL_BACK)
    while not rig.has_said(READ_BACK):
        await asyncio.sleep(0)
    rig.speaker.holds = False
    rig.ear.hear(Intent.YES)
    while rig.voice.made.count(READ_BACK) < 2:
        await asyncio.sleep(0)
    assert rig.conversation.state.name is StateName.CONFIRMING_CALLBACK
    assert not site.callbacks.booked


async def test_a_call_back_that_is_not_kept_is_not_told_as_done(make: Make) -> None:
    rig = make(Site(callbacks=FakeCallbacks(CallbackError("down"))))
    await rig.greeted()
    rig.ear.hear(Intent.HUMAN)
    await rig.said("Shall a colleague call you back")
    rig.ear.hear(Intent.CALL_BACK)
    await rig.said("Is that right?")
    rig.ear.hear(Intent.YES)
    assert (await rig.outcome()).reason is Reason.CALLER_ASKED
    assert rig.has_said("I couldn't note the call-back.") and not rig.has_said("Done.")


async def test_a_new_conversation_goes_on_where_a_transfer_came_back(make: Make) -> None:
    rig = make(Site(FakeDesk(replace(SEEN, free=1))))
    await rig.greeted()
    rig.ear.hear(Intent.HUMAN)
    await rig.outcome()
    before = rig.conversation
    again = Conversation(rig.settings, before.state, before._with, before.turns)
    again.happened(TransferFailed(TransferFailure.DECLINED))
    running = asyncio.ensure_future(again.run())
    try:
        await asyncio.wait_for(_until(lambda: rig.has_said("Shall a colleague call you back")), 2)
        assert rig.has_said("my colleague can't take the call right now.")
        assert again.turns == 1
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await again.close()


async def _until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0)
