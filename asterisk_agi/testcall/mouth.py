"""What the test caller sends: one RTP packet for each 20 ms, speech, keys, or silence.

Pure: the owner asks for a packet at each deadline. Speech and keys are sent in the order in
which they were given; between them goes silence, as a real telephone sends it. Source: RFC 3550
section 5.1, RFC 3551 (payload type 0), RFC 4733.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from aiortc.rtp import RtpPacket

from asterisk_agi.audio import TELEPHONE, PcmChunk
from asterisk_agi.media.formats import FRAME_SAMPLES, encode_ulaw, seq16_add, ts32_add
from asterisk_agi.testcall import telephone_event
from asterisk_agi.testcall.errors import PhoneUsageError
from asterisk_agi.testcall.sdp import EVENT_PAYLOAD_TYPE, ULAW_PAYLOAD_TYPE

FRAME_BYTES = 2 * FRAME_SAMPLES
"""Bytes of one packet's sound as PCM."""
KEY_GAP_FRAMES = 4
"""Silence after a key, so that the same key twice is two keys."""
SPEECH_MAX_S = 120.0
"""Longer speech in one go is a wrong file."""

_SILENCE = bytes(FRAME_BYTES)


@dataclass(frozen=True)
class Frame:
    """One packet, where it stands in the stream, and the sound that it carries."""

    packet: RtpPacket
    position: int
    """Samples since the stream began."""
    pcm: bytes
    """FRAME_BYTES of PCM; silence while a key is held."""


class Mouth:
    """The outgoing stream of one call. Source, sequence and time stamp are given, for tests."""

    def __init__(self, ssrc: int, sequence: int, timestamp: int) -> None:
        self.event_payload_type = EVENT_PAYLOAD_TYPE
        """What the far side named for telephone events."""
        self._ssrc = ssrc
        self._sequence = sequence
        self._timestamp = timestamp
        self._position = 0
        self._jobs: deque[Iterator[tuple[RtpPacket, bytes]]] = deque()

    @property
    def jobs_left(self) -> int:
        """How many utterances and keys are not yet sent to their end."""
        return len(self._jobs)

    def say(self, speech: PcmChunk) -> None:
        """Queue speech. Raises PhoneUsageError for another format, or for too much of it."""
        if speech.format != TELEPHONE:
            raise PhoneUsageError("a caller's speech must be 8000 Hz, 16 bit, mono")
        if speech.seconds > SPEECH_MAX_S:
            raise PhoneUsageError(f"a caller's speech of over {SPEECH_MAX_S:.0f} s: a wrong file?")
        self._jobs.append(self._spoken(speech.data))

    def press(self, key: str) -> None:
        """Queue a key. Raises PhoneUsageError when no keypad has it."""
        self._jobs.append(self._pressed(telephone_event.checked_keys(key)))

    def next_frame(self) -> Frame:
        """Return the packet for the next 20 ms. Never ends: silence follows what was queued."""
        position = self._position
        packet, pcm = self._from_jobs() or (self._audio(_SILENCE), _SILENCE)
        self._position += FRAME_SAMPLES
        return Frame(packet, position, pcm)

    def _from_jobs(self) -> tuple[RtpPacket, bytes] | None:
        while self._jobs:
            if (frame := next(self._jobs[0], None)) is not None:
                return frame
            self._jobs.popleft()
        return None

    def _spoken(self, data: bytes) -> Iterator[tuple[RtpPacket, bytes]]:
        for start in range(0, len(data), FRAME_BYTES):
            pcm = data[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
            yield self._audio(pcm), pcm

    def _pressed(self, key: str) -> Iterator[tuple[RtpPacket, bytes]]:
        begun = ts32_add(self._timestamp, self._position)
        for count, payload in enumerate(telephone_event.payloads(key)):
            packet = self._packet(self.event_payload_type, begun, payload)
            packet.marker = int(count == 0)
            yield packet, _SILENCE
        for _ in range(KEY_GAP_FRAMES):
            yield self._audio(_SILENCE), _SILENCE

    def _audio(self, pcm: bytes) -> RtpPacket:
        now = ts32_add(self._timestamp, self._position)
        packet = self._packet(ULAW_PAYLOAD_TYPE, now, encode_ulaw(pcm))
        packet.marker = int(self._position == 0)
        return packet

    def _packet(self, payload_type: int, timestamp: int, payload: bytes) -> RtpPacket:
        packet = RtpPacket(
            payload_type=payload_type,
            sequence_number=self._sequence,
            timestamp=timestamp,
            ssrc=self._ssrc,
            payload=payload,
        )
        self._sequence = seq16_add(self._sequence, 1)
        return packet
