"""Signatures of webhooks, after the Standard Webhooks specification (symmetric, `v1`).

What is signed is `ID.TIMESTAMP.BODY`; the key is what stands after `whsec_` in base64. Two keys
sign side by side while a secret is being changed.

Source: the specification of Standard Webhooks, "Signature scheme".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
KEY_BYTES = (24, 64)
"""Least and most bytes of a key, as the specification wants them."""


def read_key(secret: str) -> bytes:
    """Return the key of a `whsec_...` secret. Raises ValueError, which does not show it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"is no signing secret: write {PREFIX} and base64 after it") from error
    if not secret.startswith(PREFIX) or not KEY_BYTES[0] <= len(key) <= KEY_BYTES[1]:
        least, most = KEY_BYTES
        raise ValueError(
            f"is no signing secret: write {PREFIX} and {least} to {most} random bytes in base64"
        )
    return key


def signed_headers(
    keys: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """Return the three headers of a webhook. timestamp_s: when it is sent, Unix clock."""
    content = b".".join([message_id.encode(), str(timestamp_s).encode(), body])
    digests = (hmac.new(key, content, hashlib.sha256).digest() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in digests),
    }
