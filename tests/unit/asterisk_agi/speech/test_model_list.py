"""Fetching from a server in this process that serves a list and a zip as the vendor does."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech import model_list
from asterisk_agi.speech.model_list import fetch, listing


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("model-a/am/final.mdl", b"mdl" * 1_000_000)
        packed.writestr("model-a/conf/mfcc.conf", b"--sample-frequency=8000\n")
        packed.writestr("model-a/graph/HCLG.fst", b"fst")
    return file.getvalue()


@dataclass
class Vendor:
    """The vendor's site, with the faults that a test wants."""

    zip: bytes = field(default_factory=zipped)
    base: str = ""
    list_body: bytes | None = None
    list_status: int = 200
    md5: str = ""
    cut_after: int | None = None
    extra: bytes = b""
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)

    @property
    def list_url(self) -> str:
        return f"{self.base}/model-list.json"

    def entry(self, **changes: Any) -> dict[str, Any]:
        return {
            "lang": "en-us",
            "lang_text": "US English",
            "md5": self.md5 or hashlib.md5(self.zip).hexdigest(),
            "name": "model-a",
            "obsolete": "false",
            "size": len(self.zip),
            "size_text": "2.9MiB",
            "type": "small",
            "url": f"{self.base}/model-a.zip",
            "version": "0.1",
        } | changes

    async def serve_list(self, _request: web.Request) -> web.Response:
        if self.list_body is not None:
            return web.Response(body=self.list_body, status=self.list_status)
        entries = [
            self.entry(name="model-old", obsolete="true"),
            self.entry(),
            self.entry(name="../evil"),
            self.entry(size="big"),
            self.entry(md5="?"),
            {"name": "model-half"},
            "odd",
        ]
        return web.json_response(entries, status=self.list_status)

    async def serve_zip(self, request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Range")
        self.asked.append(asked)
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges else 0
        body = self.zip[begin:] + self.extra
        response = web.StreamResponse(status=206 if begin else 200)
        if begin:
            last = len(self.zip) - 1
            response.headers["Content-Range"] = f"bytes {begin}-{last}/{len(self.zip)}"
        response.content_length = len(body)
        await response.prepare(request)
        if self.cut_after is not None:
            await response.write(body[: self.cut_after])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(body)
        return response


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    site = Vendor()
    app = web.Application()
    app.router.add_get("/model-list.json", site.serve_list)
    app.router.add_get("/model-a.zip", site.serve_zip)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


def names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


async def test_the_list_holds_what_can_be_used(vendor: Vendor) -> None:
    old, model = await listing(vendor.list_url)
    assert (old.name, old.obsolete) == ("model-old", True)
    assert (model.name, model.language, model.kind) == ("model-a", "en-us", "small")
    assert (model.size_bytes, model.obsolete) == (len(vendor.zip), False)


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"<html>", 200, "is not JSON"),
        (b"{}", 200, "is not an array"),
        (b"[]", 503, "answered 503"),
    ],
)
async def test_a_list_that_is_none_is_an_error(
    vendor: Vendor, body: bytes, status: int, sentence: str
) -> None:
    vendor.list_body, vendor.list_status = body, status
    with pytest.raises(SpeechError, match=sentence):
        await listing(vendor.list_url)


async def test_an_endless_list_is_refused(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_list, "LIST_MAX_BYTES", 1000)
    vendor.list_body = b"[" + b" " * 999 + b"]"
    with pytest.raises(SpeechError, match="over 1000 bytes"):
        await listing(vendor.list_url)


async def test_a_server_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SpeechError, match="can't be reached"):
        await listing("http://127.0.0.1:1/model-list.json")


async def test_a_model_is_fetched_once(vendor: Vendor, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    into = tmp_path / "new" / "cache"
    for _ in range(2):
        path = await fetch(
            "model-a",
            into=into,
            list_url=vendor.list_url,
            progress=lambda here, whole: seen.append((here, whole)),
        )
    assert path == into / "model-a"
    assert (path / "am" / "final.mdl").stat().st_size == 3_000_000
    assert names_in(into) == ["model-a"]
    assert vendor.asked == [None]
    assert seen[0] == (0, len(vendor.zip))
    assert seen[-1] == (len(vendor.zip), len(vendor.zip))
    assert seen == sorted(seen)


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_cut_download_goes_on(vendor: Vendor, tmp_path: Path, ranges: bool) -> None:
    vendor.ranges = ranges
    vendor.cut_after = 2_000_000
    with pytest.raises(SpeechError, match="was cut off"):
        await fetch("model-a", into=tmp_path, list_url=vendor.list_url)
    here = (tmp_path / "model-a.zip.part").stat().st_size
    assert 0 < here <= 2_000_000
    assert not (tmp_path / "model-a").exists()
    vendor.cut_after = None
    path = await fetch("model-a", into=tmp_path, list_url=vendor.list_url)
    assert (path / "am" / "final.mdl").stat().st_size == 3_000_000
    assert vendor.asked == [None, f"bytes={here}-"]


async def test_a_download_that_was_whole_is_not_asked_for_again(
    vendor: Vendor, tmp_path: Path
) -> None:
    (tmp_path / "model-a.zip.part").write_bytes(vendor.zip)
    await fetch("model-a", into=tmp_path, list_url=vendor.list_url)
    assert vendor.asked == []


async def test_more_than_there_can_be_is_begun_anew(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / "model-a.zip.part").write_bytes(vendor.zip + b"more")
    await fetch("model-a", into=tmp_path, list_url=vendor.list_url)
    assert vendor.asked == [None]


async def test_a_wrong_checksum_is_refused_and_begun_anew(vendor: Vendor, tmp_path: Path) -> None:
    vendor.md5 = "0" * 32
    with pytest.raises(SpeechError, match="not the listed 0000"):
        await fetch("model-a", into=tmp_path, list_url=vendor.list_url)
    assert names_in(tmp_path) == []


async def test_more_than_the_listed_bytes_are_refused(vendor: Vendor, tmp_path: Path) -> None:
    vendor.extra = b"x" * 1000
    with pytest.raises(SpeechError, match=r"more than the \d+ listed bytes"):
        await fetch("model-a", into=tmp_path, list_url=vendor.list_url)


@pytest.mark.parametrize("name", ["model-b", "../evil", "model-half"])
async def test_a_name_that_is_not_listed_is_an_error(
    vendor: Vendor, tmp_path: Path, name: str
) -> None:
    with pytest.raises(SpeechError, match="has no model"):
        await fetch(name, into=tmp_path, list_url=vendor.list_url)
    assert names_in(tmp_path) == []


async def test_a_place_that_cannot_be_written_is_an_error(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpeechError, match="can't store the model"):
        await fetch("model-a", into=tmp_path / "file", list_url=vendor.list_url)
