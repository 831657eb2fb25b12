"""The command `orderline`.

Exit codes: 0 all well, 1 something is not (it was said what), 2 the command or the
configuration is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asterisk_agi import app, app_bridge, check, logs, recording_command, script_build
from asterisk_agi import settings as settings_file
from asterisk_agi.config import ConfigError
from asterisk_agi.errors import SpeechError
from asterisk_agi.people import Way
from asterisk_agi.server import FastAgiServer
from asterisk_agi.speech import model_list, models
from asterisk_agi.testcall import command as testcall
from dialplan.render import Entry, VoiceHost, render_entry, render_whisper
from erp.commands import callbacks as callback_commands
from erp.commands import calls, letters, tail
from erp.commands import parser as erp_commands
from erp.commands.configured import Configured
from erp.commands.errors import CommandError
from erp.landscape import LandscapeError
from erp.opening import Opening
from erp.profiles.errors import ProfileError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

DEFAULT_CONFIG = Path("/etc/orderline/orderline.yaml")


_MISTAKES = (ConfigError, SpeechError, CommandError, LandscapeError, ProfileError, OSError)
"""What is wrong outside of us, in one sentence with the mend."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except _MISTAKES as error:
        print(f"orderline: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="orderline", description="A voice agent for Asterisk.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_configured(commands, "serve", "take calls until SIGTERM", _serve)
    _add_configured(commands, "bridge", "watch the calls of the voice process", _bridge)
    _add_configured(commands, "check", "try every dependency of a configuration", _check)
    _add_call(commands)
    _add_models(commands)
    _add_config(commands)
    _add_configured(commands, "dialplan", "print the dialplan entry to paste", _dialplan)
    _add_script(commands)
    _add_erp(commands)
    _add_callbacks(commands)
    _add_recordings(commands)
    _add_events(commands)
    _add_calls(commands)
    return parser


def _add_configured(
    commands: Commands, name: str, about: str, run: Callable[[argparse.Namespace], int]
) -> None:
    """Add a command that works on a configuration and takes no other option."""
    parser = commands.add_parser(name, help=about)
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, help=f"default: {DEFAULT_CONFIG}"
    )
    parser.set_defaults(run=run)


def _serve(arguments: argparse.Namespace) -> int:
    settings = settings_file.load(arguments.config)
    logs.configure(settings.log.level)

    def ready(server: FastAgiServer) -> None:
        print(f"orderline: ready on {settings.fastagi.host}:{server.port}", flush=True)

    asyncio.run(app.serve(settings, ready))
    return 0


def _bridge(arguments: argparse.Namespace) -> int:
    settings = settings_file.load(arguments.config)
    logs.configure(settings.log.level)

    def ready() -> None:
        where = f"{settings.bridge.host}:{settings.bridge.port}"
        print(f"orderline bridge: ready on {where}", flush=True)

    asyncio.run(app_bridge.watch(settings, ready))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    settings = settings_file.load(arguments.config)
    logs.configure("error")
    rows = asyncio.run(app.check(settings))
    print(check.table(rows))
    return 0 if all(row.well for row in rows) else 1


def _add_call(commands: Commands) -> None:
    parser = commands.add_parser("call", help="place a test call as a caller, and measure it")
    testcall.add_arguments(parser)
    parser.set_defaults(run=lambda arguments: asyncio.run(testcall.run(arguments)))


def _add_models(commands: Commands) -> None:
    parser = commands.add_parser("models", help="speech models of Alpha Cephei")
    parser.add_argument(
        "--list-url", default=model_list.LIST_URL, metavar="URL", help="where the list is"
    )
    verbs = parser.add_subparsers(required=True, metavar="list|fetch")
    verbs.add_parser("list", help="what there is").set_defaults(run=_list_models)
    fetch = verbs.add_parser("fetch", help="download one into the cache")
    fetch.add_argument("name", metavar="NAME")
    fetch.set_defaults(run=_fetch_model)


def _list_models(arguments: argparse.Namespace) -> int:
    print(f"{models.PACKAGED.name:40} en-us  packaged with Orderline; not for a live line")
    for model in asyncio.run(model_list.listing(arguments.list_url)):
        if not model.obsolete:
            size_mb = model.size_bytes / 1_000_000
            print(f"{model.name:40} {model.language:6} {model.kind:10} {size_mb:8.1f} MB")
    return 0


def _fetch_model(arguments: argparse.Namespace) -> int:
    into = models.cache_folder(os.environ)
    fetching = model_list.fetch(
        arguments.name, into=into, list_url=arguments.list_url, progress=_show_progress
    )
    path = asyncio.run(fetching)
    print(f"\norderline: {path} is there; name it in recognizer.model")
    return 0


def _show_progress(here_bytes: int, whole_bytes: int) -> None:
    share = 100 * here_bytes // max(whole_bytes, 1)
    print(f"\r{here_bytes / 1e6:.1f} of {whole_bytes / 1e6:.1f} MB, {share} %", end="", flush=True)


def _dialplan(arguments: argparse.Namespace) -> int:
    settings = settings_file.load(arguments.config)
    wanted = settings.dialplan
    message = wanted.voicemail if settings.people.voicemail else ""
    entry = Entry(wanted.context, wanted.extension, wanted.profile, wanted.human, message)
    voice = VoiceHost(settings.fastagi.host, settings.fastagi.port)
    print(render_entry(entry, voice), end="")
    if settings.people.whisper or settings.people.way is Way.ATTENDED:
        print()
        print(render_whisper(settings.people.whisper_context, voice), end="")
    return 0


def _add_config(commands: Commands) -> None:
    parser = commands.add_parser("config", help="print a configuration with every key")
    parser.set_defaults(run=_config)


def _config(arguments: argparse.Namespace) -> int:
    print(settings_file.reference_file(), end="")
    return 0


def _add_script(commands: Commands) -> None:
    parser = commands.add_parser("script", help="build orderline.agi for the PBX host")
    parser.add_argument("--out", type=Path, default=Path("orderline.agi"), metavar="FILE")
    parser.set_defaults(run=_script)


def _add_erp(commands: Commands) -> None:
    parser = commands.add_parser("erp", help="attach, try and measure the business systems")
    erp_commands.add_commands(parser, _business_systems, DEFAULT_CONFIG)


def _add_callbacks(commands: Commands) -> None:
    parser = commands.add_parser("callbacks", help="list or cancel what was agreed with callers")
    callback_commands.add_commands(
        parser, lambda path: settings_file.load(path).store, DEFAULT_CONFIG
    )


def _add_events(commands: Commands) -> None:
    parser = commands.add_parser("events", help="the events of calls, and how they are published")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    letters.add_verbs(verbs, lambda path: settings_file.load(path).store, DEFAULT_CONFIG)
    tail.add_verb(verbs, lambda path: settings_file.load(path).store, DEFAULT_CONFIG)


def _add_calls(commands: Commands) -> None:
    parser = commands.add_parser("calls", help="present and past calls with their outcome")
    calls.add_command(parser, _calls_of, DEFAULT_CONFIG)


def _calls_of(config_file: Path) -> calls.CallsOf:
    settings = settings_file.load(config_file)
    return calls.CallsOf(settings.store, settings.events.spool, Opening(settings.opening).zone)


def _add_recordings(commands: Commands) -> None:
    parser = commands.add_parser("recordings", help="list or delete recordings of calls")
    recording_command.add_commands(
        parser, lambda path: settings_file.load(path).recording, DEFAULT_CONFIG, print
    )


def _business_systems(config_file: Path) -> Configured:
    settings = settings_file.load(config_file)
    logs.configure("error")
    wanted = settings.check
    return Configured(
        settings.erp, settings.systems, wanted.item_number, wanted.phone
    )


def _script(arguments: argparse.Namespace) -> int:
    try:
        script_build.build(arguments.out)
    except ModuleNotFoundError as error:
        print(f"orderline: {error}: install the extra `script`", file=sys.stderr)
        return 2
    print(f"orderline: wrote {arguments.out}")
    return 0
