"""`make demo`: two scripted callers place real calls, and everything is shown as it happens.

The callers speak with other voices than the agent's and share only SIP and RTP with it; what the
agent heard, asked and said comes from the call's story, the ear-to-ear times from the recording.
On a terminal the lab then stays up for calls of one's own, until Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from asterisk_agi.errors import CallError
from asterisk_agi.testcall import picture, stories
from asterisk_agi.testcall.analysis import analyse
from asterisk_agi.testcall.dialog import Account
from asterisk_agi.testcall.errors import PhoneError
from asterisk_agi.testcall.measure import labels_of, measure
from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.record import CallRecord
from asterisk_agi.testcall.report import Report, hops, latency, times
from asterisk_agi.testcall.script import ANSWER_LIMIT_S, SETTLE_S, AtOnce, Say, play
from erp.secrets import Secret
from tests.rig import demo_kill, erp_systems, site, voices
from tests.rig.control import LabError
from tests.rig.debs import FetchError
from tests.rig.demo_kill import Killed, talk_and_kill
from tests.rig.follow import follow, until_ended
from tests.rig.lab import Lab, default_folder
from tests.rig.voices import VoiceError

T = TypeVar("T")

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
STORY_END_S = 5.0
"""So long after a call its story is waited for."""
HUMAN_S = 4.0
"""So long the caller stays on the line with the human's extension."""


@dataclass(frozen=True)
class Caller:
    """A scripted caller."""

    name: str
    number: str
    voice: voices.Voice
    says: tuple[str, ...]


CALLERS = (
    Caller(
        "Dana Whitfield",
        "+12125550101",
        voices.VOICES[0],
        (
            "do you have item four five two one",
            "and by the end of next week",
            "how much does it cost",
            "no thank you goodbye",
        ),
    ),
    Caller(
        "Marcus Bell",
        "+12125550102",
        voices.VOICES[3],
        (
            "what is the status of my last order",
            "can you track order two zero two four",
            "what are my recent orders",
            "what is my account balance",
            "yes please",
        ),
    ),
)


class Stage:
    """Prints lines with the second of the call before them; second 0 is the answer."""

    def __init__(self) -> None:
        self.zero_unix_s = time.time()

    def tell(self, who: str, what: str, at_unix_s: float | None = None) -> None:
        """Print one line. at_unix_s: when it happened, if not now."""
        at_s = (at_unix_s or time.time()) - self.zero_unix_s
        print(f"  {at_s:6.2f} s  {who:<9} {what}", flush=True)


def told(event: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return who did what, for an event of a story; none for what is told elsewhere."""
    kind = event.get("event")
    if kind == "said":
        cut = "" if event.get("whole", True) else " (interrupted)"
        return "agent", f'"{event["text"]}"{cut}'
    if kind == "heard":
        sure = round(100 * float(event.get("confidence") or 0))
        return "heard", f'"{event["text"]}" ({event.get("intent")}, {sure} % sure)'
    if kind == "query":
        live = "live" if event.get("live") else "cached"
        record = event.get("record") or "no record"
        return "erp", (
            f"{event.get('system')} {event.get('operation')}: {event.get('result')}, "
            f"{record}, {live}, {float(event.get('ms') or 0):.0f} ms"
        )
    if kind == "barge_in":
        return "agent", "stops: the caller speaks"
    if kind == "ended":
        return "result", f"{event.get('result')} ({event.get('reason')}): {event.get('summary')}"
    return None


class Performance:
    """One caller's call, shown as it happens."""

    def __init__(self, caller: Caller, status: Mapping[str, Any], stage: Stage) -> None:
        self._caller = caller
        self._status = status
        self._stage = stage
        self._stories = Path(status["folders"]["state"]) / "stories"

    async def run(self) -> Report:
        """Place the call, play the script, measure. Raises PhoneError, CallError."""
        _, record = await self._called(self._talk)
        ended = "the agent's side" if record.ended_by_far_side else "the caller"
        self._stage.tell("line", f"hung up by {ended}")
        report = await self._analysed(record)
        drawn = report.files.both.with_suffix(".png")
        picture.draw(report, drawn)
        return report

    async def kill(self, lab: Lab) -> bool:
        """Place a call, kill the voice process in mid-sentence; tell whether the human came."""

        async def talk(phone: Phone, story: Path | None) -> Killed:
            return await talk_and_kill(phone, lab, self._caller.voice, self._stage.tell)

        killed, record = await self._called(talk)
        report = await self._analysed(record)
        print(f"\nhear it: {report.files.both}")
        if killed.human_after_s is None:
            print("demo: the human was not heard", file=sys.stderr)
            return False
        after_s = killed.human_after_s
        print(f"demo: killed in mid-sentence; the human was heard {after_s:.2f} s later")
        return True

    async def _called(
        self, talk: Callable[[Phone, Path | None], Awaitable[T]]
    ) -> tuple[T, CallRecord]:
        """Place a call, show it while the caller talks, and hang up."""
        phone = Phone(_account(self._status, self._caller.number))
        await phone.place(str(self._status["extensions"]["agent"]))
        self._stage.zero_unix_s = phone.record().zero_unix_s
        self._stage.tell("line", "answered")
        story = stories.find(self._stories, phone.call_id)
        showing = asyncio.ensure_future(self._show(story))
        try:
            came_of_it = await talk(phone, story)
        finally:
            record = await phone.close()
            if story is not None:
                await until_ended(story, STORY_END_S)
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
        return came_of_it, record

    async def _analysed(self, record: CallRecord) -> Report:
        folder = Path(self._status["folders"]["recordings"])
        return await analyse(record, folder, self._stories, None)

    async def _talk(self, phone: Phone, story: Path | None) -> None:
        await phone.settled(SETTLE_S, ANSWER_LIMIT_S)
        for text in self._caller.says:
            if phone.over.is_set():
                return
            self._stage.tell("caller", f'"{text}"')
            speech = voices.speak(self._caller.voice, text)
            await play(phone, [Say(speech, text, AtOnce())])
            await self._answered(phone)
            self._show_turn(phone, story)
        if not phone.over.is_set():
            # Only a caller who is with a human is still on the line.
            await _first(phone.over.wait(), asyncio.sleep(HUMAN_S))

    async def _answered(self, phone: Phone) -> None:
        await _first(phone.over.wait(), phone.settled(SETTLE_S, ANSWER_LIMIT_S))

    def _show_turn(self, phone: Phone, path: Path | None) -> None:
        record = phone.record()
        story = stories.read(path) if path is not None else stories.Story(())
        turn = measure(record, labels_of(story, record.zero_unix_s), story).turns[-1]
        self._stage.tell("times", times(turn))
        if turn.hops:
            self._stage.tell("hops", f"{hops(turn.hops)} (ms)")

    async def _show(self, path: Path | None) -> None:
        if path is None:
            self._stage.tell("story", "none was found: only sound is shown")
            return
        async for event in follow(path):
            if (line := told(event)) is not None:
                # What was said is told at its end: show when it began.
                self._stage.tell(*line, event.get("begin") or event.get("at"))


async def _first(*waits: Any) -> None:
    """Wait until one of these has come about; stop the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _account(status: Mapping[str, Any], number: str) -> Account:
    sip = status["sip"]
    return Account(sip["host"], sip["port"], sip["user"], Secret(sip["password"]), number)


async def perform(status: Mapping[str, Any]) -> list[Report]:
    """Let every caller call, one after the other."""
    reports = []
    for number, caller in enumerate(CALLERS, start=1):
        print(f"\ncall {number}: {caller.name}, {caller.number} ({caller.voice.name})", flush=True)
        reports.append(await Performance(caller, status, Stage()).run())
    return reports


def closing_line(reports: Sequence[Report]) -> str:
    """Return the line that the demo ends with."""
    turns = sum(len(report.measured.turns) for report in reports)
    values = [value for report in reports for value in report.measured.latencies_ms]
    whole = latency(values)
    p50, p95 = (f"{whole[key]:.0f}" if values else "-" for key in ("p50_ms", "p95_ms"))
    return f"demo: {len(reports)} calls, {turns} turns, ear-to-ear p50 {p50} ms, p95 {p95} ms"


def show_reads(configuration: Path) -> None:
    """Ask every read of the system once more, from the command line: what each takes in all."""
    orderline = Path(sys.executable).with_name("orderline")
    done = subprocess.run(
        [orderline, "erp", "latency", "--config", configuration, "--rounds", "5"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    print("\nevery read, five times (orderline erp latency):")
    print((done.stdout.partition("\n\n")[0] or done.stderr) + "\n", flush=True)


def how_to_dial(status: Mapping[str, Any]) -> str:
    """Return how a person's own SIP telephone can call the lab."""
    sip, extensions = status["sip"], status["extensions"]
    return (
        "\nThe lab stays up. Dial in with any SIP telephone on this machine:\n"
        f"  address   sip:{extensions['agent']}@{sip['host']}:{sip['port']} (UDP)\n"
        f"  user      {sip['user']}\n"
        f"  password  {sip['password']}\n"
        f"  caller's number, if the telephone can set one: {CALLERS[0].number}\n"
        f"  the human's own extension: {extensions['human']}\n"
        "Ctrl-C ends it."
    )


def stays_up() -> bool:
    """Tell whether a person is watching."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("CI") != "true"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo.

    Returns 0; 1 when a call could not be placed or held no fact; 128 and the signal's number
    when SIGTERM or SIGHUP ended it.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.rig.demo")
    parser.add_argument("--asterisk", default="auto", choices=["auto", "22", "16"])
    parser.add_argument("--erp", default=site.ERP, choices=erp_systems.KINDS)
    parser.add_argument("--kill", action="store_true", help="kill the agent in mid-sentence")
    options = parser.parse_args(arguments)
    was_up = _is_up(Lab(default_folder(), options.asterisk))
    if was_up and options.erp != site.ERP:
        print(f"demo: a lab with {site.ERP} is up: `make lab-down` first", file=sys.stderr)
        return 1
    with _signals_end_it(), contextlib.ExitStack() as stack:
        lab = Lab(default_folder(), options.asterisk, end_with_parent=not was_up)
        try:
            if options.erp != site.ERP:
                lab = _lab_with(options.erp, options.asterisk, stack)
            return _show_kill(lab) if options.kill else _show(lab)
        except (FetchError, LabError, VoiceError, PhoneError, CallError) as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print()
            return 0
        except _Told as told:
            print(f"demo: {told}: it ends", file=sys.stderr)
            return 128 + told.number
        finally:
            _heed_no_more()
            if not was_up:
                lab.stop()


def _lab_with(kind: str, asterisk: str, stack: contextlib.ExitStack) -> Lab:
    """Return a lab whose callers are answered from another system: one line of its file differs."""
    folder = default_folder()
    served = erp_systems.served(kind, folder / "systems" / kind)
    section = stack.enter_context(served)
    settings = {"erp": {"use": kind}, "systems": {kind: section}}
    return Lab(folder, asterisk, ("erp",), end_with_parent=True, voice_settings=settings)


class _Told(SystemExit):
    """A signal told us to end. As a SystemExit it passes asyncio, which ends its tasks first."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number

    def __str__(self) -> str:
        return signal.Signals(self.number).name


@contextmanager
def _signals_end_it() -> Iterator[None]:
    """Raise _Told for SIGTERM and SIGHUP within the block; `nohup` keeps its meaning."""

    def end(number: int, frame: FrameType | None) -> None:
        _heed_no_more()
        raise _Told(number)

    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, end)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _heed_no_more() -> None:
    """Let no second signal cut the cleaning up short."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _is_up(lab: Lab) -> bool:
    try:
        lab.status()
    except LabError:
        return False
    return True


def _show(lab: Lab) -> int:
    _prepare_speech()
    lab.start()
    status = lab.status()
    reports = asyncio.run(perform(status))
    print()
    for number, report in enumerate(reports, start=1):
        print(f"call {number} recording: {report.files.both}")
        print(f"call {number} picture:   {report.files.both.with_suffix('.png')}")
    show_reads(Path(status["folders"]["state"]).parent / "orderline.yaml")
    print(closing_line(reports), flush=True)
    if not any(report.measured.latencies_ms for report in reports):
        print(
            "demo: no answer held a fact, so no ear-to-ear time could be measured: look at "
            f"{Path(status['folders']['logs']) / 'voice.log'}",
            file=sys.stderr,
        )
        return 1
    if stays_up():
        print(how_to_dial(status), flush=True)
        signal.pause()
    return 0


def _show_kill(lab: Lab) -> int:
    for text in demo_kill.QUESTIONS:
        voices.speak(CALLERS[0].voice, text)
    lab.start()
    print(f"\n{CALLERS[0].name} calls, {CALLERS[0].number}", flush=True)
    came = asyncio.run(Performance(CALLERS[0], lab.status(), Stage()).kill(lab))
    lab.wait()
    return 0 if came else 1


def _prepare_speech() -> None:
    """Make the callers' speech before the first call, so that no call waits for it."""
    for caller in CALLERS:
        for text in caller.says:
            voices.speak(caller.voice, text)


if __name__ == "__main__":
    sys.exit(main())
