"""AMI events with values that a caller chose: nothing raises, and no call is made up of them."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ami_bridge import sightings
from ami_bridge.queues import Picture, after, picture_of
from ami_bridge.sightings import VoiceHosts
from ami_bridge.watchdog import BridgeSettings, Fallback, Watchdog
from dialplan import beat

VOICES = VoiceHosts(frozenset({"127.0.0.1"}), 4573)
HEADERS = (
    "Event",
    "Channel",
    "DestChannel",
    "Uniqueid",
    "Linkedid",
    "Context",
    "Exten",
    "Application",
    "ApplicationData",
    "AppData",
    "UserEvent",
    "Beat",
    "Queue",
    "Interface",
    "Status",
    "Paused",
    "Calls",
    "Count",
    "Position",
    "TalkTime",
    "Holdtime",
    "Available",
    "CallerIDName",
)
VALUES = (
    "",
    "DialBegin",
    "Newexten",
    "UserEvent",
    "OrderlineBeat",
    "QueueParams",
    "QueueSummary",
    "QueueMember",
    "QueueMemberStatus",
    "QueueCallerJoin",
    "QueueCallerLeave",
    "AGI",
    "Dial",
    "support",
    "1.1",
    "-1",
    "9" * 400,
    "\u0663",
    "nan",
    "1e999",
    "UnicastRTP/127.0.0.1:40010-0x1",
    "UnicastRTP/127.0.0.1:40010/c(ulaw)",
    "UnicastRTP/10.9.9.9:1-0x1",
    "agi://127.0.0.1:4573/default",
    "agi://127.0.0.1:99999999/x",
    "agi://[::1",
    'Eve" <${EVAL(${SHELL(id)})}>',
    "orderline-beat 1 127.0.0.1:4573 1.1",
)
EVENTS = st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(VALUES) | st.text(max_size=20))


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=6))
def test_no_event_makes_the_watchdog_raise_or_act_on_a_foreign_channel(
    events: list[dict[str, str]],
) -> None:
    watchdog = Watchdog(
        BridgeSettings(), "127.0.0.1:4573", Fallback("orderline", "600"), now_s=0.0
    )
    watchdog.ami_up(0.0)
    now_s = 10.0
    for event in events:
        sign = beat.read_event(event)
        if sign is not None:
            watchdog.beat(sign, now_s)
        for seen in (sightings.dialled(event, VOICES), sightings.entered(event, VOICES)):
            assert seen is None or seen.uniqueid == event["Uniqueid"] != ""
        seen = sightings.dialled(event, VOICES)
        if seen is not None:
            assert seen.leg.startswith("UnicastRTP/127.0.0.1:")
            watchdog.dialled(seen, now_s)
        watchdog.hung_up(event.get("Channel", ""), event.get("Uniqueid", ""), now_s)
        watchdog.present(sightings.present(events, VOICES), now_s, now_s)
        for order in watchdog.tick(now_s):
            assert "10.9.9.9" not in str(order)
        now_s += 0.4


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=6), EVENTS)
@example([{"Event": "QueueParams", "Queue": "support", "Calls": "9" * 400}], {})
@example([{"Event": "QueueSummary", "Queue": "support", "TalkTime": "1e999"}], {})
def test_no_answer_of_a_queue_raises(
    rows: list[dict[str, str]], event: dict[str, str]
) -> None:
    picture = picture_of("support", rows, rows)
    if picture is not None:
        assert isinstance(after(picture, event), Picture)
