"""Secrets that lie in a store: HashiCorp Vault (`vault:`) and AWS Secrets Manager (`aws-sm:`).

Each store's library is an extra of the package and is imported only when a reference names it.
Reading blocks, for STORE_TIMEOUT_S at most per try: it happens at the start, before any call.
Nothing is written, and nothing is kept. No message holds a secret, or what a store answered.

Source: Vault's HTTP API, "KV secrets engine, version 2" and "Auth"; hvac 2; AWS Secrets Manager
API reference, GetSecretValue; boto3.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

STORE_TIMEOUT_S = 10
"""Longest wait for a store's answer."""

STORED_MAX_CHARACTERS = 64 * 1024
"""Longest secret, JSON included: the limit of AWS Secrets Manager."""

_TOKEN_MAX_BYTES = 16 * 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def from_vault(place: str, environ: Mapping[str, str]) -> str:
    """Read a value of Vault's KV version 2.

    place: `MOUNT/PATH#KEY`, as in `secret/erp/tryton#password`. VAULT_ADDR says where Vault is;
    the token is in VAULT_TOKEN, or in the file VAULT_TOKEN_FILE, or in ~/.vault-token;
    VAULT_NAMESPACE and VAULT_CACERT count when set. Raises ValueError with the mend.
    """
    where, _, key = place.partition("#")
    mount, _, path = where.strip("/").partition("/")
    if not path or not key:
        raise ValueError(
            f"vault:{where} names no value: write vault:MOUNT/PATH#KEY,"
            " as in vault:secret/erp/tryton#password"
        )
    address = _vault_address(environ)
    client = _vault_client(address, environ)
    with closing(client.adapter), _vault_failures(where, address):
        answer = client.secrets.kv.v2.read_secret_version(
            path=path, mount_point=mount, raise_on_deleted_version=True
        )
        values = answer["data"]["data"]
    return _value_of(values, key, f"vault:{where}")


def _vault_client(address: str, environ: Mapping[str, str]) -> Any:
    try:
        import hvac  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ValueError("vault: needs the extra: pip install 'orderline[vault]'") from error
    return hvac.Client(
        url=address,
        token=_vault_token(environ),
        namespace=environ.get("VAULT_NAMESPACE") or None,
        verify=environ.get("VAULT_CACERT") or True,
        timeout=STORE_TIMEOUT_S,
    )


def _vault_address(environ: Mapping[str, str]) -> str:
    address = environ.get("VAULT_ADDR", "")
    parts = urlsplit(address)
    if not address:
        raise ValueError("VAULT_ADDR is not set: set it, as in https://vault.example.com:8200")
    # The token goes with every request.
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError(
            "VAULT_ADDR does not begin with https://: mend it (http is for this machine only)"
        )
    return address


def _vault_token(environ: Mapping[str, str]) -> str:
    token = environ.get("VAULT_TOKEN", "")
    if token:
        return token
    named = environ.get("VAULT_TOKEN_FILE", "")
    path = Path(named) if named else Path(environ.get("HOME", "/nonexistent")) / ".vault-token"
    try:
        with path.open("rb") as file:
            token = file.read(_TOKEN_MAX_BYTES).decode("ascii", "replace").strip()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ValueError(
            f"Vault's token is neither in VAULT_TOKEN nor in the file {path} ({reason}): set one"
        ) from error
    if not token:
        raise ValueError(f"Vault's token file {path} is empty: log in to Vault first")
    return token


@contextmanager
def _vault_failures(where: str, address: str) -> Iterator[None]:
    """Say in one sentence why Vault gave nothing."""
    import hvac.exceptions  # noqa: PLC0415 - an extra
    import requests.exceptions  # noqa: PLC0415 - comes with it

    try:
        yield
    except hvac.exceptions.InvalidPath as error:
        raise ValueError(
            f"vault:{where} is not in Vault: mend the path, or put it there"
        ) from error
    except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized) as error:
        raise ValueError(
            f"Vault does not let our token read vault:{where}: renew the token or its policy"
        ) from error
    except hvac.exceptions.VaultDown as error:
        raise ValueError("Vault is sealed: unseal it") from error
    except hvac.exceptions.VaultError as error:
        raise ValueError(f"Vault failed ({type(error).__name__}): see its log") from error
    except requests.exceptions.SSLError as error:
        raise ValueError(
            f"Vault at {address}: its certificate is not trusted: set VAULT_CACERT"
        ) from error
    except requests.exceptions.Timeout as error:
        raise ValueError(f"Vault at {address} did not answer in {STORE_TIMEOUT_S} s") from error
    except requests.exceptions.RequestException as error:
        raise ValueError(
            f"Vault at {address} cannot be reached ({type(error).__name__}): mend VAULT_ADDR"
        ) from error
    except (KeyError, TypeError, OSError) as error:
        raise ValueError(
            f"vault:{where}: what {address} answers is no KV version 2: mend the mount"
        ) from error


def from_aws(place: str) -> str:
    """Read a secret of AWS Secrets Manager.

    place: `NAME` or an ARN; `NAME#KEY` for one value of a secret that is a JSON object. Region and
    credentials are found as boto3 finds them. Raises ValueError with the mend.
    """
    name, _, key = place.partition("#")
    if not name:
        raise ValueError("aws-sm: names no secret: write aws-sm:NAME or aws-sm:NAME#KEY")
    try:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.config import Config  # noqa: PLC0415 - comes with it
    except ImportError as error:
        raise ValueError("aws-sm: needs the extra: pip install 'orderline[aws]'") from error
    patience = Config(
        connect_timeout=STORE_TIMEOUT_S,
        read_timeout=STORE_TIMEOUT_S,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )
    with (
        _aws_failures(name),
        # The library's own session would keep the credentials of the first time.
        closing(boto3.Session().client("secretsmanager", config=patience)) as client,
    ):
        answer = client.get_secret_value(SecretId=name)
    text = answer.get("SecretString")
    if not text:
        raise ValueError(f"aws-sm:{name} holds no text: store it as text")
    return _value_of(_json_object(text, name), key, f"aws-sm:{name}") if key else _checked(text)


@contextmanager
def _aws_failures(name: str) -> Iterator[None]:
    """Say in one sentence why AWS gave nothing."""
    import botocore.exceptions  # noqa: PLC0415 - an extra

    try:
        yield
    except botocore.exceptions.NoRegionError as error:
        raise ValueError("aws-sm: no region: set AWS_DEFAULT_REGION") from error
    except (
        botocore.exceptions.NoCredentialsError,
        botocore.exceptions.PartialCredentialsError,
    ) as error:
        raise ValueError("aws-sm: no credentials: set them as for the AWS command line") from error
    except botocore.exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        mends = {
            "ResourceNotFoundException": "mend the name, or the region",
            "AccessDeniedException": "allow secretsmanager:GetSecretValue",
        }
        raise ValueError(
            f"aws-sm:{name}: AWS refused ({code}): {mends.get(code, 'see its documentation')}"
        ) from error
    except botocore.exceptions.BotoCoreError as error:
        raise ValueError(
            f"aws-sm:{name}: AWS cannot be reached ({type(error).__name__}): mend the network"
        ) from error


def _json_object(text: str, name: str) -> object:
    try:
        values: object = json.loads(text)
    except (ValueError, RecursionError):
        # Not `from` the error: that one holds the secret.
        raise ValueError(f"aws-sm:{name} is no JSON: write it without #KEY") from None
    return values


def _value_of(values: object, key: str, what: str) -> str:
    value = values.get(key) if isinstance(values, dict) else None
    if not isinstance(value, str) or not value:
        raise ValueError(f"{what} has no text {key!r}: mend the key after #, or put it there")
    return _checked(value)


def _checked(value: str) -> str:
    if len(value) > STORED_MAX_CHARACTERS:
        raise ValueError(f"a secret is over {STORED_MAX_CHARACTERS} characters: a wrong name?")
    return value
