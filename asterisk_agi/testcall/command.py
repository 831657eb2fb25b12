"""The command `orderline call`: places a real call as a caller, records and measures it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.espeak_engine import EspeakSettings, EspeakSynthesizer
from asterisk_agi.testcall import audio_file, lab, report
from asterisk_agi.testcall.analysis import analyse
from asterisk_agi.testcall.dialog import Account
from asterisk_agi.testcall.errors import CallRejected, PhoneError, PhoneUsageError
from asterisk_agi.testcall.phone import RING_S, Phone
from asterisk_agi.testcall.record import CallRecord
from asterisk_agi.testcall.script import (
    SETTLE_S,
    AfterAnswer,
    HangUp,
    OverAnswer,
    Press,
    Say,
    Step,
    Wait,
    When,
    play,
)
from asterisk_agi.testcall.telephone_event import checked_keys
from erp import secrets

SIP_PORT = 5060
"""Where a SIP server listens when no port is given."""

LINE_HELP = f"""Without --server and --lab: the line of the lab that runs beside this command,
when there is one ({lab.SAVED} in the folder ${lab.FOLDER_VARIABLE}, else in ./{lab.FOLDER}).
What is given here goes before what a lab tells."""


class _InOrder(argparse.Action):
    """Keeps --say, --wav, --press, --wait and --over in the order in which they were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        namespace.script = [*(namespace.script or []), (self.dest, values)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of `orderline call`."""
    parser.add_argument("--to", metavar="EXT", help="extension to call")
    line = parser.add_argument_group("the SIP account to call with", LINE_HELP)
    line.add_argument(
        "--lab",
        type=Path,
        metavar="FILE",
        help="the JSON object that `make -s lab-status` prints (- is standard input): it tells "
        "server, user, password and stories",
    )
    line.add_argument("--server", metavar="HOST[:PORT]", help=f"SIP server; port: {SIP_PORT}")
    line.add_argument("--user", help="name of the SIP account")
    line.add_argument("--password", metavar="REF", help="env:NAME or file:/path, never itself")
    line.add_argument("--from", dest="number", metavar="NUMBER", help="the caller's number")
    line.add_argument("--ring", type=float, default=RING_S, metavar="S", help="wait so long")
    _add_script(parser.add_argument_group("what the caller does, in this order"))
    out = parser.add_argument_group("what is written")
    out.add_argument("--json", type=Path, metavar="OUT", help="the measurements")
    out.add_argument("--out-dir", type=Path, default=Path(), metavar="DIR", help="recordings")
    out.add_argument("--picture", type=Path, metavar="FILE", help="PNG; needs the extra `picture`")
    out.add_argument("--stories", type=Path, metavar="DIR", help="call stories, for the hops")
    out.add_argument("--model", type=Path, metavar="DIR", help="Vosk model for the transcript")


def _add_script(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--say", action=_InOrder, metavar="TEXT", help="speak after the answer")
    group.add_argument("--wav", action=_InOrder, type=Path, metavar="FILE", help="speak a file")
    group.add_argument("--press", action=_InOrder, metavar="KEYS", help="press keys")
    group.add_argument("--wait", action=_InOrder, type=float, metavar="S", help="be silent")
    group.add_argument(
        "--over",
        action=_InOrder,
        type=float,
        metavar="S",
        help="do the next thing S seconds after the agent began to speak, not after its answer",
    )
    group.add_argument(
        "--settle", type=float, default=SETTLE_S, metavar="S", help="an answer ends by silence"
    )
    group.set_defaults(script=None)


async def run(arguments: argparse.Namespace, environ: Mapping[str, str] | None = None) -> int:
    """Place the call. Returns 0 when it was answered, 1 when not, 2 for wrong options.

    environ: names the lab's folder and holds the secrets; none: this process's own.
    """
    try:
        environ = os.environ if environ is None else environ
        line = _lab_line(arguments, environ)
        account = _account(arguments, line, environ)
        steps = await _steps(arguments)
    except (ValueError, SpeechError) as error:
        _complain(str(error))
        return 2
    try:
        record = await place(account, arguments.to, steps, arguments.ring)
    except PhoneError as error:
        _complain(str(error))
        code = error.code if isinstance(error, CallRejected) else None
        _write(arguments.json, report.refusal(arguments.to, code, str(error)))
        return 1
    stories = arguments.stories or (line.stories if line is not None else None)
    return await _tell(arguments, record, stories)


async def place(
    account: Account, extension: str, steps: Sequence[Step], ring_s: float = RING_S
) -> CallRecord:
    """Call, play a script, hang up, and return the record. Raises PhoneError."""
    phone = Phone(account)
    await phone.place(extension, ring_s)
    try:
        await play(phone, steps)
    finally:
        record = await phone.close()
    return record


async def _tell(arguments: argparse.Namespace, record: CallRecord, stories: Path | None) -> int:
    try:
        told = await analyse(record, arguments.out_dir, stories, arguments.model)
    except (PhoneError, SpeechError) as error:
        _complain(str(error))
        return 1
    if arguments.picture is not None:
        told = _draw(told, arguments.picture)
    _write(arguments.json, report.document(told))
    print(report.table(told))  # noqa: T201
    return 0


def _draw(told: report.Report, path: Path) -> report.Report:
    try:
        from asterisk_agi.testcall import picture  # noqa: PLC0415
    except ImportError:
        _complain("a picture needs matplotlib: install `orderline[picture]`")
        return told
    picture.draw(told, path)
    return replace(told, picture=path)


def _write(path: Path | None, values: dict[str, Any]) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _complain(sentence: str) -> None:
    print(f"orderline call: {sentence}", file=sys.stderr)  # noqa: T201


# Options...


def _lab_line(arguments: argparse.Namespace, environ: Mapping[str, str]) -> lab.LabLine | None:
    """Return the line of the lab that was named, or that runs here; none for another server."""
    path = arguments.lab
    if path is None and not arguments.server:
        path = lab.saved(environ)
    return None if path is None else lab.load(path, sys.stdin)


def _account(
    arguments: argparse.Namespace, line: lab.LabLine | None, environ: Mapping[str, str]
) -> Account:
    _complain_of_missing(arguments, line)
    host, port = _server(arguments.server) if arguments.server else ("", 0)
    if line is not None and not arguments.server:
        host, port = line.host, line.port
    if line is not None and not arguments.password:
        password = line.password
    else:
        password = secrets.resolve(arguments.password, environ)
    user = arguments.user or (line.user if line is not None else "")
    return Account(host, port, user, password, arguments.number or "")


def _complain_of_missing(arguments: argparse.Namespace, line: lab.LabLine | None) -> None:
    wanted = {
        "--server HOST[:PORT]": arguments.server,
        "--user NAME": arguments.user,
        "--password env:NAME or file:/path": arguments.password,
    }
    missing = [option for option, value in wanted.items() if not value and line is None]
    hint = ", or --lab FILE in their place" if missing else ""
    if not arguments.to:
        missing.insert(0, "--to EXT")
    if missing:
        raise PhoneUsageError(f"missing: {', '.join(missing)}{hint}")


def _server(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536):
        raise PhoneUsageError(f"--server {text}: the port is no number")
    return host, int(port) if port else SIP_PORT


@dataclass
class _Script:
    """Turns options into steps, one after the other."""

    speaker: EspeakSynthesizer | None
    settle_s: float
    over_s: float | None = None

    def when(self) -> When:
        over_s, self.over_s = self.over_s, None
        return AfterAnswer(self.settle_s) if over_s is None else OverAnswer(over_s)

    async def step(self, option: str, value: Any) -> Step | None:
        if option == "over":
            self.over_s = value
            return None
        if option == "press":
            return Press(checked_keys(value), self.when())
        if option == "wait":
            return Wait(value)
        if option == "wav":
            return Say(audio_file.read(value), value.name, self.when())
        if self.speaker is None:
            raise PhoneUsageError("nothing speaks --say: this is our own mistake")
        return Say(await self.speaker.speak(value), value, self.when())


async def _steps(arguments: argparse.Namespace) -> list[Step]:
    options = arguments.script or []
    speaks = any(option == "say" for option, _ in options)
    speaker = EspeakSynthesizer(EspeakSettings()) if speaks else None
    script = _Script(speaker, arguments.settle)
    try:
        made = [await script.step(option, value) for option, value in options]
    finally:
        if speaker is not None:
            await speaker.close()
    steps = [step for step in made if step is not None]
    return [*steps, HangUp(AfterAnswer(arguments.settle))]
