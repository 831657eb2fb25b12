"""What the voice process shows besides its events."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_agi.monitoring import DRAINING, doors, voice_monitor, watch_ami, watch_calls
from erp.events.settings import EventSettings
from erp.monitoring.probes import Door
from erp.monitoring.settings import MonitoringSettings
from erp.settings import SystemSettings
from erp.store.settings import StoreSettings


def test_calls_ami_and_draining(tmp_path: Path) -> None:
    monitor = voice_monitor(EventSettings(spool=tmp_path), StoreSettings(folder=tmp_path))
    watch_calls(monitor, lambda: 2, 30)
    watch_ami(monitor, lambda: True)
    value = monitor.registry.get_sample_value
    assert value("orderline_calls_in_progress") == 2
    assert value("orderline_calls_limit") == 30
    assert value("orderline_ami_up") == 1
    assert monitor.board.serving
    monitor.board.note(DRAINING, "the process is stopping")
    assert not monitor.board.serving


def test_where_it_knocks() -> None:
    systems = {"tryton": SystemSettings(profile="tryton-8.2", url="http://127.0.0.1:8000")}
    assert doors(systems, "127.0.0.1", 9465) == {
        "erp:tryton": Door("127.0.0.1", 8000),
        "bridge": Door("127.0.0.1", 9465),
    }
    assert "bridge" not in doors(systems, "127.0.0.1", 0)


def test_one_port_for_two_processes_is_refused() -> None:
    with pytest.raises(ValueError, match="bridge_port is 9464"):
        MonitoringSettings(bridge_port=9464)
    MonitoringSettings(voice_port=0, bridge_port=0)
