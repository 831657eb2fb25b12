"""One call whose voice process is made to fail in mid-call, and what its caller then hears."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.record import CallRecord
from tests.integration.calls import account
from tests.rig import asterisk

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
) -> Rescue:
    """Call the agent, make the fault in mid-call, wait for the human. Raises PhoneError."""
    phone = Phone(account(status))
    await phone.place(asterisk.AGENT)
    try:
        await phone.began(PATIENCE_S)
        await asyncio.sleep(talk_s)
        fault_s = phone.now_s()
        await fault()
        tone_s = await heard_tone(phone, fault_s, patience_s)
    finally:
        record = await phone.close()
    return Rescue(record, fault_s, None if tone_s is None else tone_s - fault_s)
