"""The section `people`: what it refuses, and when there is anybody to ask."""

from __future__ import annotations

from typing import Any

import pytest

from asterisk_agi import config
from asterisk_agi.people import PeopleSettings, Way


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"way": "queue"}, "queue is empty"),
        ({"way": "ring"}, "ring is empty"),
        ({"way": "attended"}, "ring is empty"),
        ({"way": "extension"}, "extension is empty"),
        ({"way": "pigeon"}, "write one of label, extension"),
        ({"timeout_s": 0}, "timeout_s is 0"),
        ({"hold_s": 0}, "hold_s is 0"),
        ({"ask_s": 0}, "ask_s is 0"),
        ({"record_link": "https://erp.example/"}, "{account}"),
    ],
)
def test_a_mistake_is_told_with_its_mend(values: dict[str, Any], words: str) -> None:
    with pytest.raises(config.ConfigError) as told:
        config.build(PeopleSettings, values, "people")
    assert words in str(told.value) and "people." in str(told.value)


@pytest.mark.parametrize(
    ("way", "whisper", "quiet"),
    [
        (Way.QUEUE, True, True),
        (Way.QUEUE, False, False),
        (Way.RING, True, True),
        (Way.ATTENDED, False, True),
        (Way.LABEL, True, False),
        (Way.EXTENSION, True, False),
    ],
)
def test_the_line_is_quiet_where_the_human_hears_something_first(
    way: Way, whisper: bool, quiet: bool
) -> None:
    people = PeopleSettings(way, "support", ("PJSIP/anna",), "700", whisper=whisper)
    assert people.quiet is quiet


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        (PeopleSettings(), False),
        (PeopleSettings(queue="support"), True),
        (PeopleSettings(Way.RING, ring=("PJSIP/anna",)), True),
        (PeopleSettings(Way.EXTENSION, extension="700", context="office"), True),
        (PeopleSettings(ring=("PJSIP/anna",)), False),
    ],
)
def test_somebody_is_asked_only_where_somebody_is_named(
    settings: PeopleSettings, asked: bool
) -> None:
    assert settings.asked is asked


@pytest.mark.parametrize("device", ["PJSIP/a,20,g", "PJSIP/a)", "PJSIP/${X}", "a b", "a\n"])
def test_what_would_be_more_than_a_device_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match="can't be dialled"):
        PeopleSettings(ring=(device,))
