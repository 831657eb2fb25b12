"""TLS towards a receiver of events: certificates and host names are always checked."""

from __future__ import annotations

import ssl
from pathlib import Path


def context(ca_file: Path | None, key: str) -> ssl.SSLContext:
    """Return a context of TLS 1.2 or later. Reads the file: make it once, at the start.

    key: the setting's name. Raises ValueError, whose sentence names it, the value and the mend.
    """
    try:
        made = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"{key} {ca_file} can't be used: write the path of a PEM file") from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made
