"""Settings of the publishers: what can't work is refused with the mend."""

from __future__ import annotations

import pytest

from ami_bridge.publishers.nats_settings import NatsSettings
from ami_bridge.publishers.routes import make_routes
from ami_bridge.publishers.webhook import EndpointSettings, WebhookSettings
from erp.secrets import Secret

SECRET = Secret("whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"servers": ("nats://broker.example:4222",)}, "write tls://"),
        ({"servers": ("http://127.0.0.1",)}, "write nats://HOST:PORT"),
        ({"servers": ("tls://me:secret@broker.example",)}, "holds a login"),
        ({"prefix": "a b"}, "prefix is"),
        ({"prefix": "a.>"}, "prefix is"),
        ({"stream": "a.b"}, "stream is"),
        ({"duplicates_s": 10.0, "keep_s": 5.0}, "no more than keep_s"),
        ({"ack_s": 0.0}, "ack_s is"),
    ],
)
def test_what_can_not_work_is_refused(settings: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what) as caught:
        NatsSettings(**settings)  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


def test_subjects() -> None:
    assert NatsSettings().subject("orderline.call.ended") == "orderline.call.ended"
    assert NatsSettings(prefix="north").subject("orderline.health") == "north.orderline.health"


async def test_nothing_is_published_unless_it_is_configured() -> None:
    assert make_routes(WebhookSettings(), NatsSettings()) == ()


async def test_every_receiver_is_a_publisher_of_its_own() -> None:
    endpoint = EndpointSettings("https://desk.example/", SECRET)
    webhook = WebhookSettings(endpoints={"a": endpoint, "b": endpoint})
    routes = make_routes(webhook, NatsSettings(servers=("nats://127.0.0.1:4222",)))
    assert [route.publisher.name for route in routes] == ["webhook:a", "webhook:b", "nats"]
    for route in routes:
        await route.publisher.close()
