"""TLS towards a business system: what both engines connect with.

TLS 1.3, or 1.2 where a profile asks for it by name; nothing older. The server's certificate and
its host name are always checked: there is no setting that turns this off.

Source: RFC 8446; Python's documentation of `ssl`, "Security considerations".
"""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path

from erp.settings import SystemSettings

_LEAST = {
    None: ssl.TLSVersion.TLSv1_3,
    "1.3": ssl.TLSVersion.TLSv1_3,
    "1.2": ssl.TLSVersion.TLSv1_2,
}


def context(settings: SystemSettings, least: str | None) -> ssl.SSLContext:
    """Return the TLS context of one system. Reads files: make it once, at the start.

    least: the profile's `tls`; None is 1.3. Raises ValueError, whose sentence names the setting
    and the mend, for a file that is missing or is not what it should be.
    """
    if least not in _LEAST:
        raise ValueError(f"tls is {least!r}: write '1.2' (in quotes), or leave it out for TLS 1.3")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and host names
    made.minimum_version = _LEAST[least]
    _trust(made, settings.ca_file)
    _show(made, settings.client_certificate, settings.client_key)
    return made


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, so that no wire is between us."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _trust(made: ssl.SSLContext, ca_file: Path | None) -> None:
    if ca_file is None:
        made.load_default_certs()
        return
    _check_readable("ca_file", ca_file)
    try:
        made.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise ValueError(
            f"ca_file {ca_file} holds no certificate: write the path of a PEM file"
        ) from error


def _show(made: ssl.SSLContext, certificate: Path | None, key: Path | None) -> None:
    if certificate is None:
        if key is not None:
            raise ValueError(f"client_key is {key}, without client_certificate: write both")
        return
    _check_readable("client_certificate", certificate)
    if key is not None:
        _check_readable("client_key", key)
    try:
        # Without a password OpenSSL would ask for one on the terminal, and wait.
        made.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        names = f"client_certificate {certificate}" + (f" and client_key {key}" if key else "")
        raise ValueError(
            f"{names}: they are no certificate and its key, or the key has a password"
            f" ({error.reason or 'unreadable'}): write PEM files that belong together"
        ) from error


def _check_readable(name: str, path: Path) -> None:
    # OpenSSL says "No such file" without its name.
    try:
        with path.open("rb"):
            return
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ValueError(f"{name} {path}: {reason}: mend the path or its rights") from error
