"""Signatures, judged by the independent library `standardwebhooks`."""

from __future__ import annotations

import base64
import secrets
import time

import pytest
from standardwebhooks.webhooks import Webhook as Judge
from standardwebhooks.webhooks import WebhookVerificationError

from ami_bridge.publishers.signing import read_key, signed_headers

SECRET, OLD = (f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}" for _ in range(2))
BODY = b'{"id":"1"}'


def test_the_judge_accepts_it() -> None:
    headers = signed_headers([read_key(SECRET)], "msg-1", int(time.time()), BODY)
    assert Judge(SECRET).verify(BODY, headers) == {"id": "1"}


def test_both_secrets_are_accepted_while_one_is_changed() -> None:
    keys = [read_key(SECRET), read_key(OLD)]
    headers = signed_headers(keys, "msg-1", int(time.time()), BODY)
    for secret in (SECRET, OLD):
        Judge(secret).verify(BODY, headers)


@pytest.mark.parametrize("what", ["body", "id", "time", "key"])
def test_the_judge_refuses_what_was_changed(what: str) -> None:
    key = read_key(OLD if what == "key" else SECRET)
    headers = signed_headers([key], "msg-1", int(time.time()), BODY)
    headers["webhook-id"] += "x" if what == "id" else ""
    if what == "time":
        headers["webhook-timestamp"] = str(int(time.time()) + 1)
    with pytest.raises(WebhookVerificationError):
        Judge(SECRET).verify(BODY + (b" " if what == "body" else b""), headers)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", "whsec_c2hvcnQ=", "c2VjcmV0" * 4])
def test_what_is_no_secret_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(ValueError, match="is no signing secret") as caught:
        read_key(secret)
    assert len(secret) < 8 or secret not in str(caught.value)
