"""Which publishers a configuration wants."""

from __future__ import annotations

import importlib.util

from ami_bridge.publishers.nats_settings import NatsSettings
from ami_bridge.publishers.post import Route
from ami_bridge.publishers.webhook import Webhook, WebhookSettings


def make_routes(webhook: WebhookSettings, nats: NatsSettings) -> tuple[Route, ...]:
    """Return a route for each receiver. Needs a running event loop; connects nowhere.

    Raises ValueError, one sentence with the mend: a file, or the NATS client, is not there.
    """
    routes = [
        Route(Webhook(name, endpoint, webhook), webhook.retry, webhook.parallel)
        for name, endpoint in webhook.endpoints.items()
    ]
    if nats.servers:
        if importlib.util.find_spec("nats") is None:
            raise ValueError("nats.servers is set, but nats-py is not: install orderline[nats]")
        # Not at the top: only who uses NATS needs its client.
        from ami_bridge.publishers.jetstream import JetStream  # noqa: PLC0415

        routes.append(Route(JetStream(nats), nats.retry, nats.parallel))
    return tuple(routes)
