"""Events of real calls, at a receiver of webhooks and in a real NATS stream, whatever dies."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import yaml

from asterisk_agi import cli
from asterisk_agi.testcall.phone import Phone
from tests.integration.calls import account
from tests.integration.receivers import Got, Receiver, last_session, of_call, stream_of, until
from tests.rig import asterisk
from tests.rig.lab import Lab
from tests.rig.metric_names import DASHBOARD, RULES, exported, expressions, named
from tests.rig.nats_server import NatsServer
from tests.rig.ports import LOOPBACK, free_ports

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

SECRET = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
SOON = {"first_s": 0.1, "max_s": 0.3, "outage_max_s": 0.3, "attempts_max": 5}
STREAM = "ORDERLINE"


@dataclass(frozen=True)
class Site:
    """A lab whose two bridges publish to a receiver and to NATS."""

    lab: Lab
    nats: NatsServer
    receiver: Receiver

    async def streamed(self, events: list[Got]) -> bool:
        """Wait until the stream has exactly the events of a call, in their order."""
        for _ in range(50):
            found = await stream_of(self.nats.url, STREAM)
            if [one for one in found if one.session == events[0].session] == events:
                return True
            await asyncio.sleep(0.1)
        return False

    def settings(self, name: str = "orderline") -> dict[str, dict[str, int]]:
        text = (self.lab.folder / f"{name}.yaml").read_text("utf-8")
        loaded: dict[str, dict[str, int]] = yaml.safe_load(text)
        return loaded

    async def seen(self, path: str, port: str, name: str = "orderline") -> tuple[int, str]:
        """Return status and text of a monitoring address. name: of the configuration."""
        url = f"http://{LOOPBACK}:{self.settings(name)['monitoring'][port]}{path}"
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            return answer.status, await answer.text()


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[Lab, NatsServer, int]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderline-lab-")))
        (port,) = free_ports(1)
        (folder / "nats").mkdir()
        key = folder / "webhook.secret"
        key.write_text(SECRET)
        nats = NatsServer(folder / "nats")
        nats.start()
        stack.callback(nats.stop)
        endpoint = {"url": f"http://{LOOPBACK}:{port}/events", "secret": f"file:{key}"}
        settings = {
            "webhook": {"endpoints": {"desk": endpoint}, "retry": SOON},
            "nats": {"servers": [nats.url], "retry": SOON},
        }
        lab = Lab(folder, end_with_parent=True, voice_settings=settings, bridges=2)
        stack.callback(lab.stop)
        lab.start()
        yield lab, nats, port


@pytest.fixture
def site(started: tuple[Lab, NatsServer, int]) -> Site:
    lab, nats, port = started
    return Site(lab, nats, Receiver(SECRET, port))


async def short_call(site: Site) -> None:
    """Call, hear the greeting begin, hang up."""
    phone = Phone(account(site.lab.status()))
    await phone.place(asterisk.AGENT)
    try:
        await phone.began(10.0)
    finally:
        await phone.close()


def stored(lab: Lab) -> list[Got]:
    """Return all events that the store has, in its order."""
    store = sqlite3.connect(f"file:{lab.folder}/state/orderline.sqlite?mode=ro", uri=True)
    try:
        rows = store.execute("SELECT body FROM outbox ORDER BY seq").fetchall()
    finally:
        store.close()
    return [Got.read(body.encode()) for (body,) in rows]


async def ended_call(site: Site) -> list[Got]:
    """Place a call; return its events once the store has the last of them."""
    before = {one.session for one in stored(site.lab)}
    await short_call(site)

    def over() -> bool:
        return any(
            one.type.endswith(".ended") and one.session not in before for one in stored(site.lab)
        )

    await until(over, "the end of the call in the store")
    events = stored(site.lab)
    return of_call(events, last_session(events))


async def holder(site: Site) -> str:
    """Return the name of the bridge that publishes; one of the two does, sooner or later."""
    for _ in range(150):
        for name, file in (("bridge", "orderline"), ("bridge2", "bridge2")):
            if "orderline_publishes 1.0" in (await site.seen("/metrics", "bridge_port", file))[1]:
                return name
        await asyncio.sleep(0.1)
    raise AssertionError("no bridge publishes")


async def orderline(lab: Lab, *arguments: str) -> None:
    """Run the command in this process: a new one takes seconds to load on a busy machine."""
    command = [*arguments, "--config", str(lab.folder / "orderline.yaml")]
    assert await asyncio.to_thread(cli.main, command) == 0


async def test_all_events_of_a_call_arrive_at_both_in_order_and_signed(site: Site) -> None:
    async with site.receiver.up():
        events = await ended_call(site)
        session = events[0].session
        await until(
            lambda: len(of_call(site.receiver.got, session)) >= len(events), "all at the receiver"
        )
    assert events[0].type.endswith(".started")
    assert [one.sequence for one in events] == sorted(one.sequence for one in events)
    assert of_call(site.receiver.got, session) == events
    assert await site.streamed(events)
    assert site.receiver.forged == 0


async def test_nothing_is_lost_when_receiver_nats_and_bridge_die(site: Site) -> None:
    site.nats.stop()
    events = await ended_call(site)  # nobody takes it
    publishing = await holder(site)
    await asyncio.to_thread(site.lab.kill, publishing)
    site.nats.start()
    async with site.receiver.up():
        session = events[0].session
        await until(
            lambda: len(of_call(site.receiver.got, session)) >= len(events), "all at the receiver"
        )
        assert of_call(site.receiver.got, session) == events
    assert await site.streamed(events)


async def test_a_poison_event_becomes_a_dead_letter_and_is_replayed(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = site.receiver
    receiver.refuse = lambda event: 422 if event.type.endswith(".started") else 200
    async with receiver.up():
        events = await ended_call(site)
        poison, rest = events[0], events[1:]
        await until(
            lambda: len(of_call(receiver.got, poison.session)) >= len(rest), "the rest of the call"
        )
        assert of_call(receiver.got, poison.session) == rest
        await orderline(site.lab, "events", "dead")
        listed = capsys.readouterr().out
        assert poison.id in listed
        assert "answered 422" in listed
        receiver.refuse = lambda _: 200
        await orderline(site.lab, "events", "replay", poison.id)
        assert capsys.readouterr().out.startswith("1 ")
        await until(lambda: poison in receiver.got, "the replayed event")
        await orderline(site.lab, "events", "dead")
        assert poison.id not in capsys.readouterr().out


async def test_of_two_bridges_one_publishes_and_the_other_takes_over(site: Site) -> None:
    async with site.receiver.up():
        first = await holder(site)
        await asyncio.to_thread(site.lab.hold, first)
        try:
            events = await ended_call(site)
            session = events[0].session
            await until(
                lambda: len(of_call(site.receiver.got, session)) >= len(events), "by the other"
            )
        finally:
            await asyncio.to_thread(site.lab.release, first)
        ids = [one.id for one in site.receiver.got if one.session == session]
    assert len(ids) == len(set(ids)), "two would have sent it twice"


async def test_health_says_which_part_is_ill(site: Site) -> None:
    async def state(port: str) -> tuple[int, dict[str, str]]:
        status, text = await site.seen("/health", port)
        parts = json.loads(text)["parts"]
        return status, {name: part["state"] for name, part in parts.items()}

    async def becomes(port: str, part: str, wanted: str, code: int) -> None:
        for _ in range(100):
            status, parts = await state(port)
            if (status, parts.get(part)) == (code, wanted):
                return
            await asyncio.sleep(0.1)
        pytest.fail(f"{part} is never {wanted} with {code}: {status} {parts}")

    await becomes("voice_port", "erp:tryton", "ok", 200)
    await asyncio.to_thread(site.lab.hold, "erp")
    try:
        await becomes("voice_port", "erp:tryton", "ill", 200)
    finally:
        await asyncio.to_thread(site.lab.release, "erp")
    await becomes("voice_port", "erp:tryton", "ok", 200)
    await asyncio.to_thread(site.lab.hold, "asterisk")
    try:
        await becomes("voice_port", "ami", "ill", 503)
        await becomes("bridge_port", "ami", "ill", 503)
    finally:
        await asyncio.to_thread(site.lab.release, "asterisk")
    await becomes("voice_port", "ami", "ok", 200)
    await becomes("bridge_port", "ami", "ok", 200)


async def test_alerts_and_dashboard_name_only_what_is_exported(site: Site) -> None:
    texts = [(await site.seen("/metrics", port))[1] for port in ("voice_port", "bridge_port")]
    there = set().union(*map(exported, texts))
    for path in (RULES, DASHBOARD):
        for expression in expressions(path):
            assert named(expression) <= there, expression
    assert "orderline_turn_seconds" in there
    assert 'orderline_ami_up 1.0' in texts[0]


async def test_metrics_hold_no_personal_data(site: Site) -> None:
    await short_call(site)
    for port in ("voice_port", "bridge_port"):
        status, text = await site.seen("/metrics", port)
        assert status == 200
        for private in ("12125550101", "Dana", "Whitfield", "C001"):
            assert private not in text
