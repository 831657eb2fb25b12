"""Metrics of the folders in which events are kept: how much waits, how much room there is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge


def watch_folders(registry: CollectorRegistry, spool: Path, store: Path | None) -> None:
    """Add the metrics of the spool, and of the store's folder where it is a file here."""
    waiting = Gauge("orderline_spool_bytes", "Events not yet in the store.", registry=registry)
    waiting.set_function(lambda: size_bytes(spool))
    free = Gauge(
        "orderline_disk_free_bytes", "Room on the disk of a folder.", ["folder"],
        registry=registry,
    )  # fmt: skip
    free.labels("spool").set_function(lambda: free_bytes(spool))
    if store is not None:
        free.labels("store").set_function(lambda: free_bytes(store))


def size_bytes(folder: Path) -> int:
    """Return the size of the files of a folder; 0 when it can't be read."""
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat().st_size for entry in entries if entry.is_file())
    except OSError:
        return 0


def free_bytes(folder: Path) -> float:
    """Return how much may still be written to a folder; NaN when it is not there."""
    try:
        return float(shutil.disk_usage(folder).free)
    except OSError:
        return float("nan")
