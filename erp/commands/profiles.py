"""The commands on profiles: list, print, check, compare, put in use, take back.

    orderline erp profiles | profile NAME | check [PROFILE ...] | diff OLD NEW
    orderline erp activate SYSTEM PROFILE | rollback SYSTEM | history SYSTEM
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from erp.commands.configured import Configured, port
from erp.commands.errors import CommandError
from erp.commands.table import table
from erp.errors import ErpError
from erp.landscape import Landscape
from erp.profiles import Profile, load
from erp.profiles.diff import diff
from erp.profiles.source import packaged
from erp.profiles.store import Entry, ProfileStore
from erp.settings import GatewaySettings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

AddConfigured = Callable[
    [str, str, Callable[[Configured, argparse.Namespace], int]], argparse.ArgumentParser
]
"""Adds a verb that works on a configuration: name, help, what it does."""


def add_commands(verbs: Commands, configured: AddConfigured) -> None:
    """Add these verbs to `orderline erp`."""
    verbs.add_parser("profiles", help="list the packaged profiles").set_defaults(run=_list)
    show = verbs.add_parser("profile", help="print a packaged profile, as a start for your own")
    show.add_argument("name", metavar="NAME")
    show.set_defaults(run=_show)
    compare = verbs.add_parser("diff", help="what a change of a profile alters")
    compare.add_argument("old", metavar="OLD", help="a packaged name, or a file")
    compare.add_argument("new", metavar="NEW")
    compare.set_defaults(run=_diff)
    check = configured("check", "run every rule's examples, and ask for a trifle", _check)
    check.add_argument("profiles", nargs="*", metavar="PROFILE", help="only these; asks nobody")
    whole = check.get_default("run")
    check.set_defaults(run=lambda given: _check_rules_of(given) if given.profiles else whole(given))
    activate = configured("activate", "put a profile in use, without a restart", _activate)
    activate.add_argument("system", metavar="SYSTEM")
    activate.add_argument("profile", metavar="PROFILE", help="a packaged name, or a file")
    for name, about, run in (
        ("rollback", "go back to the profile that was in use before", _rollback),
        ("history", "which profile was in use, and since when", _history),
    ):
        configured(name, about, run).add_argument("system", metavar="SYSTEM")


def _list(arguments: argparse.Namespace) -> int:
    found = [load(name) for name in packaged()]
    rows = [(one.name, str(one.version), one.engine, one.changes[0].what) for one in found]
    print(table(("profile", "version", "engine", "last change"), rows))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    if arguments.name not in packaged():
        known = ", ".join(packaged())
        raise CommandError(f"{arguments.name} is no packaged profile: known are {known}")
    print(load(arguments.name).path.read_text("utf-8"), end="")
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    lines = diff(load(arguments.old), load(arguments.new))
    print("\n".join(lines) or "They say the same.")
    return 0


# Checking


def _check(settings: Configured, arguments: argparse.Namespace) -> int:
    landscape = Landscape(settings.erp, settings.systems)
    systems = landscape.asked()
    wells = [_check_rules(landscape.profile(system)) for system in systems]
    landscape.connectors()  # Whether the configuration gives what the profiles ask for.
    answer = [asyncio.run(_check_live(settings, system)) for system in systems]
    return 0 if all(wells) and all(answer) else 1


def _check_rules_of(arguments: argparse.Namespace) -> int:
    """Check profiles that need not be in any configuration."""
    wells = [_check_rules(load(name)) for name in arguments.profiles]
    return 0 if all(wells) else 1


def _check_rules(profile: Profile) -> bool:
    """Run the examples of a profile, and print what is not well. Returns whether all is."""
    checks = profile.checks()
    ill = [result for result in checks.results if not result.ok]
    for result in ill:
        print(
            f"  wrong: {result.where}: {result.given} gives {result.got!r}, "
            f"its example says {result.wanted!r}"
        )
    for where in checks.unproven:
        print(f"  no example: {where}")
    number = len(checks.results)
    print(f"{profile.label}: {number - len(ill)} of {number} examples well")
    return not ill


async def _check_live(settings: Configured, system: str) -> bool:
    """Ask a system for a trifle, with our own login, as if it were the only one."""
    alone = GatewaySettings(use=system, profile_folder=settings.erp.profile_folder)
    try:
        async with port(replace(settings, erp=alone)) as erp:
            await erp.ping(settings.soon())
    except ErpError as error:
        print(f"  wrong: {error}")
        return False
    print(f"{system}: answers, with our login")
    return True


# Switching


def _store(settings: Configured) -> ProfileStore:
    folder = settings.erp.profile_folder
    if folder is None:
        raise CommandError(
            "erp.profile_folder is not set: write the folder that keeps the profiles in use"
        )
    return ProfileStore(folder)


def _demand_system(settings: Configured, system: str) -> None:
    if system not in settings.systems:
        known = ", ".join(settings.systems) or "none"
        raise CommandError(f"{system} is not below `systems`: known are {known}")


def _activate(settings: Configured, arguments: argparse.Namespace) -> int:
    _demand_system(settings, arguments.system)
    store, landscape = _store(settings), Landscape(settings.erp, settings.systems)
    landscape.demand_fit(arguments.system, load(arguments.profile))
    entry = store.activate(arguments.system, arguments.profile)
    print(f"{arguments.system}: {_label(entry)} is in use; calls in progress keep what they have")
    return 0


def _rollback(settings: Configured, arguments: argparse.Namespace) -> int:
    _demand_system(settings, arguments.system)
    entry = _store(settings).rollback(arguments.system)
    print(f"{arguments.system}: back to {_label(entry)}")
    return 0


def _label(entry: Entry) -> str:
    if not entry.file:
        return "the profile that the configuration names"
    return f"{entry.profile} v{entry.version} ({entry.digest[:12]})"


def _history(settings: Configured, arguments: argparse.Namespace) -> int:
    _demand_system(settings, arguments.system)
    rows = [
        (entry.at, entry.action, _label(entry))
        for entry in _store(settings).history(arguments.system)
    ]
    named = settings.systems[arguments.system].profile
    print(table(("since", "by", "profile"), rows) if rows else f"never switched: {named}")
    return 0
