from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from erp.events import spool as spool_module
from erp.events.envelope import LINE_MAX_BYTES, Envelope
from erp.events.errors import SpoolError
from erp.events.model import CallIds, Health
from erp.events.segments import SegmentReader
from erp.events.spool import Spool, abandoned, lock_file, segments
from erp.events.teller import Teller
from tests.unit.erp.events.samples import EVENTS, IDS, SOURCE, envelope

PLENTY = 10_000_000


def line(number: int = 1) -> bytes:
    return envelope(Health("erp:x", False, f"number {number}")).text.encode() + b"\n"


def whys(events: list[Envelope]) -> list[str]:
    return [event.data["why"] for event in events]


def read_all(folder: Path, name: str, *, ended: bool = False) -> list[Envelope]:
    reader = SegmentReader(folder, name, ended=ended)
    events: list[Envelope] = []
    while (batch := reader.next(3)) is not None:
        events += batch.events
        reader.done(batch)
    return events


def test_what_was_told_is_read_in_order_across_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 3 * len(line()))
    spool = Spool(tmp_path, "voice", PLENTY)
    for number in range(10):
        spool.append(line(number))
    assert len(segments(tmp_path, spool.name)) == 4
    assert whys(read_all(tmp_path, spool.name)) == [f"number {n}" for n in range(10)]
    # What was read to its end is gone, but for what is still written to.
    assert len(segments(tmp_path, spool.name)) == 1
    spool.close()


TELL = """
import os, signal, sys
from pathlib import Path
from erp.events.model import CallIds, Started
from erp.events.spool import Spool
from erp.events.teller import Teller

spool = Spool(Path(sys.argv[1]), "voice", 1_000_000)
teller = Teller("orderline/voice@x:1", spool)
for number in range(50):
    teller.tell(CallIds(f"s-{number}"), Started("**01"))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_killed_right_after_telling_has_lost_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", TELL, str(tmp_path)], check=False)
    assert done.returncode == -9
    (name,) = list(abandoned(tmp_path))
    # `abandoned` forgets only a spool without files.
    assert lock_file(tmp_path, name).exists()
    sessions = [event.session for event in read_all(tmp_path, name, ended=True)]
    assert sessions == [f"s-{number}" for number in range(50)]
    assert list(abandoned(tmp_path)) == [name]
    assert list(abandoned(tmp_path)) == []


def test_the_spool_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "voice", PLENTY)
    spool.append(line())
    # flock() belongs to the open file, so a second process sees what this loop sees.
    assert list(abandoned(tmp_path)) == []
    spool.close()
    assert list(abandoned(tmp_path)) == [spool.name]


def test_nobody_sees_a_new_spool_unlocked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    flock = fcntl.flock

    def look(handle: int, how: int) -> None:
        if not seen:
            seen.append([path.name for path in tmp_path.glob("*.lock")])
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", look)
    Spool(tmp_path, "voice", PLENTY).close()
    assert seen == [[]]


def test_an_empty_spool_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "voice", PLENTY)
    spool.append(line())
    spool.carried(len(line()))
    spool.close()
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_torn_last_line_and_garbage_cost_themselves_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, "voice", PLENTY)
    for part in (line(1), b"no event\n", b"\n", b"\xff\x00{}\n", line(2)):
        spool.append(part)
    spool.append(b"{" * (LINE_MAX_BYTES + 10) + b"\n")
    spool.append(line(3))
    spool.append(line(4)[:-20])
    spool.close()
    with caplog.at_level(logging.WARNING):
        found = whys(read_all(tmp_path, spool.name, ended=True))
    assert found == ["number 1", "number 2", "number 3"]
    assert "is torn" in caplog.text
    assert "number 4" not in caplog.text


def test_a_line_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "voice", PLENTY)
    reader = SegmentReader(tmp_path, spool.name)
    spool.append(line(1)[:30])
    assert reader.next(10) is None
    spool.append(line(1)[30:])
    batch = reader.next(10)
    assert batch is not None
    assert whys(list(batch.events)) == ["number 1"]
    spool.close()


def test_more_than_the_cap_is_lost_counted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, "voice", 3 * len(line()))
    for number in range(6):
        spool.append(line(number))
    assert spool.lost == 3
    assert caplog.text.count("events are lost") == 1
    spool.carried(len(line()))
    spool.append(line(7))
    found = whys(read_all(tmp_path, spool.name))
    spool.close()
    assert found == ["number 0", "number 1", "number 2", "number 7"]


class FullDisk:
    """os.write on a disk with so much room left."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.write = os.write

    def __call__(self, handle: int, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(28, "No space left on device")
        part = data[: self.room]
        self.room -= len(part)
        return self.write(handle, part)


def test_a_full_disk_is_waited_for_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, "voice", PLENTY)
    disk = FullDisk(int(1.5 * len(line())))
    monkeypatch.setattr(os, "write", disk)
    for number in range(4):
        spool.append(line(number))
    assert spool.waiting
    assert caplog.text.count("No space left on device") == 1
    disk.room = PLENTY
    spool.flush()
    assert not spool.waiting
    found = whys(read_all(tmp_path, spool.name))
    spool.close()
    assert found == [f"number {number}" for number in range(4)]


def test_a_spool_with_a_torn_line_is_kept_until_all_of_it_is_carried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is carried of the torn line must not count for the line that comes after it."""
    spool = Spool(tmp_path, "voice", PLENTY)
    disk = FullDisk(len(line(10)) - 2)
    monkeypatch.setattr(os, "write", disk)
    spool.append(line(10))
    disk.room = PLENTY
    spool.flush()
    (segment,) = segments(tmp_path, spool.name)
    carried_bytes = segment.stat().st_size
    spool.append(line(2))
    spool.carried(carried_bytes)
    spool.close()
    assert whys(read_all(tmp_path, spool.name)) == ["number 10", "number 2"]


def test_a_disk_that_stays_full_costs_events_but_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "HELD_MAX", 5)
    spool = Spool(tmp_path, "voice", PLENTY)
    monkeypatch.setattr(os, "write", FullDisk(0))
    for number in range(9):
        spool.append(line(number))
    assert spool.lost == 4
    spool.close()


def test_a_folder_that_cannot_be_used_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match=r"events\.spool is .*/file/x: Not a directory: make"):
        Spool(tmp_path / "file" / "x", "voice", PLENTY)


class Listener:
    def __init__(self, fail: bool = False) -> None:
        self.heard: list[object] = []
        self._fail = fail

    def tell(self, ids: CallIds, event: object) -> None:
        self.heard.append(event)
        if self._fail:
            raise ZeroDivisionError


def test_listeners_in_the_process_hear_all_and_cannot_hurt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, "voice", PLENTY)
    teller = Teller(SOURCE, spool)
    broken, well = Listener(fail=True), Listener()
    teller.listen(broken)
    end = teller.listen(well)
    teller.tell(IDS, EVENTS[0])
    end()
    teller.tell(IDS, EVENTS[3])
    assert (len(broken.heard), well.heard) == (2, [EVENTS[0]])
    assert len(read_all(tmp_path, spool.name)) == 2
    assert "Listener failed at an event started" in caplog.text
    spool.close()


@pytest.mark.parametrize("speech", [False, True])
def test_speech_is_told_only_where_it_is_wanted(tmp_path: Path, speech: bool) -> None:
    spool = Spool(tmp_path, "voice", PLENTY)
    listener = Listener()
    teller = Teller(SOURCE, spool, speech=speech)
    teller.listen(listener)
    teller.tell(IDS, EVENTS[2])
    (event,) = read_all(tmp_path, spool.name)
    spool.close()
    wanted = "how many 4521" if speech else ""
    assert event.data["text"] == wanted
    assert getattr(listener.heard[0], "text", None) == wanted


def test_health_is_told_when_it_changes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "voice", PLENTY)
    teller = Teller(SOURCE, spool)
    for well in (True, False, False, True, True, False):
        teller.tell(CallIds(""), Health("ami", well))
    told = [event.data["well"] for event in read_all(tmp_path, spool.name)]
    spool.close()
    assert told == [False, True, False]
