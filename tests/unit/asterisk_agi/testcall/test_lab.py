from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from asterisk_agi.testcall import lab
from asterisk_agi.testcall.errors import PhoneUsageError
from tests.rig import site

STATUS: dict[str, Any] = {
    "sip": {"host": "127.0.0.1", "port": 5071, "user": "line", "password": "hush"},
    "folders": {"state": "/lab/state"},
}


def without(part: str, key: str) -> dict[str, Any]:
    return {**STATUS, part: {k: v for k, v in STATUS[part].items() if k != key}}


def test_the_object_is_read_from_a_file_or_from_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text(json.dumps(STATUS))
    line = lab.load(path, io.StringIO())
    assert line == lab.load(Path("-"), io.StringIO(json.dumps(STATUS)))
    assert (line.host, line.port, line.user) == ("127.0.0.1", 5071, "line")
    assert line.password.reveal() == "hush"
    assert line.stories == Path("/lab/state/stories")
    assert "hush" not in repr(line)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not JSON"),
        ("[]", "no folders.state"),
        (json.dumps(without("sip", "password")), "no sip.password"),
        (json.dumps({**STATUS, "sip": "line"}), "no sip.port"),
        (json.dumps({**STATUS, "sip": {**STATUS["sip"], "port": "5071"}}), "no sip.port"),
        (json.dumps({**STATUS, "sip": {**STATUS["sip"], "port": 70000}}), "sip.port is 70000"),
        (" " * (lab.STATUS_MAX_CHARS + 1), "over 65536 characters"),
    ],
)
def test_another_object_is_refused_with_the_mend(text: str, complaint: str) -> None:
    with pytest.raises(PhoneUsageError, match=f"{complaint}.*: give what `make -s lab-status`"):
        lab.parse(text, "status.json")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhoneUsageError, match=r"--lab .*/none\.json cannot be read"):
        lab.load(tmp_path / "none.json", io.StringIO())


def test_the_saved_object_is_found_by_the_environment_or_beside_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert lab.saved({}) is None
    for folder in ("elsewhere", ".lab"):
        (tmp_path / folder / "state").mkdir(parents=True)
        (tmp_path / folder / "state" / "lab.json").write_text("{}")
    assert lab.saved({}) == Path(".lab/state/lab.json")
    named = lab.saved({"ORDERLINE_LAB": str(tmp_path / "elsewhere")})
    assert named == tmp_path / "elsewhere" / "state" / "lab.json"
    assert lab.saved({"ORDERLINE_LAB": str(tmp_path / "nowhere")}) is None


def test_the_rig_saves_the_object_where_it_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    site.save_status(tmp_path, STATUS)
    found = lab.saved({"ORDERLINE_LAB": str(tmp_path)})
    assert found is not None
    assert lab.load(found, io.StringIO()).port == 5071
