"""The engine with the packaged model."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.models import PACKAGED
from asterisk_agi.speech.port import RecognizerEngine
from asterisk_agi.speech.vosk_engine import VoskEngine, VoskSettings
from tests.unit.asterisk_agi.speech.recordings import (
    ITEM,
    ORDER,
    item_4521,
    joined,
    noise,
    packets,
    where_is_my_order,
)


@pytest.fixture
async def engine() -> AsyncIterator[VoskEngine]:
    loaded = await VoskEngine.load(VoskSettings(), PACKAGED)
    yield loaded
    await loaded.close()


async def test_calls_at_once_hear_their_own_caller(engine: VoskEngine) -> None:
    port: RecognizerEngine = engine
    sessions = [port.session() for _ in range(6)]
    calls = [(ITEM, item_4521()), (ORDER, where_is_my_order())] * 3
    for session, (_, audio) in zip(sessions, calls, strict=True):
        assert session.listen_for((ITEM, ORDER))
        for packet in packets(joined(noise(0.3), audio)):
            session.accept(packet)
    turns = await asyncio.gather(*(session.finish() for session in sessions))
    assert [turn.text for turn in turns] == [text for text, _ in calls]
    assert [session.dropped_s for session in sessions] == [0.0] * 6
    for session in sessions:
        await session.close()


async def test_the_next_turn_has_the_next_grammar(engine: VoskEngine) -> None:
    session = engine.session()
    heard = []
    for phrases in ((ORDER,), (ITEM,), None):
        session.listen_for(phrases)
        session.accept(item_4521())
        heard.append((await session.finish()).text)
    assert heard[0] != ITEM
    assert heard[1] == ITEM
    assert "four five two one" in heard[2]
    await session.close()


async def test_unknown_words_are_told_and_left_out(engine: VoskEngine) -> None:
    phrases = ("Is item zzyzx four five two one IN stock", "zzyzx", "[unk]")
    assert engine.unknown_words(phrases) == ("zzyzx",)
    session = engine.session()
    session.listen_for(phrases)
    session.accept(item_4521())
    assert (await session.finish()).text == ITEM
    await session.close()


async def test_other_speech_is_unknown(engine: VoskEngine) -> None:
    session = engine.session()
    session.listen_for(("goodbye",))
    session.accept(item_4521())
    assert set((await session.finish()).text.split()) <= {"[unk]", "goodbye"}
    await session.close()


async def test_the_name_says_engine_and_model(engine: VoskEngine) -> None:
    assert engine.name == "vosk en-8k"
    assert engine.folder.is_packaged


async def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match=r"no Vosk model: it has no am/final\.mdl"):
        await VoskEngine.load(VoskSettings(), tmp_path)


async def test_a_model_that_libvosk_refuses_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(PACKAGED, folder)
    (folder / "am" / "final.mdl").write_bytes(b"not a model")
    with pytest.raises(SpeechError, match="libvosk can't load"):
        await VoskEngine.load(VoskSettings(), folder)


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"threads": 65}, {"queue_s": 0.1}])
def test_settings_that_cannot_work_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="recognizer: "):
        VoskSettings(**wrong)  # type: ignore[arg-type]
