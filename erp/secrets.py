"""Secrets by reference: a configuration names where a secret is, never what it is.

What lies in the environment or a file is read here, what lies in a store by `erp.secret_stores`.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from erp.secret_stores import from_aws, from_vault

SECRET_FILE_MAX_BYTES = 16 * 1024
"""A password or key is short; a larger file is a wrong path."""


class Secret:
    """A secret value that no log, repr or traceback shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; call it only where it goes on the wire."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(...)"

    def __str__(self) -> str:
        return "(secret)"


def resolve(reference: str, environ: Mapping[str, str] | None = None) -> Secret:
    """Fetch the secret that a reference names.

    reference: `env:NAME` (an environment variable), `file:/absolute/path` (its first line),
    `vault:MOUNT/PATH#KEY` (HashiCorp Vault, KV version 2) or `aws-sm:NAME#KEY` (AWS Secrets
    Manager; #KEY for one value of a JSON object). The last two ask a server, and block.
    Raises ValueError, whose sentence says what to mend and never shows a secret.
    """
    environ = os.environ if environ is None else environ
    scheme, _, place = reference.partition(":")
    if scheme == "env" and place:
        return _from_environment(place, environ)
    if scheme == "file" and place:
        return _from_file(Path(place))
    if scheme == "vault" and place:
        return Secret(from_vault(place, environ))
    if scheme == "aws-sm" and place:
        return Secret(from_aws(place))
    raise ValueError(
        "a secret is given by reference: write env:NAME or file:/path"
        " (or vault:MOUNT/PATH#KEY, aws-sm:NAME#KEY), not the value"
    )


def _from_environment(name: str, environ: Mapping[str, str]) -> Secret:
    value = environ.get(name, "")
    if not value:
        raise ValueError(f"environment variable {name} is not set: set it before the start")
    return Secret(value)


def _from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            content = file.read(SECRET_FILE_MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ValueError(f"secret file {path}: {reason}: mend the path or its rights") from error
    if len(content) > SECRET_FILE_MAX_BYTES:
        raise ValueError(f"secret file {path} is over {SECRET_FILE_MAX_BYTES} bytes: a wrong path?")
    lines = content.decode("utf-8", "replace").splitlines()
    if not lines or not lines[0]:
        raise ValueError(f"secret file {path}: its first line is empty: put the secret there")
    return Secret(lines[0])
