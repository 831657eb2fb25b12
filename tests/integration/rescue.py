"""One call whose voice process is made to fail in mid-call, and what its caller then hears.

The faults of FAULTS need a lab that is `faulty`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.record import CallRecord
from asterisk_agi.testcall.script import Step, play
from tests.integration.calls import account
from tests.rig import asterisk, faulty_voice
from tests.rig.lab import Lab

FAULTS: Mapping[str, int] = {
    "kill -9": signal.SIGKILL,
    "kill -STOP": signal.SIGSTOP,
    "blocked loop": faulty_voice.BLOCK,
    "dead host": faulty_voice.DEAD_HOST,
    "out of memory": faulty_voice.OUT_OF_MEMORY,
}
"""The signal that makes each fault in the voice process."""

HUMAN_TONE_HZ = 1000
WINDOW_SAMPLES, HOP_SAMPLES = 320, 80
"""40 ms, each 10 ms."""
TONE_SHARE = 0.8
"""Share of a window's energy at the tone that makes it the human's and not speech."""
LOUD = 1e9
PATIENCE_S = 10.0
"""So long is waited for the human after the fault."""
GREETING_S = 1.0
"""The fault comes so long after the first sound: in mid-sentence."""


@dataclass(frozen=True)
class Rescue:
    """What came of it."""

    record: CallRecord
    fault_s: float
    """When the fault was made, in seconds of the call."""
    tone_s: float | None
    """From the fault to the human's first tone in the caller's own recording; None: never."""


def first_tone_s(pcm: bytes, after_s: float) -> float | None:
    """Return when the human's tone begins, in seconds of the recording; None when it never does."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(float)
    at = HUMAN_TONE_HZ * WINDOW_SAMPLES // 8000
    for begin in range(round(after_s * 8000), len(samples) - WINDOW_SAMPLES, HOP_SAMPLES):
        power = np.abs(np.fft.rfft(samples[begin : begin + WINDOW_SAMPLES])) ** 2
        if power.sum() > LOUD and power[at - 1 : at + 2].sum() > TONE_SHARE * power.sum():
            return begin / 8000
    return None


async def heard_tone(phone: Phone, after_s: float, patience_s: float) -> float | None:
    """Wait until the caller hears the human, at most so long; return when."""
    until_s, looked_s = after_s + patience_s, after_s
    while phone.now_s() < until_s and not phone.over.is_set():
        await asyncio.sleep(0.2)
        pcm = phone.record().agent.pcm
        tone_s = first_tone_s(pcm, looked_s)
        if tone_s is not None:
            return tone_s
        # Many phones share this process: what was looked at is not looked at again.
        looked_s = max(looked_s, (len(pcm) // 2 - WINDOW_SAMPLES) / 8000)
    return None


async def rescued(
    status: Mapping[str, Any],
    fault: Callable[[], Awaitable[None]],
    talk_s: float = GREETING_S,
    patience_s: float = PATIENCE_S,
    steps: Sequence[Step] = (),
) -> Rescue:
    """Call the agent, make the fault in mid-call, wait for the human. Raises PhoneError.

    steps: what the caller does before.
    """
    phone = Phone(account(status))
    await phone.place(asterisk.AGENT)
    try:
        await phone.began(PATIENCE_S)
        await play(phone, steps)
        await asyncio.sleep(talk_s)
        fault_s = phone.now_s()
        await fault()
        tone_s = await heard_tone(phone, fault_s, patience_s)
    finally:
        record = await phone.close()
    return Rescue(record, fault_s, None if tone_s is None else tone_s - fault_s)


async def replaced(lab: Lab, pid: int, patience_s: float = 30.0) -> None:
    """End a voice process if it still lives, and return when the next one is ready.

    Raises TimeoutError.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await followed(lab, pid, patience_s)
    faulty_voice.sweep()


async def followed(lab: Lab, pid: int, patience_s: float = 30.0) -> None:
    """Return when a voice process has been followed by another that is ready. See `replaced`."""
    for _ in range(round(patience_s / 0.1)):
        pids = lab.pids("voice")
        # Its helpers may outlive the leader of the session for a moment.
        if pids and pids[0] != pid and _leads(pids[0]):
            await asyncio.to_thread(lab.wait)
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"the voice process {pid} has not been followed by another")


def _leads(pid: int) -> bool:
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False
