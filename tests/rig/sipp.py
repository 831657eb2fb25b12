"""SIPp as a crowd of talking callers: real SIP, real RTP, one file of speech that each plays.

The crowd makes the load; what callers experience is measured by telephones of our own beside it.
SIPp is unpacked from the Debian mirror like Asterisk (`debs.py`).
Source: SIPp 3.6 reference, "RTP streaming", "Digest authentication".
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asterisk_agi.audio import PcmChunk
from asterisk_agi.media.formats import encode_ulaw
from dialplan.render import AsteriskTemplate
from tests.rig import debs, ports
from tests.rig.debs import Progress, say

SCENARIO = Path(__file__).parent / "conf" / "sipp_caller.xml"
PACKAGES = ("sip-tester",)
RTP_PORTS = 1000
"""Ports to choose from."""


def ensure(progress: Progress = say) -> Path:
    """Return the folder in which SIPp is unpacked. Raises FetchError."""
    return debs.ensure("sipp", "", PACKAGES, progress=progress)


def write_speech(path: Path, parts: list[PcmChunk | float]) -> None:
    """Write what a caller plays, over and over. parts: telephone speech, or seconds of silence."""
    content = bytearray()
    for part in parts:
        if isinstance(part, float):
            content += b"\xff" * round(part * 8000)
        else:
            content += encode_ulaw(part.data)
    path.write_bytes(bytes(content))


class Crowd:
    """So many callers at once, each call lasting call_s; whoever has ended calls again."""

    def __init__(
        self, status: Mapping[str, Any], folder: Path, speech: Path, number: str = "+12125550102"
    ) -> None:
        """Prepare it. status: the `lab-status` object. folder: for SIPp's files."""
        self._status = status
        self._folder = folder
        self._speech = speech
        self._number = number
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, callers: int, call_s: float, begun_within_s: float) -> None:
        """Let them call, evenly within begun_within_s. Returns at once."""
        self._folder.mkdir(parents=True, exist_ok=True)
        scenario = self._folder / "caller.xml"
        scenario.touch(mode=0o600)  # it holds the password
        scenario.write_text(self._scenario(call_s), "utf-8")
        prefix = ensure()
        libraries = os.pathsep.join(map(str, debs.library_folders(prefix)))
        with (self._folder / "sipp.log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(prefix / "usr/bin/sipp"), *self._options(callers, begun_within_s)],
                cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "LD_LIBRARY_PATH": libraries, "TERM": "dumb"},
            )  # fmt: skip

    def _options(self, callers: int, begun_within_s: float) -> list[str]:
        first_rtp, _ = ports.free_udp_range(RTP_PORTS)
        (control,) = ports.free_ports(1)
        sip = self._status["sip"]
        return [
            f"{sip['host']}:{sip['port']}",
            *("-sf", "caller.xml", "-s", str(self._status["extensions"]["agent"])),
            *("-i", ports.LOOPBACK, "-mi", ports.LOOPBACK),
            *("-mp", str(first_rtp), "-cp", str(control)),
            *("-r", str(callers), "-rp", str(round(1000 * begun_within_s)), "-l", str(callers)),
            *("-trace_err", "-error_file", "errors.log", "-nostdin"),
        ]

    def _scenario(self, call_s: float) -> str:
        sip = self._status["sip"]
        return AsteriskTemplate(SCENARIO.read_text("utf-8")).substitute(
            number=self._number,
            user=sip["user"],
            password=sip["password"],
            speech=str(self._speech),
            call_ms=str(round(1000 * call_s)),
        )

    @property
    def errors(self) -> str:
        """What SIPp says went wrong so far."""
        path = self._folder / "errors.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def end(self) -> None:
        """End the crowd, and every channel of the lab with it; harmless when it is over."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        remote = self._status["asterisk"]["remote"]
        argv = [*remote, "-rx", "channel request hangup all"]
        subprocess.run(argv, capture_output=True, timeout=20, check=True)
