"""Prometheus' own checker of rules, `promtool`: out of Debian's package, without the rest of it."""

from __future__ import annotations

from pathlib import Path

from tests.rig import debs
from tests.rig.debs import Progress, say

PACKAGES = ("prometheus",)
LEFT_OUT = ("./usr/bin/prometheus", "./usr/share/*", "./etc/*", "./lib/*", "./var/*")
"""The server and its pages: 50 MB that nobody needs here."""


def ensure(progress: Progress = say) -> Path:
    """Return the program. Raises FetchError when it can't be fetched."""
    prefix = debs.ensure(
        "prometheus", "", PACKAGES, alone=True, leave_out=LEFT_OUT, progress=progress
    )
    return prefix / "usr" / "bin" / "promtool"
