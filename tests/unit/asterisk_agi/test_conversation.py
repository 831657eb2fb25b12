"""A conversation: events in order to the dialogue, its effects done, every failure an end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from asterisk_agi.audio import PcmChunk
from asterisk_agi.conversation import CallSettings, Conversation, Instruments
from asterisk_agi.dialogue.effects import Listening
from asterisk_agi.dialogue.events import Intent, Meaning
from asterisk_agi.dialogue.machine import DialogueSettings, start
from asterisk_agi.dialogue.state import People
from asterisk_agi.dialogue.understanding import Understander
from asterisk_agi.ear import Ear, EarHooks, HeardTurn
from asterisk_agi.errors import CallerHungUp, SpeechError
from asterisk_agi.front_desk import FrontDesk, nobody
from asterisk_agi.greeting import Greeting
from asterisk_agi.handoff import Outcome
from asterisk_agi.inquiry import Inquiry
from asterisk_agi.mouth import Mouth, Spoken
from asterisk_agi.speech.port import Transcript, Word
from asterisk_agi.story import Story
from asterisk_agi.tasks import Tasks
from dialplan.reasons import Reason
from erp.deadline import Deadline
from erp.errors import BackendDown
from tests.unit.asterisk_agi.test_inquiry import NOW, FakeErp, an_order
from tests.unit.asterisk_agi.test_mouth import FakePlayback, FakeSpeaker, FakeVoice

TODAY = date(2026, 11, 21)
PROFILE = DialogueSettings(company="Acme")


class QuickSpeaker(FakeSpeaker):
    """Plays everything in no time, unless it is told to hold."""

    def __init__(self) -> None:
        super().__init__()
        self.holds = False

    def play(self, chunk: PcmChunk) -> FakePlayback:
        playback = super().play(chunk)
        playback.start()
        if not self.holds:
            playback.finish(playback.total_s, whole=True)
        return playback


class FakeEar(Ear):
    """An ear that hears what the test says."""

    def __init__(self, hooks: EarHooks) -> None:
        self.hooks = hooks
        self.listening: list[Listening] = []
        self.speaks = False

    @property
    def in_turn(self) -> bool:
        return self.speaks

    def listen_for(self, listening: Listening) -> None:
        self.listening.append(listening)

    def close(self) -> None:
        self.speaks = False

    def hear(self, intent: Intent, text: str = "words", item: str | None = None) -> None:
        now_s = asyncio.get_running_loop().time()
        transcript = Transcript(text, (Word(text, 0.0, 0.1, 1.0),), final=True)
        meaning = Meaning(intent, text, item_number=item, complete=True)
        self.hooks.on_turn(HeardTurn(meaning, transcript, now_s, now_s, 0.0, 0.0))


class Rig:
    def __init__(
        self,
        folder: Path,
        profile: DialogueSettings = PROFILE,
        front_desk: FrontDesk | None = None,
        **settings: float,
    ) -> None:
        self.folder = folder
        self.story = Story(folder, "s")
        self.erp = FakeErp()
        self.voice = FakeVoice()
        self.speaker = QuickSpeaker()
        self.settings = CallSettings(**settings)  # type: ignore[arg-type]
        instruments = Instruments(
            mouth=self._mouth,
            ear=self._ear,
            inquiry=Inquiry(self.erp, self.story, lambda: TODAY, lambda: NOW),
            understander=Understander(profile),
            today=lambda: TODAY,
            story=self.story,
            front_desk=front_desk or nobody(),
        )
        people = People(asked=front_desk is not None, number="+12125550101")
        self.conversation = Conversation(self.settings, start(profile, people), instruments)
        tasks, tell = self.conversation.tasks, self.conversation.happened
        greeting = Greeting(instruments.inquiry, tasks, tell)
        greeting.look_up("1", Deadline.after(asyncio.get_running_loop().time(), 2.0))
        tasks.start(greeting.run(0.3), "greet")
        self.running: asyncio.Task[Outcome] = asyncio.get_running_loop().create_task(
            self.conversation.run()
        )

    def _mouth(self, spoken: Callable[[Spoken], None], silent: Callable[[], None]) -> Mouth:
        return Mouth(self.speaker, self.voice, spoken, silent)

    def _ear(self, hooks: EarHooks, tasks: Tasks) -> Ear:
        self.ear = FakeEar(hooks)
        return self.ear

    async def greeted(self) -> None:
        await self.said("How can I help you?")

    async def said(self, text: str) -> None:
        async def wait() -> None:
            while self.conversation.mouth.speaking or not self.has_said(text):
                await asyncio.sleep(0)

        await asyncio.wait_for(wait(), 2)

    def has_said(self, text: str) -> bool:
        return any(text in line for line in self.voice.made)

    async def outcome(self) -> Outcome:
        return await asyncio.wait_for(self.running, 2)

    def told(self, event: str) -> list[dict[str, object]]:
        lines = (self.folder / "s.jsonl").read_text().splitlines()
        return [told for told in map(json.loads, lines) if told["event"] == event]


Make = Callable[..., Rig]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Rig] = []

    def rig(profile: DialogueSettings = PROFILE, **settings: float) -> Rig:
        made.append(Rig(tmp_path, profile, None, **settings))
        return made[-1]

    yield rig
    for each in made:
        each.running.cancel()
        await asyncio.gather(each.running, return_exceptions=True)
        await each.conversation.close()
        each.story.close()


async def test_a_known_caller_is_greeted_by_name_and_told_that_it_is_automated(make: Make) -> None:
    rig = make()
    await rig.greeted()
    assert rig.has_said("Hello, Anna Berg.")
    assert rig.has_said("automated assistant of Acme")


async def test_an_answer_is_asked_of_the_erp_and_told_hop_by_hop(make: Make) -> None:
    rig = make()
    await rig.greeted()
    rig.ear.hear(Intent.AVAILABILITY, "is item 4521 in stock", item="4521")
    await rig.said("10 pieces are available")
    assert ("availability", TODAY) in rig.erp.asked
    fact = next(told for told in rig.told("said") if told["kind"] == "fact")
    assert fact["turn"] == 1
    assert fact["whole"] is True
    hops = rig.told("hops")
    assert [told["turn"] for told in hops] == [1]
    assert set(hops[0]) >= {"endpoint_ms", "transcript_ms", "erp_ms", "first_packet_ms"}
    assert rig.told("heard")[0]["text"] == "is item 4521 in stock"


async def test_the_ear_is_told_how_each_state_listens(make: Make) -> None:
    rig = make()
    await rig.greeted()
    before = rig.ear.listening[-1]
    rig.ear.hear(Intent.AVAILABILITY)
    await rig.said("Which item number")
    assert rig.ear.listening[-1] != before


async def test_speech_of_the_caller_stops_ours(make: Make) -> None:
    rig = make()
    rig.speaker.holds = True
    await asyncio.sleep(0.01)
    assert rig.conversation.mouth.speaking
    rig.ear.hooks.on_barge_in()
    await asyncio.wait_for(rig.conversation.mouth.silent(), 1)
    assert len(rig.told("barge_in")) == 1


async def test_zero_reaches_a_human_with_what_was_learned(make: Make) -> None:
    rig = make()
    await rig.greeted()
    rig.ear.hear(Intent.AVAILABILITY, item="4521")
    await rig.said("10 pieces are available")
    rig.conversation.key_pressed("0")
    outcome = await rig.outcome()
    assert outcome.reason is Reason.KEY_ZERO
    assert "4521" in outcome.summary
    assert rig.has_said("I'll put you through")
    assert rig.told("key")[0]["key"] == "0"


async def test_the_last_words_are_not_stopped_by_the_caller(make: Make) -> None:
    rig = make()
    await rig.greeted()
    rig.speaker.holds = True
    rig.ear.hear(Intent.GOODBYE)
    await asyncio.sleep(0.01)
    rig.ear.hooks.on_barge_in()
    rig.ear.hear(Intent.AVAILABILITY, item="4521")
    await asyncio.sleep(0.01)
    assert not rig.running.done()
    rig.speaker.playbacks[-1].finish(1.0, whole=True)
    assert (await rig.outcome()).reason is Reason.GOODBYE
    assert rig.erp.asked == [("customers", "1")]


async def test_who_hangs_up_during_the_goodbye_has_abandoned_nothing(make: Make) -> None:
    rig = make()
    await rig.greeted()
    assert rig.conversation.outcome(Reason.CALLER_HUNG_UP).reason is Reason.CALLER_HUNG_UP
    rig.speaker.holds = True
    rig.ear.hear(Intent.GOODBYE)
    await asyncio.sleep(0.01)
    rig.conversation.fail(CallerHungUp("in the last sentence"))
    with pytest.raises(CallerHungUp):
        await rig.outcome()
    assert rig.conversation.outcome(Reason.CALLER_HUNG_UP).reason is Reason.GOODBYE
    assert rig.conversation.outcome(Reason.SPEECH_FAILED).reason is Reason.SPEECH_FAILED


async def test_a_zero_during_the_goodbye_wants_the_human(make: Make) -> None:
    rig = make()
    await rig.greeted()
    rig.speaker.holds = True
    rig.ear.hear(Intent.GOODBYE)
    await asyncio.sleep(0.01)
    rig.conversation.key_pressed("0")
    rig.speaker.holds = False
    await asyncio.sleep(0.01)
    for playback in rig.speaker.playbacks:
        playback.finish(1.0, whole=True)
    assert (await rig.outcome()).reason is Reason.KEY_ZERO


async def test_a_failure_with_a_key_is_tried_again_with_a_whole_turn_of_time(make: Make) -> None:
    rig = make(turn_budget_s=0.1)
    await rig.greeted()
    down = BackendDown("fake", "find_item", "refused")
    down.keypad = True
    rig.erp.error = down
    rig.ear.hear(Intent.AVAILABILITY, item="4521")
    await rig.said("Press one to try again, or zero for a colleague.")
    await asyncio.sleep(0.15)
    rig.erp.error = None
    rig.conversation.key_pressed("1")
    await rig.said("10 pieces are available")
    assert rig.erp.asked.count(("item", "4521")) == 2


async def test_a_question_in_the_moment_of_a_failure_is_answered(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure of the question before it was on its way already: it is not the new one's."""
    rig = make()
    await rig.greeted()
    tell = rig.story.tell

    def ask_then_tell(event: str, **fields: object) -> None:
        if event == "query" and rig.erp.error is not None:
            rig.erp.error = None
            rig.ear.hear(Intent.ORDER_STATUS)
        tell(event, **fields)

    monkeypatch.setattr(rig.story, "tell", ask_then_tell)
    rig.erp.error = BackendDown("fake", "find_item", "refused")
    rig.erp.last = an_order("2034")
    rig.ear.hear(Intent.AVAILABILITY, item="4521")
    await rig.said("Your last order, number 2 0 3 4")
    assert not rig.has_said("can't reach our order system")


async def test_an_old_answer_is_told_with_its_age(make: Make) -> None:
    rig = make()
    await rig.greeted()
    old = replace(an_order("2034").source, live=False, fallback=True)
    rig.erp.last = replace(an_order("2034"), source=old)
    rig.ear.hear(Intent.ORDER_STATUS)
    await rig.said("Your last order, number 2 0 3 4")
    assert rig.has_said("That is as of 20 minutes ago.")


async def test_a_balance_is_not_even_asked_for(make: Make) -> None:
    rig = make()
    await rig.greeted()
    before = list(rig.erp.asked)
    rig.ear.hear(Intent.BALANCE)
    await rig.said("a colleague must first check who is calling")
    assert rig.erp.asked == before
    rig.ear.hear(Intent.YES)
    assert (await rig.outcome()).reason is Reason.NOT_VERIFIED


async def test_a_slow_system_gives_a_sign_of_life_then_a_human(make: Make) -> None:
    rig = make(filler_ms=10, turn_budget_s=0.1)
    await rig.greeted()
    rig.erp.hangs = True
    rig.ear.hear(Intent.AVAILABILITY, item="4521")
    await rig.said("One moment, I'm checking.")
    await rig.said("takes too long")
    assert rig.has_said("Shall I put you through to a colleague?")
    rig.ear.hear(Intent.YES)
    assert (await rig.outcome()).reason is Reason.BACKEND_SLOW


async def test_a_quick_answer_needs_no_sign_of_life(make: Make) -> None:
    rig = make(filler_ms=30)
    await rig.greeted()
    rig.ear.hear(Intent.AVAILABILITY, item="4521")
    await rig.said("10 pieces are available")
    await asyncio.sleep(0.05)
    assert not rig.has_said("One moment")


async def test_keys_that_are_pressed_get_a_whole_turn_of_time(make: Make) -> None:
    rig = make(turn_budget_s=0.05)
    await rig.greeted()
    await asyncio.sleep(0.1)
    for key in "4521":
        rig.conversation.key_pressed(key)
    await rig.said("10 pieces are available")


async def test_a_key_that_means_nothing_stops_nothing(make: Make) -> None:
    """The prompt asks for a # after the number; a full number is taken without it."""
    rig = make()
    await rig.greeted()
    rig.speaker.holds = True
    for key in "4521":
        rig.conversation.key_pressed(key)
    while not rig.has_said("10 pieces are available"):
        await asyncio.sleep(0)
    rig.conversation.key_pressed("#")
    await asyncio.sleep(0.01)
    assert rig.conversation.mouth.speaking


async def test_silence_is_prompted_twice_then_a_human(make: Make) -> None:
    rig = make(DialogueSettings(company="Acme", no_input_s=0.02))
    outcome = await rig.outcome()
    assert outcome.reason is Reason.NO_INPUT
    assert rig.voice.made.count("Are you still there?") == 2


async def test_a_caller_who_speaks_is_not_prompted(make: Make) -> None:
    rig = make(DialogueSettings(company="Acme", no_input_s=0.05))
    await rig.greeted()
    rig.ear.hooks.on_speech()
    await asyncio.sleep(0.1)
    assert not rig.has_said("Are you still there?")
    rig.ear.hooks.on_nothing()
    await rig.said("Are you still there?")


async def test_a_caller_who_broke_in_and_speaks_on_is_not_prompted(make: Make) -> None:
    """Our own speech ends by the barge-in; that silence is the caller's to fill."""
    rig = make(DialogueSettings(company="Acme", no_input_s=0.05))
    rig.speaker.holds = True
    while not rig.conversation.mouth.speaking:
        await asyncio.sleep(0)
    rig.ear.speaks = True
    rig.ear.hooks.on_speech()
    rig.ear.hooks.on_barge_in()
    await asyncio.sleep(0.15)
    assert not rig.has_said("Are you still there?")
    rig.speaker.holds = False
    rig.ear.speaks = False
    rig.ear.hooks.on_nothing()
    await rig.said("Are you still there?")


async def test_a_long_answer_is_no_silence(make: Make) -> None:
    rig = make(DialogueSettings(company="Acme", no_input_s=0.05))
    await rig.greeted()
    rig.speaker.holds = True
    rig.ear.hear(Intent.HELP)
    await asyncio.sleep(0.15)
    assert rig.conversation.mouth.speaking
    assert not rig.has_said("Are you still there?")


async def test_a_hello_does_not_cost_the_caller_the_greeting(make: Make) -> None:
    rig = make()
    rig.speaker.holds = True
    while len(rig.speaker.playbacks) < 3:
        await asyncio.sleep(0)
    rig.ear.hooks.on_barge_in()
    rig.speaker.holds = False
    rig.ear.hear(Intent.NOTHING, "hello")
    await rig.said("How can I help you?")
    assert [told["whole"] for told in rig.told("said")] == [False] * 3 + [True] * 3
    assert rig.voice.made.count("Hello, Anna Berg.") == 2


async def test_a_cough_does_not_end_in_silence(make: Make) -> None:
    rig = make()
    rig.speaker.holds = True
    while len(rig.speaker.playbacks) < 3:
        await asyncio.sleep(0)
    rig.ear.hooks.on_barge_in()
    rig.speaker.holds = False
    rig.ear.hooks.on_nothing()
    await rig.said("How can I help you?")
    assert rig.told("said")[-1]["whole"] is True


async def test_words_before_the_greeting_are_no_turn(make: Make) -> None:
    rig = make()
    rig.ear.hear(Intent.AVAILABILITY, item="4521")
    await rig.greeted()
    assert rig.told("heard") == []


async def test_the_longest_call_ends_at_a_human(make: Make) -> None:
    rig = make(longest_call_s=0.05)
    assert (await rig.outcome()).reason is Reason.LONGEST_CALL


async def test_a_voice_that_fails_ends_the_conversation_with_its_error(make: Make) -> None:
    rig = make()
    await rig.greeted()
    rig.conversation.fail(SpeechError("the engine is gone"))
    with pytest.raises(SpeechError):
        await rig.outcome()
    assert rig.conversation.outcome(Reason.SPEECH_FAILED).reason is Reason.SPEECH_FAILED


async def test_nothing_runs_after_the_close(make: Make) -> None:
    before = asyncio.all_tasks()
    rig = make()
    await rig.greeted()
    rig.running.cancel()
    await asyncio.gather(rig.running, return_exceptions=True)
    await rig.conversation.close()
    assert asyncio.all_tasks() - before == set()
