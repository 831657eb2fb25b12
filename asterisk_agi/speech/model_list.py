"""Alpha Cephei's speech models: their list, and how one is fetched into a folder.

The list is the vendor's `model-list.json`, the file that the package vosk 0.3.45 reads
(`vosk/__init__.py`, MODEL_LIST_URL): an array of objects with name, lang, type, url, md5, size
and obsolete ("true" or "false"). vosk's own download has no checksum, can't go on after a cut
and ends the process for an unknown name; this one does all three.
Nothing is unpacked here (`model_archive.py`), and nothing is printed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.model_archive import unpack

_log = logging.getLogger(__name__)

LIST_URL = "https://alphacephei.com/vosk/models/model-list.json"
"""Where the vendor publishes the list."""
LIST_MAX_BYTES = 4 * 1024 * 1024
"""The list has some hundred entries of 300 bytes."""
MODEL_MAX_BYTES = 4 * 1024**3
"""The largest model of the list has 2.3 GB."""
CONNECT_S = 15.0
SILENT_S = 60.0
"""A server that sends nothing for so long is given up, in seconds."""

_BLOCK_BYTES = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MD5 = re.compile(r"[0-9a-f]{32}")

Progress = Callable[[int, int], None]
"""Called with the bytes that are here and the bytes of the whole."""


@dataclass(frozen=True)
class ListedModel:
    """One model that the vendor offers."""

    name: str
    """Name of its folder, letters, digits, dots, dashes: safe as part of a path."""
    language: str
    """As the vendor writes it: "en-us"."""
    kind: str
    """"small", "big", "big-lgraph" and others; small and lgraph models take grammars."""
    url: str
    md5: str
    size_bytes: int
    """Of the zip file."""
    obsolete: bool


async def listing(list_url: str = LIST_URL) -> tuple[ListedModel, ...]:
    """Return what the vendor offers, in the list's order, unusable entries left out.

    Raises SpeechError, one sentence, when the list can't be had.
    """
    async with _asking(list_url), _client() as client, client.get(list_url) as response:
        _refuse(response, list_url)
        body = await response.content.read(LIST_MAX_BYTES + 1)
        while len(body) <= LIST_MAX_BYTES and (more := await response.content.read(_BLOCK_BYTES)):
            body += more
    if len(body) > LIST_MAX_BYTES:
        raise SpeechError(f"{list_url} is over {LIST_MAX_BYTES} bytes: is this the model list?")
    try:
        entries = json.loads(body)
    except ValueError as error:
        raise SpeechError(f"{list_url} is not JSON: is this the model list?") from error
    if not isinstance(entries, list):
        raise SpeechError(f"{list_url} is not an array: is this the model list?")
    models = (_listed(entry) for entry in entries if isinstance(entry, dict))
    return tuple(model for model in models if model is not None)


async def fetch(
    name: str,
    *,
    into: Path,
    list_url: str = LIST_URL,
    progress: Progress | None = None,
) -> Path:
    """Fetch a model and return its folder, `into/name`; at once when it is there already.

    A download that was cut off goes on where it stopped, in this call or a later one.
    Raises SpeechError, one sentence, when the name is not listed, the server fails, or the file
    is not what the list says; nothing half done is left under the model's name.
    """
    target = into / name
    if _NAME.fullmatch(name) and target.is_dir():
        return target
    models = await listing(list_url)
    found = next((model for model in models if model.name == name), None)
    if found is None:
        raise SpeechError(f"{list_url} has no model {name!r}: see `orderline models list`")
    partial = into / f"{name}.zip.part"
    try:
        await asyncio.to_thread(into.mkdir, parents=True, exist_ok=True)
        await _download(found, partial, progress or _ignore)
        await _verify(found, partial)
        await asyncio.to_thread(unpack, partial, target)
        await asyncio.to_thread(partial.unlink)
    except OSError as error:
        raise SpeechError(f"{into}: can't store the model: {error}") from error
    return target


def _listed(entry: Mapping[str, Any]) -> ListedModel | None:
    """Return an entry of the list; None when a field that is needed is missing or odd."""
    name, url, md5, size = (entry.get(key) for key in ("name", "url", "md5", "size"))
    fit = (
        isinstance(name, str)
        and _NAME.fullmatch(name)
        and isinstance(url, str)
        and url.startswith(("https://", "http://"))
        and isinstance(md5, str)
        and _MD5.fullmatch(md5.lower())
        and isinstance(size, int)
        and 0 < size <= MODEL_MAX_BYTES
    )
    if not fit:
        _log.debug("model list: an entry is left out: %r", name)
        return None
    return ListedModel(
        name=str(name),
        language=str(entry.get("lang", "")),
        kind=str(entry.get("type", "")),
        url=str(url),
        md5=str(md5).lower(),
        size_bytes=int(size or 0),
        obsolete=str(entry.get("obsolete", "false")).lower() == "true",
    )


# Downloading...


async def _download(model: ListedModel, partial: Path, progress: Progress) -> None:
    """Bring the partial file to its full size; what is there already is not asked for again."""
    here = await asyncio.to_thread(_size, partial)
    if here > model.size_bytes:
        await asyncio.to_thread(partial.unlink)
        here = 0
    progress(here, model.size_bytes)
    if here == model.size_bytes:
        return
    # Compressed again on the way, a range would count other bytes.
    headers = {"Accept-Encoding": "identity"}
    if here:
        headers["Range"] = f"bytes={here}-"
    async with (
        _asking(model.url),
        _client() as client,
        client.get(model.url, headers=headers) as response,
    ):
        _refuse(response, model.url)
        # A server without ranges answers 200 and begins at the beginning.
        begin = here if _goes_on_at(response, here) else 0
        await _store(response, partial, begin, model, progress)


def _goes_on_at(response: aiohttp.ClientResponse, here: int) -> bool:
    return response.status == 206 and response.headers.get("Content-Range", "").startswith(
        f"bytes {here}-"
    )


async def _store(
    response: aiohttp.ClientResponse,
    partial: Path,
    begin: int,
    model: ListedModel,
    progress: Progress,
) -> None:
    here = begin
    with await asyncio.to_thread(partial.open, "r+b" if begin else "wb") as file:
        file.seek(begin)
        async for block in response.content.iter_chunked(_BLOCK_BYTES):
            here += len(block)
            if here > model.size_bytes:
                raise SpeechError(
                    f"{model.url} sends more than the {model.size_bytes} listed bytes"
                )
            await asyncio.to_thread(file.write, block)
            progress(here, model.size_bytes)
    if here < model.size_bytes:
        raise SpeechError(f"{model.url} ended after {here} of {model.size_bytes} bytes: try again")


async def _verify(model: ListedModel, partial: Path) -> None:
    """Compare the checksum; a wrong file is removed, since going on with it can't mend it."""
    found = await asyncio.to_thread(_md5_of, partial)
    if found != model.md5:
        await asyncio.to_thread(partial.unlink)
        raise SpeechError(f"{model.url} has the md5 {found}, not the listed {model.md5}: try again")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _md5_of(path: Path) -> str:
    # The vendor publishes no other checksum; it guards against damage, TLS against malice.
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _ignore(_here: int, _whole: int) -> None:
    """Take progress that nobody asked for."""


# Asking...


def _client() -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_read=SILENT_S)
    return aiohttp.ClientSession(timeout=timeout)


def _refuse(response: aiohttp.ClientResponse, url: str) -> None:
    if response.status not in (200, 206):
        raise SpeechError(f"{url} answered {response.status} {response.reason}")


@asynccontextmanager
async def _asking(url: str) -> AsyncIterator[None]:
    """Turn what goes wrong on the network into one sentence."""
    try:
        yield
    except asyncio.TimeoutError as error:
        raise SpeechError(f"{URL(url).host} does not answer: try again") from error
    except aiohttp.ClientPayloadError as error:
        raise SpeechError(f"{url} was cut off: the same command goes on from there") from error
    except aiohttp.ClientError as error:
        raise SpeechError(f"{url} can't be reached: {error}") from error
