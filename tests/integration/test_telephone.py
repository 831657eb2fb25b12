"""The test caller against a real Asterisk: what it measures with must itself be right."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asterisk_agi.media.formats import decode_ulaw, encode_ulaw
from asterisk_agi.testcall.command import place
from asterisk_agi.testcall.dialog import Account
from asterisk_agi.testcall.errors import CallRejected
from asterisk_agi.testcall.loudness import bursts
from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.script import AtOnce, HangUp, Press, Step, Wait
from erp.secrets import Secret
from tests.integration.ami_probe import AmiProbe, ami_probe
from tests.integration.calls import account, said
from tests.rig.control import ROOT
from tests.rig.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]

ECHO, TONE = "690", "691"
COMMAND_S = 60.0


@pytest.fixture
def ami(pbx_lab: Lab) -> Iterator[AmiProbe]:
    with ami_probe(pbx_lab.status()["ami"]) as probe:
        yield probe


async def test_an_echo_comes_back_whole_and_hardly_later(pbx_lab: Lab) -> None:
    spoken = said("do you have item four five two one", AtOnce())
    record = await place(account(pbx_lab.status()), ECHO, [Wait(0.3), spoken, Wait(0.5)])
    (sent,) = bursts(record.caller.pcm)
    wire = encode_ulaw(record.caller.pcm[2 * sent.begin : 2 * sent.end])
    found = record.agent.pcm.find(decode_ulaw(wire))
    assert found >= 0, "what was said must come back sample for sample"
    delay = found // 2 - sent.begin
    assert 160 <= delay <= 800, "20 ms in the microphone, then the way there and back"


async def test_the_account_can_be_any_caller_and_its_keys_arrive(
    pbx_lab: Lab, ami: AmiProbe
) -> None:
    keys: list[Step] = [Wait(0.2), Press("4071*#", AtOnce()), Wait(0.3)]
    await place(account(pbx_lab.status(), "+4930987654"), ECHO, keys)
    pressed: list[str] = []
    while len(pressed) < 6:
        event = await asyncio.to_thread(ami.event, lambda e: e.get("Event") == "DTMFEnd")
        if event["Direction"] == "Received":
            pressed.append(event["Digit"])
            assert event["CallerIDNum"] == "+4930987654"
    assert "".join(pressed) == "4071*#"


async def test_a_call_to_nowhere_is_refused(pbx_lab: Lab) -> None:
    with pytest.raises(CallRejected) as refused:
        await place(account(pbx_lab.status()), "699", [])
    assert refused.value.code == 404


async def test_a_wrong_password_is_refused(pbx_lab: Lab) -> None:
    sip = pbx_lab.status()["sip"]
    wrong = Account(sip["host"], sip["port"], sip["user"], Secret("wrong"))
    with pytest.raises(CallRejected) as refused:
        await place(wrong, ECHO, [])
    assert refused.value.code == 401


async def test_the_far_side_ends_the_call(pbx_lab: Lab, ami: AmiProbe) -> None:
    phone = Phone(account(pbx_lab.status()))
    await phone.place(TONE)
    assert await phone.began(5.0)
    channel = next(
        event["Channel"]
        for event in iter(lambda: ami.event(lambda e: e.get("Event") == "Newchannel"), None)
    )
    await asyncio.to_thread(ami.ask, "Hangup", Channel=channel)
    await asyncio.wait_for(phone.over.wait(), 5)
    assert (await phone.close()).ended_by_far_side


async def test_no_channel_is_left_behind(pbx_lab: Lab, ami: AmiProbe) -> None:
    await asyncio.gather(
        *(place(account(pbx_lab.status()), ECHO, [Wait(0.2), HangUp()]) for _ in range(5))
    )
    ended = [
        await asyncio.to_thread(ami.event, lambda e: e.get("Event") == "Hangup") for _ in range(5)
    ]
    assert len({event["Uniqueid"] for event in ended}) == 5


async def test_the_command_calls_measures_and_draws(lab: Lab, tmp_path: Path) -> None:
    status = lab.status()
    sip = status["sip"]
    out, picture = tmp_path / "call.json", tmp_path / "call.png"
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; from asterisk_agi.cli import main; sys.exit(main())",
        "call", "--to", status["extensions"]["agent"],
        "--server", f"{sip['host']}:{sip['port']}", "--user", sip["user"],
        "--password", "env:LINE_PASSWORD", "--from", "+12125550101",
        "--say", "do you have item four five two one",
        "--json", str(out), "--out-dir", str(tmp_path), "--picture", str(picture),
        "--stories", str(Path(status["folders"]["state"]) / "stories"),
        cwd=ROOT, env={**os.environ, "LINE_PASSWORD": sip["password"]},
    )  # fmt: skip
    assert await asyncio.wait_for(command.wait(), COMMAND_S) == 0
    told = json.loads(out.read_text())
    (turn,) = told["turns"]
    assert turn["answer_kind"] == "fact"
    assert 100 < turn["latency_ms"] < 3000
    assert turn["hops_ms"].keys() >= {"endpoint", "transcript", "erp", "synthesis"}
    assert sum(turn["hops_ms"].values()) < turn["latency_ms"] + 50
    assert told["labelled_by"] == "story"
    assert told["files"]["picture"] == str(picture)
    sizes = _sizes(tmp_path)
    assert sizes[".png"] > 10_000
    assert sizes[".wav"] > 50_000


async def test_the_command_finds_the_lab_and_needs_no_more_options(
    lab: Lab, tmp_path: Path
) -> None:
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; from asterisk_agi.cli import main; sys.exit(main())",
        "call", "--to", "600", "--say", "hello", "--json", "c.json",
        cwd=tmp_path, env={**os.environ, "ORDERLINE_LAB": str(lab.folder)},
    )  # fmt: skip
    assert await asyncio.wait_for(command.wait(), COMMAND_S) == 0
    told = json.loads((tmp_path / "c.json").read_text())
    assert told["labelled_by"] == "story"
    assert {sound["kind"] for sound in told["greeting"]} == {"fixed"}
    (turn,) = told["turns"]
    assert (turn["said"], turn["latency_ms"]) == ("hello", None)


def _sizes(folder: Path) -> dict[str, int]:
    return {path.suffix: path.stat().st_size for path in folder.iterdir()}
