from __future__ import annotations

from pathlib import Path

import pytest

from tests.rig.apt_tree import (
    FetchError,
    Mirror,
    choose_mirror,
    host_suite,
    machine_sources,
    parse_deb822,
    parse_one_line,
)

ONE_LINE = """\
# a comment
deb-src http://one.example/debian bookworm main
deb http://one.example/security bookworm-security main
deb [arch=amd64 signed-by=/k.gpg] http://one.example/debian bookworm main contrib # why
deb http://one.example/debian bookworm non-free
"""

DEB822 = """\
Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb deb-src
# a comment within
URIs: http://two.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/k.gpg

Types: deb
URIs: http://three.example/debian
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
"""


def test_suite_of_the_machine() -> None:
    assert host_suite('ID=debian\nVERSION_CODENAME=bookworm\n') == "bookworm"
    assert host_suite('VERSION_CODENAME="noble"\n') == "noble"
    assert host_suite("ID=arch\n") == ""


def test_one_line_sources() -> None:
    mirror = choose_mirror(parse_one_line(ONE_LINE), "bookworm")
    assert mirror.uri == "http://one.example/debian"
    assert mirror.options == (("signed-by", "/k.gpg"),)
    assert mirror.components == ("main", "contrib", "non-free")


def test_stanza_sources() -> None:
    mirror = choose_mirror(parse_deb822(DEB822), "bookworm")
    assert mirror.uri == "http://two.example/debian"
    assert mirror.options == (("signed-by", "/usr/share/keyrings/k.gpg"),)


def test_a_key_within_a_stanza_is_not_written_into_one_line() -> None:
    mirror = choose_mirror(parse_deb822(DEB822), "trixie")
    assert all("BEGIN" not in value for _, value in mirror.options)


def test_no_mirror_of_the_suite() -> None:
    with pytest.raises(FetchError, match=r"sources\.list"):
        choose_mirror(parse_deb822(DEB822), "noble")


def test_source_line() -> None:
    mirror = Mirror("http://two.example/debian", (("signed-by", "/k.gpg"),), ("main",))
    wanted = "deb [signed-by=/k.gpg] http://two.example/debian sid main contrib\n"
    assert mirror.line("sid", ("main", "contrib")) == wanted
    assert Mirror("u", (), ()).line("sid", ("main",)) == "deb u sid main\n"


def test_files_of_both_formats_are_read(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE, "utf-8")
    (parts / "debian.sources").write_text(DEB822, "utf-8")
    (parts / "old.list.disabled").write_text("deb http://gone.example x main\n", "utf-8")
    uris = [uri for source in machine_sources(tmp_path) for uri in source.uris]
    assert uris.count("http://one.example/debian") == 2
    assert "http://two.example/debian" in uris
    assert "http://gone.example" not in uris
