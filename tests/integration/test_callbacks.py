"""Call-backs through a real Asterisk and a real ERP: dialled at their time, and never twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
import wave
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import yaml

from ami_bridge.connection import AmiConnection
from asterisk_agi import app, cli
from asterisk_agi import settings as settings_file
from erp.callbacks.book import Callback, CallbackBook, State
from erp.callbacks.booker import Booker
from erp.callbacks.model import CallbackReceipt, CallbackRequest
from erp.callbacks.task_list import TaskList, outcome_key
from erp.deadline import Deadline
from erp.store.store import Store
from tests.integration.ami_probe import AmiProbe, Message, ami_probe
from tests.integration.people import may_place_calls
from tests.rig import ports
from tests.rig.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.at_once, pytest.mark.timeout(180)]

DANA = "+12125550101"
ALL_DAY = "00:00-24:00"
PATIENCE_S = 15.0
LATE_S = 8.0
"""An idle machine takes 0.1 s; one that also runs other tests takes seconds."""
QUIET_S = 2.0
"""One that is dialled a second time would be within so long."""


@dataclass(frozen=True)
class Office:
    """A lab with call-backs on: who books, who dials and where it is kept."""

    lab: Lab
    folder: Path
    settings: settings_file.Settings
    store: Store
    booker: Booker

    @property
    def book(self) -> CallbackBook:
        return CallbackBook(self.store)

    async def agree(self, after_s: float = 1.0, summary: str = "x") -> CallbackReceipt:
        request = CallbackRequest(
            str(uuid.uuid4()), "session-1", DANA, now() + timedelta(seconds=after_s),
            "Dana Whitfield", "C001", summary,
        )  # fmt: skip
        deadline = Deadline.after(asyncio.get_running_loop().time(), 8.0)
        return await self.booker.book(request, deadline)

    async def reaches(self, key: str, *states: State) -> Callback:
        for _ in range(round(PATIENCE_S / 0.05)):
            row = await self.book.get(key)
            if row is not None and row.state in states:
                return row
            await asyncio.sleep(0.05)
        pytest.fail(f"it is never {states}: {row}\n{logs(self.folder)}")


def now() -> datetime:
    return datetime.now(timezone.utc)


def logs(folder: Path) -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(folder.glob("*.log")))


def configuration(lab: Lab, folder: Path, **callbacks: Any) -> Path:
    """Write a configuration as the lab's, with call-backs and a store of its own."""
    values = yaml.safe_load((lab.folder / "orderline.yaml").read_text("utf-8"))
    values["callbacks"] = {
        "enabled": True,
        "human": "Local/human@lab-callback/n",
        "customer": "Local/{number}@lab-callback/n",
        "caller_id": "+12125550000",
        "hours": ALL_DAY,
        "soonest_s": 0.0,
        **callbacks,
    }
    values["store"] = {"folder": str(folder)}
    values["events"] = {"spool": str(folder / "spool")}
    (values["bridge"]["port"],) = ports.free_ports(1)
    path = folder / f"{values['bridge']['port']}.yaml"
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


@pytest.fixture(scope="module", autouse=True)
def _calls_placed(lab: Lab) -> Iterator[None]:
    with may_place_calls(lab):
        yield


@asynccontextmanager
async def office(lab: Lab, folder: Path, config: Path) -> AsyncIterator[Office]:
    settings = settings_file.load(config)
    store = await Store.open(settings.store)
    ami = AmiConnection(settings.ami)
    notices = app.Notices(ami)
    erp = app.landscape(settings).gateway()
    booker = Booker(store, erp, app.schedule(settings), now, notices.tell)
    try:
        await ami.start()
        await app.open_erp(erp)
        yield Office(lab, folder, settings, store, booker)
    finally:
        for part in (booker, notices, ami, erp, store):
            await part.close()


@asynccontextmanager
async def bridge(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `orderline bridge`, ready when the block begins."""
    orderline = str(Path(sys.executable).parent / "orderline")
    log = config.with_suffix(f".{uuid.uuid4().hex}.log")
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            orderline, "bridge", "--config", str(config), stdout=out, stderr=out
        )
    try:
        for _ in range(200):
            if "logged in" in log.read_text("utf-8"):
                break
            assert process.returncode is None, log.read_text("utf-8")
            await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
def ami(lab: Lab) -> Iterator[AmiProbe]:
    with ami_probe(lab.status()["ami"]) as probe:
        yield probe


def rung(ami: AmiProbe, key: str) -> list[str]:
    """Return who was rung for a call-back, up to now."""
    ami.ask("UserEvent", UserEvent="Fence", Key=key)
    seen: dict[int, Message] = {}  # what is kept is looked at again

    def fence(event: Message) -> bool:
        if event.get("UserEvent") == "LabCallback" and event.get("Key") == key:
            seen[id(event)] = event
        return event.get("UserEvent") == "Fence" and event.get("Key") == key

    ami.event(fence)
    return [event["Who"] for event in seen.values()]


def heard_hz(path: Path) -> float:
    """Return the loudest tone of a recording."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float)
    middle = samples[len(samples) // 4 :]
    power = np.abs(np.fft.rfft(middle))
    return float(np.argmax(power) * 8000 / len(middle))


async def test_both_are_rung_at_the_agreed_time_and_talk_and_two_bridges_dial_it_once(
    lab: Lab, ami: AmiProbe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, other = configuration(lab, tmp_path), configuration(lab, tmp_path)
    async with office(lab, tmp_path, config) as made:
        async with bridge(config), bridge(other):
            receipt = await made.agree(3.0, 'item 4521, "urgent" (twice), a\\b')
            assert receipt.system == "tryton"
            assert receipt.record
            human = await asyncio.to_thread(ami.event, lambda e: e.get("Who") == "human")
            late_s = (now() - receipt.at).total_seconds()
            customer = await asyncio.to_thread(ami.event, lambda e: e.get("Who") == "customer")
            row = await made.reaches(receipt.key, State.CONNECTED)
            await asyncio.sleep(3.5)
            assert await asyncio.to_thread(rung, ami, receipt.key) == [], "nobody a second time"
        assert row.attempts == 1
        with capsys.disabled():
            print(f"the human's telephone rang {late_s:.2f} s after the agreed time")
        assert 0 <= late_s < LATE_S
        assert unquote(human["Summary"]) == 'item 4521, "urgent" (twice), a\\b'
        assert (human["Number"], human["Name"]) == (DANA, "Dana Whitfield")
        assert human["Session"] == "session-1"
        assert (customer["Number"], customer["Shown"]) == (DANA, "+12125550000")
        recordings = lab.folder / "recordings"
        assert abs(heard_hz(recordings / f"{receipt.key}-human.wav") - 600) < 20
        assert abs(heard_hz(recordings / f"{receipt.key}-customer.wav") - 1000) < 20
        command = ["callbacks", "--config", str(config), "list"]
        assert await asyncio.to_thread(cli.main, command) == 0
    out = capsys.readouterr().out
    assert DANA not in out
    assert "connected" in next(line for line in out.splitlines() if line.startswith(receipt.key))


async def test_a_bridge_that_is_killed_after_the_claim_never_dials_it_again(
    lab: Lab, ami: AmiProbe, tmp_path: Path
) -> None:
    config = configuration(lab, tmp_path, human="Local/nobody@lab-callback/n", human_ring_s=2.0)
    async with office(lab, tmp_path, config) as made:
        async with bridge(config) as process:
            receipt = await made.agree(0.0)
            row = await made.reaches(receipt.key, State.CLAIMED, State.RINGING_HUMAN)
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        assert row.attempts == 1
        async with bridge(config):
            row = await made.reaches(receipt.key, State.UNKNOWN)
            await asyncio.sleep(QUIET_S)
            assert await asyncio.to_thread(rung, ami, receipt.key) in ([], ["nobody"])
            await written(made, outcome_key(receipt.key))
        row = await made.reaches(receipt.key, State.UNKNOWN)
        assert row.attempts == 1


async def written(made: Office, task: str) -> None:
    """Wait until a task is in the ERP."""
    for _ in range(round(PATIENCE_S / 0.1)):
        system, record = await TaskList(made.store).get(task)
        if record:
            assert system == "tryton"
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"the ERP has no task about the outcome: {logs(made.folder)}")


async def test_outside_the_permitted_hours_it_waits(
    lab: Lab, ami: AmiProbe, tmp_path: Path
) -> None:
    config = configuration(lab, tmp_path, hours=forbidden_now())
    async with office(lab, tmp_path, config) as made, bridge(config):
        receipt = await made.agree(0.0)
        for _ in range(round(PATIENCE_S / 0.05)):
            row = await made.book.get(receipt.key)
            assert row is not None
            if row.at > now() + timedelta(minutes=30):
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail(f"it is not put off: {row}\n{logs(tmp_path)}")
        assert row.state is State.AGREED
        assert await asyncio.to_thread(rung, ami, receipt.key) == []


def forbidden_now() -> str:
    """Return hours of New York in which it is not now, nor soon."""
    hour = (now() + timedelta(hours=-5)).hour
    begin = (hour + 6) % 23
    return f"{begin:02}:00-{begin + 1:02}:00"


async def test_a_human_who_does_not_answer_is_tried_again_and_the_customer_never_rung(
    lab: Lab, ami: AmiProbe, tmp_path: Path
) -> None:
    config = configuration(
        lab, tmp_path, human="Local/nobody@lab-callback/n", human_ring_s=1.0,
        retry_s=0.5, attempts=2,
    )  # fmt: skip
    async with office(lab, tmp_path, config) as made, bridge(config):
        receipt = await made.agree(0.0)
        row = await made.reaches(receipt.key, State.HUMAN_UNANSWERED)
        assert row.attempts == 2
        assert await asyncio.to_thread(rung, ami, receipt.key) == ["nobody", "nobody"]
        await written(made, outcome_key(receipt.key))


def test_the_names_of_settings_are_those_of_the_file(lab: Lab, tmp_path: Path) -> None:
    """A lab's configuration with call-backs is one that `orderline` reads."""
    loaded: Mapping[str, Any] = vars(settings_file.load(configuration(lab, tmp_path)).callbacks)
    assert loaded["enabled"] is True
