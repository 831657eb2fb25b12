"""Hostile input against the running processes: what the callers feel, and what the log says.

docs/hostile.rst has the table. Longer floods and fuzz runs: `tests/benchmarks/hostile.py`.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from asterisk_agi.announcement import LINES_BUSY
from asterisk_agi.speech.espeak_engine import EspeakSettings, EspeakSynthesizer, worker_command
from asterisk_agi.speech.models import locate
from asterisk_agi.testcall import dialog
from asterisk_agi.testcall.command import place
from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.script import AtOnce, HangUp, Press, Step, Wait
from asterisk_agi.testcall.sip_message import Request
from asterisk_agi.testcall.transcribe import SecondEar, plain, text_of
from tests.integration import calls
from tests.integration.ami_probe import AmiProbe, ami_probe
from tests.integration.calls import DANA, MARCUS, account, said
from tests.integration.conftest import _new_lab
from tests.integration.hostile import (
    QUESTION,
    beats,
    call_during,
    configuration,
    fastagi,
    forged_lines,
    leg_in_progress,
)
from tests.integration.rescue import first_tone_s, heard_tone
from tests.rig import asterisk, attacks, tools
from tests.rig.lab import Lab
from tests.rig.ports import free_ports

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

SECONDS = 60.0 if os.environ.get("ORDERLINE_FULL") else 6.0
"""So long lasts each attack of random bytes."""
SEED = 20261121
TURN_MAX_MS = 4000.0
"""The budget of a turn; without an attack it takes about 400 ms."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Give a lab that takes three calls at once and logs all it can."""
    settings = {"log": {"level": "debug"}, "reception": {"calls_max": 3}}
    with ExitStack() as stack:
        lab = _new_lab(stack, "auto", (), settings)
        lab.start()
        yield lab


@pytest.fixture
def ami(lab: Lab) -> Iterator[AmiProbe]:
    with ami_probe(lab.status()["ami"]) as probe:
        yield probe


def told_the_human(ami: AmiProbe) -> dict[str, str]:
    return ami.event(lambda event: event.get("UserEvent") == "LabHuman")


async def idle(lab: Lab) -> None:
    """Wait until no call is in progress."""
    for _ in range(100):
        log = lab.log("voice")
        if len(re.findall("call from .* begins", log)) == log.count("call ended:"):
            return
        await asyncio.sleep(0.05)
    pytest.fail(lab.log("voice")[-2000:])


# Above the limit...


async def test_above_the_limit_a_caller_hears_a_sentence_and_then_the_human(
    lab: Lab, ami: AmiProbe
) -> None:
    others = [Phone(account(lab.status(), calls.NOBODY)) for _ in range(2)]
    refused = Phone(account(lab.status(), MARCUS))

    before = lab.log("voice").count(" begins: ")

    async def refuse() -> float | None:
        while lab.log("voice").count(" begins: ") < before + 3:
            await asyncio.sleep(0.05)
        await refused.place(asterisk.AGENT)
        return await heard_tone(refused, 0.0, 15.0)

    try:
        for phone in others:
            await phone.place(asterisk.AGENT)
        first, tone_s = await asyncio.gather(
            calls.call(lab.status(), [said(QUESTION)]), refuse()
        )
        assert not any(phone.over.is_set() for phone in others)
    finally:
        for phone in others:
            await phone.close()
        record = await refused.close()
    assert tone_s is not None
    ear = SecondEar(locate(None))
    heard = text_of(await ear.words(record.agent.pcm[: 2 * round(tone_s * 8000)], [LINES_BUSY]))
    (turn,) = first.measured.turns
    print(f"before the tone at {tone_s:.1f} s: {heard}; the first caller's turn: {turn.latency_ms}")
    words = plain(LINES_BUSY).split()
    assert sum(word in heard.split() for word in words) >= len(words) - 3
    told = told_the_human(ami)
    assert (told["Result"], told["Reason"]) == ("unavailable", "call-limit")
    # The call in progress has felt nothing.
    assert turn.answer_kind == "fact", f"{turn}\n{lab.log('voice')[-3000:]}"
    assert (turn.latency_ms or 9999) < TURN_MAX_MS


# Random bytes, floods and slow peers, during a call...


@pytest.mark.alone
@pytest.mark.timeout(420)
async def test_floods_random_bytes_and_slow_peers_disturb_no_call(lab: Lab) -> None:
    """All at once: 5,000 connections, 50,000 RTP packets a second from an address that is not
    Asterisk's, random bytes on every port, and a hundred preludes byte by byte."""
    await idle(lab)
    before, pids = len(lab.log("voice").splitlines()), (lab.pids("voice"), lab.pids("bridge"))

    def attack() -> list[Any]:
        ours, _ = asyncio.run(leg_in_progress(lab))
        with attacks.at_once() as start:
            jobs = [
                start(attacks.random_sessions, fastagi(lab), SECONDS, SEED),
                start(attacks.slow_preludes, fastagi(lab), 100, SECONDS + 1),
                start(attacks.random_datagrams, beats(lab), SECONDS, SEED),
                start(attacks.random_datagrams, ours, SECONDS, SEED),
                start(attacks.flood, ours, None, 50_000, SECONDS / 2),
                start(attacks.connects, fastagi(lab), 5000),
            ]
            return [job.result() for job in jobs]

    felt = await call_during(lab, attack)
    sessions, cut_off, _, _, packets, took_s = felt.attack
    print(
        f"{sessions} sessions, {cut_off} slow ones cut off, {packets} packets of RTP,"
        f" 5,000 connections in {took_s:.1f} s; turn {felt.latency_ms:.0f} ms"
    )
    assert sessions > 20
    assert packets > 20_000
    assert cut_off == 100, "each slow prelude has a deadline"
    # The attackers have the same two cores as the call: it is answered, if not in its budget.
    assert felt.latency_ms < TURN_MAX_MS
    assert (lab.pids("voice"), lab.pids("bridge")) == pids
    assert "no sign of life" not in lab.log("bridge")
    assert "fault of ours" not in lab.log("voice") + lab.log("bridge")
    warnings = [line for line in lab.log("voice").splitlines()[before:] if "WARNING" in line]
    assert len(warnings) < 10, "a flood must not fill the disk"


# What a caller's telephone sends...

HOSTILE = (
    '"Eve \\" <break time=\'10s\'/> ${EVAL(${SHELL(touch MARK)})},|&^;[[x]]"'
    " <sip:%22%24%7BSHELL(touch%20MARK)%7D%2C1@127.0.0.1>",
    '"Eve \u202eJ\xfcrgen \U0001f608 200 result=1"'
    " <sip:1%0D%0ASET%20VARIABLE%20ORDERLINE_RESULT%20completed%0A@127.0.0.1>",
    '"' + "Eve " * 800 + '" <sip:' + "9" * 500 + "@127.0.0.1>",
)
"""From headers: quotes and the dialplan's own language; Unicode and line ends; 4 kB."""


async def test_a_hostile_name_and_number_are_only_a_name_and_a_number(
    lab: Lab, ami: AmiProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    await idle(lab)
    mark = lab.folder / "mark"
    unused = iter(HOSTILE)
    chosen: dict[str, str] = {}
    plainly = dialog.Dialog.request

    def hostile(self: dialog.Dialog, *args: Any) -> Request:
        if self.call_id not in chosen:
            chosen[self.call_id] = next(unused).replace("MARK", str(mark))
        request = plainly(self, *args)
        forged = f"{chosen[self.call_id]};tag={self.local_tag}"
        headers = tuple((n, forged if n == "From" else v) for n, v in request.headers)
        return Request(request.method, request.uri, headers, request.body)

    monkeypatch.setattr(dialog.Dialog, "request", hostile)
    before = len(lab.log("voice"))
    steps: list[Step] = [Wait(2.5, AtOnce()), Press("0"), Wait(4.5, AtOnce()), HangUp(AtOnce())]
    caller = account(lab.status())
    records = await asyncio.gather(*(place(caller, asterisk.AGENT, steps) for _ in HOSTILE))
    assert next(unused, None) is None
    for record in records:
        assert first_tone_s(record.agent.pcm, 0.0) is not None, chosen[record.call_id]
    told = [told_the_human(ami) for _ in HOSTILE]
    outcomes = sorted((one["Result"], one["Reason"]) for one in told)
    # A number with a line end breaks the prelude: none of it is believed, and the human answers.
    assert outcomes == [("", ""), ("transfer", "key-zero"), ("transfer", "key-zero")]
    assert not any("Eve" in one["Summary"] or "completed" in str(one) for one in told)
    assert not mark.exists()
    log = lab.log("voice")[before:]
    assert forged_lines(log) == []
    assert "Eve" not in log
    assert "fault of ours" not in log


async def test_markup_in_a_name_is_not_obeyed_by_the_voice() -> None:
    environment = tools.voice_environment()
    settings = EspeakSettings(workers=1)
    command = ("env", *(f"{k}={environment[k]}" for k in VOICE_KEYS if k in environment))
    voice = EspeakSynthesizer(settings, (*command, *worker_command(settings)))
    try:
        usual = (await voice.speak("Hello, Dana.")).seconds
        for name in MARKUP:
            taken_s = (await voice.speak(f"Hello, Dana {name}.")).seconds
            print(f"{name!r}: {taken_s:.1f} s")
            assert taken_s < usual + 6.0, name
    finally:
        await voice.close()


VOICE_KEYS = ("LD_LIBRARY_PATH", "ESPEAK_DATA_PATH", "PATH")
MARKUP = (
    '<break time="10s"/>',
    '<speak><break time="10s"/></speak>',
    '<mark name="x"/><audio src="file:///etc/passwd"/>',
    '<prosody rate="10%">slowly now</prosody>',
    "[[h@l'oU]]",
    "\x01+80S\x01 \x0110P \x01V10",
    "&lt;break time=&quot;10s&quot;/&gt;",
)


# What stands in the log...


async def test_of_all_these_calls_at_debug_level_no_log_shows_a_caller(lab: Lab) -> None:
    """Dana called, was greeted by name, and asked; Marcus was put through."""
    await idle(lab)
    stories = "".join(path.read_text() for path in calls.stories_folder(lab.status()).iterdir())
    for word in (*PERSONAL, "in stock"):
        assert word in stories or word in (DANA, MARCUS, "C001"), "it was told, but not to the log"
    log = lab.log("voice") + lab.log("bridge")
    assert log.count("call from") == log.count("call ended") >= 4
    for word in (*PERSONAL, DANA[2:], MARCUS[2:], "in stock"):
        assert word not in log, word
    assert forged_lines(log) == []


PERSONAL = (DANA, MARCUS, "Dana", "Whitfield", "C001")


# The manager user...

NEEDED = (
    "Ping",
    "ListCommands",
    "CoreShowChannels",
    "Getvar",
    "Hangup",
    "Redirect",
    "ShowDialPlan",
    "QueueStatus",
    "QueueSummary",
    "UserEvent",
)
REFUSED = {
    "Command": {"Command": "core show version"},
    "GetConfig": {"Filename": "manager.conf"},
    "UpdateConfig": {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"},
    "ModuleLoad": {"LoadType": "reload"},
    "Reload": {},
    "DBPut": {"Family": "x", "Key": "y", "Val": "z"},
    "AGI": {"Channel": "x", "Command": "ANSWER"},
}
DANGEROUS = ("SHELL(id)", "FILE(/etc/passwd)")


def test_the_manager_user_may_do_what_is_needed_and_nothing_else(lab: Lab) -> None:
    secret = (lab.folder / "secrets" / "ami").read_text().strip()
    access = {**lab.status()["ami"], "user": "orderline", "secret": secret}
    with ami_probe(access) as ami:
        allowed = ami.ask("ListCommands")
        assert [name for name in NEEDED if name not in allowed] == []
        assert ami.ask("Ping")["Response"] == "Success"
        for name, headers in REFUSED.items():
            answer = ami.ask(name, **headers)
            assert (name, answer["Response"]) == (name, "Error")
            assert "denied" in answer["Message"].lower(), (name, answer)
        for expression in DANGEROUS:
            answer = ami.ask("Getvar", Variable=expression)
            assert "uid=" not in str(answer)
            assert "root:" not in str(answer)
        assert "Originate" not in allowed
        shell = {"Channel": "Local/600@orderline", "Application": "System", "Data": "id"}
        answer = ami.ask("Originate", **shell)
        assert answer["Response"] == "Error"


# TLS...


@contextmanager
def tls_voice(lab: Lab, folder: Path) -> Iterator[Path]:
    """Run a second voice process, over TLS, and send the script to it; give its stories."""
    settings = configuration(lab)
    (port,) = free_ports(1)
    settings["fastagi"] = {
        "port": port,
        "tls_certificate": str(folder / "voice.pem"),
        "tls_key": str(folder / "voice.key"),
    }
    path = folder / "orderline.yaml"
    path.write_text(yaml.safe_dump(settings))
    (conf,) = lab.folder.glob("**/orderline.agi.conf")
    before = conf.read_text()
    conf.write_text(f"ca={folder / 'ca.pem'}\n127.0.0.1:{port}\n")
    argv = [str(Path(sys.executable).parent / "orderline"), "serve", "--config", str(path)]
    environment = tools.voice_environment()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment) as voice:
        try:
            assert voice.stdout is not None
            assert b"ready" in voice.stdout.readline()
            yield path
        finally:
            conf.write_text(before)
            voice.terminate()


async def test_the_script_on_the_pbx_host_speaks_tls_to_the_voice_host(
    lab: Lab, tmp_path: Path
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "voice.key").write_bytes(issued.private_key_pem.bytes())
    (tmp_path / "voice.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    with tls_voice(lab, tmp_path):
        record = await calls.call_only(lab.status(), [said("goodbye")], extension=asterisk.SCRIPT)
        story = await calls.ended(lab.status(), record.call_id)
    assert story is not None
    (end,) = story.of("ended")
    assert end["reason"] == "goodbye"
