"""The lab: a real Asterisk, a real ERP and the voice process, on free ports of 127.0.0.1.

`python -m tests.rig.lab up|status|down` works on the folder $ORDERLINE_LAB, or .lab in the
repository. Tests make a `Lab` of their own in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tests.rig import debs, processes, site
from tests.rig.control import ROOT, Control, LabError
from tests.rig.debs import FetchError, Progress, say

FOLDER_SETTING = "ORDERLINE_LAB"
UP_PATIENCE_S = 45.0
DOWN_PATIENCE_S = 30.0
TAIL_LINES = 30


class Lab:
    """One lab, up or down.

    A process that ends by itself, or is killed, is started again; `hold` keeps it down.
    """

    def __init__(
        self,
        folder: Path,
        asterisk: str = "auto",
        without: Collection[str] = (),
        end_with_parent: bool = False,
        voice_settings: dict[str, Any] | None = None,
        *,
        faulty: bool = False,
        bridges: int = 1,
    ) -> None:
        """Prepare it. faulty, bridges: see `site.Wish`."""
        self.folder = folder.resolve()
        self._wish = site.Wish(
            self.folder, asterisk, without, end_with_parent, voice_settings, faulty, bridges
        )
        self._control = Control(self.folder)

    def start(self, progress: Progress = say) -> None:
        """Bring it up, and return when everything is ready; harmless when it is up.

        Raises FetchError or LabError, with the end of the log of what failed.
        """
        with debs.locked(self.folder / "lock"):
            if self._control.alive() and not self._is_as_wished():
                self._stop()
            if not self._control.alive():
                self._launch(progress)
            try:
                self._control.wait(progress, UP_PATIENCE_S)
            except LabError as error:
                tail = self._tail(str(error).split(" ", 1)[0])
                self._stop()
                raise LabError(f"{error}\n{tail}") from error

    def stop(self) -> None:
        """Take it down, and return when nothing of it is left; harmless when it is down."""
        if self.folder.exists():
            with debs.locked(self.folder / "lock"):
                self._stop()

    def status(self) -> dict[str, Any]:
        """Return the `lab-status` object. Raises LabError when the lab is down."""
        told = self._control.ask("status")
        status = site.load_status(self.folder)
        names = dict.fromkeys((*site.PROCESSES, *told))
        pids = {name: told.get(name, {}).get("pids", []) for name in names}
        return {**status, "processes": pids}

    def pids(self, name: str) -> list[int]:
        """Return the live processes of `asterisk`, `erp`, `voice` or `bridge`, main one first."""
        found: list[int] = self.status()["processes"][name]
        return found

    def restart(self, name: str) -> None:
        """End one process, and return when it is ready again."""
        self._control.ask("restart", name)

    def kill(self, name: str) -> None:
        """Kill one process without warning, and return when it is ready again."""
        self._control.ask("kill", name)

    def hold(self, name: str) -> None:
        """End one process and keep it down until `release`."""
        self._control.ask("hold", name)

    def release(self, name: str) -> None:
        """Start one process that was held, and return when it is ready."""
        self._control.ask("release", name)

    def wait(self) -> None:
        """Return when every process that is not held is ready (after a kill, say)."""
        self._control.wait(lambda _: None, UP_PATIENCE_S)

    def log(self, name: str) -> str:
        """Return what a process (or `supervisor`) has logged so far."""
        path = self.folder / "logs" / f"{name}.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _is_as_wished(self) -> bool:
        wished = self._wish.asterisk
        version = site.load_status(self.folder)["asterisk"]["version"]
        return wished == "auto" or version.split(".")[0] == wished

    def _launch(self, progress: Progress) -> None:
        processes.end_marked(self.folder)  # of a lab whose supervisor was killed
        prepared = site.prepare(self._wish, progress)
        site.save_status(self.folder, prepared.status)
        self._control.start(prepared.spec, self.folder / "logs" / "supervisor.log")

    def _stop(self) -> None:
        self._control.stop(DOWN_PATIENCE_S)
        processes.end_marked(self.folder)

    def _tail(self, name: str) -> str:
        """Return the end of one process's log, or of every log when it has none."""
        logs = sorted((self.folder / "logs").glob("*.log"))
        wanted = [path.stem for path in logs if path.stem == name] or [path.stem for path in logs]
        return "\n".join(
            "\n".join([f"--- {stem}.log", *self.log(stem).splitlines()[-TAIL_LINES:]])
            for stem in wanted
        )


def default_folder() -> Path:
    """Return the folder of the lab that `make lab` runs."""
    return Path(os.environ.get(FOLDER_SETTING) or ROOT / ".lab").absolute()


def main(arguments: list[str]) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig.lab")
    parser.add_argument("command", choices=["up", "status", "down", "restart", "fetch"])
    parser.add_argument("name", nargs="?", default="voice", help="what to restart")
    parser.add_argument("--asterisk", default="auto", choices=["auto", "22", "16"])
    parser.add_argument("--without", action="append", default=[], choices=["voice", "erp"])
    options = parser.parse_args(arguments)
    lab = Lab(default_folder(), options.asterisk, options.without)
    try:
        _run(lab, options.command, options.name)
    except (LabError, FetchError) as error:
        say(f"lab: {error}")
        return 1
    return 0


def _run(lab: Lab, command: str, name: str) -> None:
    if command == "up":
        lab.start()
        say("lab: up (`make -s lab-status` tells where, `make lab-down` ends it)")
    elif command == "down":
        lab.stop()
        say("lab: down")
    elif command == "restart":
        lab.restart(name)
    elif command == "fetch":
        site.fetch_all(say)
    else:
        print(json.dumps(lab.status(), indent=2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
