"""Answers: bytes within a cap, decompressed here, decoded once, and the rows at their place.

aiohttp's own decompression is not used: one chunk of a bomb becomes a thousand times its size
before anybody can look at it. Source: RFC 9110 section 8.4, RFC 1950 to 1952, RFC 8259.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum

import aiohttp

from erp.connectors.engine import RawRow
from erp.connectors.http.numbers import json_float, no_constant
from erp.connectors.http.tags import Tags
from erp.errors import UnreadableAnswer
from erp.trace import Hop, Trace

CHUNK_BYTES = 64 * 1024
LOOP_MAX_BYTES = 64 * 1024
"""Longest body that is decoded on the event loop: with tagged values some 5 ms."""

GZIP_BITS = 16 + zlib.MAX_WBITS
MEMBERS_MAX = 100
"""Most gzip members of a body: thousands of empty ones cost time and never reach the cap."""

DECODERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="erp-decode")
"""Threads of our own: those of the loop may all wait for a name server that does not answer."""

NO_CONTENT = (204, 205)


class Missing(Enum):
    """Nothing is at that place."""

    MISSING = "missing"


MISSING = Missing.MISSING


@dataclass(frozen=True)
class Answer:
    """What came back. Its repr shows no content."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str = field(default="", repr=False)
    """What was asked, without the login."""


class Inflater:
    """Turns the bytes of one answer into what they stand for, never more than a cap."""

    def __init__(self, encoding: str, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._received_bytes = 0
        self._members = 0
        self._body = bytearray()
        self._encoding = encoding.strip().lower()
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise UnreadableAnswer("a content encoding that we did not ask for")
        self._zipped = self._encoding not in ("", "identity")
        self._inflate = None if "gzip" not in self._encoding else zlib.decompressobj(GZIP_BITS)

    def receive_data(self, chunk: bytes) -> None:
        """Take the next bytes. Raises UnreadableAnswer over the cap, or when they are damaged."""
        self._received_bytes += len(chunk)
        if self._zipped:
            self._unzip(chunk)
        else:
            self._body += chunk
        # What stands for nothing counts as well: there is no end to empty blocks.
        if max(len(self._body), self._received_bytes) > self._max_bytes:
            raise UnreadableAnswer(f"an answer over {self._max_bytes} bytes")

    def receive_eof(self) -> bytes:
        """Return the whole body. Raises UnreadableAnswer when its end is missing."""
        if self._inflate is not None and not self._inflate.eof:
            raise UnreadableAnswer("a body whose compressed end is missing")
        return bytes(self._body)

    def _unzip(self, chunk: bytes) -> None:
        try:
            while chunk and len(self._body) <= self._max_bytes:
                stream = self._stream(chunk)
                self._body += stream.decompress(chunk, self._max_bytes + 1 - len(self._body))
                chunk = stream.unconsumed_tail or stream.unused_data
        except zlib.error as error:
            raise UnreadableAnswer("a body that cannot be decompressed") from error

    def _stream(self, chunk: bytes) -> zlib._Decompress:
        """Return what reads these bytes; a gzip body may be several, one after the other."""
        if self._inflate is None:
            # Half the world sends "deflate" without the zlib header that it has by RFC 9110.
            raw = chunk[0] & 0x0F != zlib.DEFLATED
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS)
        elif self._inflate.eof:
            if "gzip" not in self._encoding:
                raise zlib.error("bytes after the end")
            self._members += 1
            if self._members >= MEMBERS_MAX:
                raise zlib.error("too many members")
            self._inflate = zlib.decompressobj(GZIP_BITS)
        return self._inflate


async def read_body(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Read the whole body. Raises UnreadableAnswer, and aiohttp's own errors."""
    inflater = Inflater(response.headers.get("Content-Encoding", ""), max_bytes)
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        inflater.receive_data(chunk)
    if response.method == "HEAD" or response.status in NO_CONTENT:
        return b""
    return inflater.receive_eof()


@dataclass(frozen=True)
class Decoder:
    """How the bodies of one system are read."""

    charset: str
    tags: Tags | None

    def decode(self, answer: Answer) -> object:
        """Return a body's value. Raises UnreadableAnswer, whose text holds nothing of it."""
        if answer.status in NO_CONTENT:
            return None
        try:
            decoded: object = json.loads(
                answer.body.decode(self.charset),
                parse_float=json_float,
                parse_constant=no_constant,
                object_hook=self.tags.untagged if self.tags else None,
            )
        except UnreadableAnswer:
            raise
        except UnicodeDecodeError:
            charset = self.charset.removesuffix("-sig").upper()
            raise UnreadableAnswer(f"{len(answer.body)} bytes that are not {charset}") from None
        except RecursionError:
            raise UnreadableAnswer("JSON that is nested too deeply") from None
        except ValueError:
            # Without `from`: the cause carries the whole document.
            raise UnreadableAnswer(f"{len(answer.body)} bytes that are not JSON") from None
        return decoded


class Content:
    """The decoded body of one answer; decoded at most once, when somebody asks.

    trace: where that is noted.
    """

    def __init__(self, answer: Answer, decoder: Decoder, trace: Trace) -> None:
        self._trace = trace
        self._answer = answer
        self._decoder = decoder
        self._decoded: object = MISSING
        self._unreadable: UnreadableAnswer | None = None

    async def settle(self) -> None:
        """Decode a long body now, in a thread: on the event loop it would hold up every call."""
        if len(self._answer.body) > LOOP_MAX_BYTES:
            await asyncio.get_running_loop().run_in_executor(DECODERS, self._decode)

    def decoded(self) -> object:
        """Return it. Raises UnreadableAnswer."""
        if self._decoded is MISSING and self._unreadable is None:
            self._decode()
        if self._unreadable is not None:
            raise self._unreadable
        return self._decoded

    def _decode(self) -> None:
        with self._trace.span(Hop.PARSE):
            try:
                self._decoded = self._decoder.decode(self._answer)
            except UnreadableAnswer as error:
                self._unreadable = error

    def at(self, place: Sequence[str]) -> object:
        """Return what is at a place, or MISSING, also when the body can't be read."""
        try:
            return found_at(self.decoded(), place)
        except UnreadableAnswer:
            return MISSING


def found_at(value: object, place: Sequence[str]) -> object:
    """Return what is at a place of a value, or MISSING. Below a null everything is null."""
    for key in place:
        if value is None:
            return None
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return value


def rows_at(value: object, place: Sequence[str], most: int) -> list[RawRow]:
    """Return the rows at a place, so many at most.

    Raises UnreadableAnswer when there is no such place.
    """
    found = found_at(value, place)
    if found is MISSING:
        raise UnreadableAnswer(f"an answer without {'.'.join(place)}")
    if found is None:
        return []
    several = found if isinstance(found, list) else [found]
    return [row if isinstance(row, dict) else {"value": row} for row in several[:most]]
