"""What the bridge shows besides its events."""

from __future__ import annotations

from pathlib import Path

from ami_bridge.monitoring import VoiceWatch, bridge_monitor, watch_bridge
from erp.events.settings import EventSettings
from erp.store.settings import StoreSettings

VOICE = "127.0.0.1:4573"


async def test_signs_of_life_and_ami(tmp_path: Path) -> None:
    monitor = bridge_monitor(EventSettings(spool=tmp_path), StoreSettings(folder=tmp_path))
    state = {"ami": False}
    watch_bridge(monitor, lambda: state["ami"], lambda: 3, lambda: True)
    watch = VoiceWatch(monitor)
    watch.voices({VOICE: True})
    value = monitor.registry.get_sample_value
    assert value("orderline_voice_well", {"voice": VOICE}) == 1
    assert value("orderline_calls_watched") == 3
    assert value("orderline_publishes") == 1
    assert not monitor.board.serving, "a bridge without AMI can rescue nobody"
    state["ami"] = True
    assert monitor.board.serving
    watch.voices({VOICE: False})
    assert monitor.board.ill(f"voice:{VOICE}")
    age_s = value("orderline_heartbeat_age_seconds", {"voice": VOICE})
    assert age_s is not None
    assert age_s >= 0


async def test_folders_are_shown(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"12345")
    monitor = bridge_monitor(EventSettings(spool=tmp_path), StoreSettings(folder=tmp_path))
    value = monitor.registry.get_sample_value
    assert value("orderline_spool_bytes") == 5
    free = value("orderline_disk_free_bytes", {"folder": "store"})
    assert free is not None
    assert free > 0
