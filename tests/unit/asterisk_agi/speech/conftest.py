"""Where the real speech engine comes from in unit tests."""

from __future__ import annotations

import pytest

from tests.rig.tools import voice_environment


@pytest.fixture
def espeak_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let child processes find libespeak-ng: the machine's own, else one in the rig's cache."""
    for name, value in voice_environment({}).items():
        monkeypatch.setenv(name, value)
