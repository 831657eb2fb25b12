"""Caller voices: three speech engines that the agent does not use, as telephone audio.

flite, festival and pico2wave come from the rig's own tools (`tools.caller_environment`). What was
spoken once is kept in the user's cache, so a test that runs again synthesizes nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from asterisk_agi.audio import PcmChunk
from asterisk_agi.testcall import audio_file
from asterisk_agi.testcall.errors import PhoneUsageError
from asterisk_agi.testcall.loudness import bursts
from tests.rig import debs, tools


class VoiceError(RuntimeError):
    """A caller's voice cannot speak here; the message says which, and why."""


LEVEL = 3000.0
"""Root mean square of the speech (of 32,768): -21 dB, as loud as people on the telephone."""
MARGIN_S = 0.05
"""Silence that is kept before and after the speech."""
SPEAK_TIMEOUT_S = 60.0

Command = Callable[[str, str, Path], Sequence[str]]
"""Makes the command line of (voice, text, WAV file to write)."""


def _flite(voice: str, text: str, out: Path) -> Sequence[str]:
    return ("flite", "-voice", voice, "-t", text, "-o", str(out))


def _pico(voice: str, text: str, out: Path) -> Sequence[str]:
    return ("pico2wave", "-l", voice, "-w", str(out), text)


def _festival(voice: str, text: str, out: Path) -> Sequence[str]:
    quoted = text.replace("\\", "").replace('"', "")
    utterance = f'(utt.synth (Utterance Text "{quoted}"))'
    return ("festival", "-b", f"({voice})", f'(utt.save.wave {utterance} "{out}" \'riff)')


@dataclass(frozen=True)
class Voice:
    """One voice of one engine."""

    engine: str
    voice: str
    command: Command

    @property
    def name(self) -> str:
        """Engine and voice, for reports."""
        return f"{self.engine}/{self.voice.removeprefix('voice_')}"


VOICES = (
    Voice("flite", "slt", _flite),
    Voice("festival", "voice_cmu_us_slt_arctic_hts", _festival),
    Voice("pico", "en-US", _pico),
    Voice("flite", "rms", _flite),
    Voice("festival", "voice_kal_diphone", _festival),
    Voice("pico", "en-GB", _pico),
    Voice("flite", "awb", _flite),
)
"""All voices; neighbours are of different engines."""


@lru_cache(maxsize=1)
def _environment() -> Mapping[str, str]:
    return tools.caller_environment()


def available() -> tuple[Voice, ...]:
    """Return the voices whose engine can be had here (pico2wave is not free software)."""
    path = _environment().get("PATH", os.defpath)
    return tuple(v for v in VOICES if shutil.which(v.command("", "", Path())[0], path=path))


def speak(voice: Voice, text: str) -> PcmChunk:
    """Return a sentence as telephone audio, as loud as people speak, its silence trimmed.

    Blocks for some tenths of a second when the sentence is new. Raises VoiceError when the
    engine is not here or fails.
    """
    digest = hashlib.sha256(f"2|{voice.name}|{text}".encode()).hexdigest()
    kept = debs.cache_folder() / "voices" / f"{digest}.pcm"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        data = _even(_synthesized(voice, text)).data
        aside = kept.with_suffix(f".{os.getpid()}")
        aside.write_bytes(data)
        aside.replace(kept)
    return PcmChunk(kept.read_bytes())


def _synthesized(voice: Voice, text: str) -> PcmChunk:
    with tempfile.TemporaryDirectory(prefix="orderline-voice-") as folder:
        out = Path(folder) / "speech.wav"
        done = _ran(voice, voice.command(voice.voice, text, out))
        if done.returncode != 0 or not out.is_file():
            raise VoiceError(f"{voice.name} could not speak: {done.stderr.strip()[-300:]}")
        try:
            return audio_file.read(out)
        except PhoneUsageError as error:
            raise VoiceError(f"{voice.name} made no speech: {error}") from error


def _ran(voice: Voice, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env=dict(_environment()),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SPEAK_TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise VoiceError(
            f"{voice.name} cannot speak, since {command[0]} is not to be had here "
            f"({error.strerror}): install {voice.engine}, or let `make fetch` get it"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise VoiceError(f"{voice.name} did not speak within {SPEAK_TIMEOUT_S:.0f} s") from error


def _even(speech: PcmChunk) -> PcmChunk:
    """Trim silence, and bring the speech to LEVEL."""
    found = bursts(speech.data)
    if not found:
        raise VoiceError("the engine made silence")
    margin = round(MARGIN_S * speech.format.rate_hz)
    samples = np.frombuffer(speech.data, dtype="<i2").astype(np.float64)
    samples = samples[max(0, found[0].begin - margin) : found[-1].end + margin]
    loud = np.sqrt(np.mean(samples * samples))
    levelled = np.clip(np.rint(samples * (LEVEL / loud)), -32768, 32767)
    return PcmChunk(levelled.astype("<i2").tobytes())
