"""Real .deb files of our own making, no network."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from tests.rig import apt_tree, debs
from tests.rig.debs import FetchError

CONTROL = """\
Package: {name}
Version: 1
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: for a test
"""


def make_deb(folder: Path, name: str, files: dict[str, str]) -> Path:
    root = folder / f"{name}-root"
    for path, text in {"DEBIAN/control": CONTROL.format(name=name), **files}.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    deb = folder / f"{name}_1_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-b", str(root), str(deb)],
        check=True,
        capture_output=True,
    )
    return deb


class Downloads:
    """Stands in for the mirror: hands out .deb files, and counts how often it is asked."""

    def __init__(self, found: list[Path]) -> None:
        self.found = found
        self.count = 0

    def __call__(self, packages: object) -> list[Path]:
        self.count += 1
        if not self.found:
            raise FetchError("no such package")
        return self.found


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Downloads:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = apt_tree.Source(("http://mirror.example/debian",), ("own",), ("main",))
    monkeypatch.setattr(apt_tree, "host_suite", lambda: "own")
    monkeypatch.setattr(apt_tree, "machine_sources", lambda: [source])
    downloads = Downloads([])
    monkeypatch.setattr(apt_tree.AptTree, "download", lambda _, packages: downloads(packages))
    return downloads


def quiet(line: str) -> None:
    """Take a line of progress."""


def test_the_cache_follows_the_user(tmp_path: Path) -> None:
    assert debs.cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/orderline")
    assert debs.cache_folder({"XDG_CACHE_HOME": "relative"}).is_absolute()
    assert debs.cache_folder({}).parts[-2:] == (".cache", "orderline")


def test_packages_are_unpacked_once(tmp_path: Path, downloads: Downloads) -> None:
    downloads.found = [make_deb(tmp_path, "one", {"usr/bin/one": "1"})]
    prefix = debs.ensure("x", "own", ["one"], progress=quiet)
    assert (prefix / "usr/bin/one").read_text("utf-8") == "1"
    assert debs.ensure("x", "own", ["one"], progress=quiet) == prefix
    assert downloads.count == 1
    assert debs.ensure("x", "own", ["one", "two"], progress=quiet) != prefix


def test_a_prefix_of_the_own_suite_has_no_libc(tmp_path: Path, downloads: Downloads) -> None:
    libc = make_deb(tmp_path, "libc6", {"usr/lib/libc.so.6": "new"})
    downloads.found = [libc, make_deb(tmp_path, "one", {"usr/bin/one": "1"})]
    own = debs.ensure("x", "", ["one"], progress=quiet)
    other = debs.ensure("x", "sid", ["one"], progress=quiet)
    assert not (own / "usr/lib/libc.so.6").exists()
    assert (other / "usr/lib/libc.so.6").exists()


def test_a_failure_leaves_nothing_behind(tmp_path: Path, downloads: Downloads) -> None:
    broken = tmp_path / "broken_1_all.deb"
    broken.write_bytes(b"not a package")
    downloads.found = [broken]
    with pytest.raises(FetchError, match="broken"):
        debs.ensure("x", "own", ["one"], progress=quiet)
    kept = [path for path in debs.cache_folder().rglob("*") if path.suffix != ".lock"]
    assert [path for path in kept if path.name != "debs"] == []


def test_two_at_once_do_it_once(tmp_path: Path, downloads: Downloads) -> None:
    downloads.found = [make_deb(tmp_path, "one", {"usr/bin/one": "1"})]
    found: list[Path] = []

    def ensure() -> None:
        found.append(debs.ensure("x", "own", ["one"], progress=quiet))

    threads = [threading.Thread(target=ensure) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert downloads.count == 1


def test_what_a_killed_run_left_is_removed(tmp_path: Path, downloads: Downloads) -> None:
    downloads.found = [make_deb(tmp_path, "one", {"usr/bin/one": "1"})]
    prefix = debs.prefix_path("x", "own", ["one"])
    stale = prefix.parent / f".{prefix.name}-stale"
    stale.mkdir(parents=True)
    debs.ensure("x", "own", ["one"], progress=quiet)
    assert not stale.exists()


def test_loader_and_libraries(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib/x86_64-linux-gnu"
    folder.mkdir(parents=True)
    with pytest.raises(FetchError, match="loader"):
        debs.loader(tmp_path)
    (folder / "ld-linux-x86-64.so.2").touch()
    assert debs.loader(tmp_path).parent == folder.resolve()
    assert debs.library_folders(tmp_path) == [folder.resolve(), (tmp_path / "usr/lib").resolve()]


def test_a_package_alone_and_without_what_nobody_needs(
    tmp_path: Path, downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"usr/lib/one/one.py": "1", "usr/lib/one/i18n/de.po": "eins"}
    alone = Downloads([make_deb(tmp_path, "one", files)])
    monkeypatch.setattr(apt_tree.AptTree, "download_alone", lambda _, packages: alone(packages))
    prefix = debs.ensure("x", "own", ["one"], alone=True, leave_out=("*/i18n/*",), progress=quiet)
    assert (prefix / "usr/lib/one/one.py").exists()
    assert not (prefix / "usr/lib/one/i18n/de.po").exists()
    assert (alone.count, downloads.count) == (1, 0)
    assert prefix != debs.prefix_path("x", "own", ["one"])
