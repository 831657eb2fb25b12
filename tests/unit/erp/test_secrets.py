"""Secrets by reference: the environment, files, Vault and AWS Secrets Manager.

The two stores are stand-ins on 127.0.0.1, made from their vendors' public API documentation:
neither a Vault nor AWS can be had here. They answer the real client libraries.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

import erp.secret_stores
from erp.secret_stores import STORED_MAX_CHARACTERS
from erp.secrets import SECRET_FILE_MAX_BYTES, Secret, resolve

TOKEN = "hvs.the-token"


class Store(ThreadingHTTPServer):
    """Answers what the test has put into `answers`, by method and path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, object]] = {}
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.silent = False
        self.released = Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Store

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, headers, body))
        if self.server.silent:
            self.server.released.wait(10)
            return
        status, content = self.server.answers.get(self.path, (404, {"errors": []}))
        sent = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = answer
    do_POST = answer

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="store")
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def refusal(reference: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ValueError) as raised:
        resolve(reference, environ)
    assert "hush" not in "".join(traceback.format_exception(raised.value))
    assert TOKEN not in str(raised.value)
    return str(raised.value)


# The environment and files


def test_a_secret_of_the_environment() -> None:
    assert resolve("env:ERP_PASSWORD", {"ERP_PASSWORD": "hush"}) == Secret("hush")
    assert refusal("env:ERP_PASSWORD", {}) == (
        "environment variable ERP_PASSWORD is not set: set it before the start"
    )


def test_a_secret_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("hush\nmore\n")
    assert resolve(f"file:{path}").reveal() == "hush"
    path.write_bytes(b"hush" * SECRET_FILE_MAX_BYTES)
    assert f"is over {SECRET_FILE_MAX_BYTES} bytes" in refusal(f"file:{path}")
    assert "No such file" in refusal(f"file:{path}.nothing")


@pytest.mark.parametrize("reference", ["hush", "env:", "file:", "vault:", "aws-sm:", "hush:hush"])
def test_what_is_no_reference(reference: str) -> None:
    assert refusal(reference, {}).startswith("a secret is given by reference: write env:NAME")


# Vault


def in_vault(store: Store, values: object, path: str = "/v1/secret/data/erp/tryton") -> None:
    store.answers[path] = (200, {"data": {"data": values, "metadata": {"version": 3}}})


def vault(store: Store, **more: str) -> dict[str, str]:
    return {"VAULT_ADDR": store.url, "VAULT_TOKEN": TOKEN, **more}


def test_a_secret_of_vault(store: Store) -> None:
    in_vault(store, {"user": "clerk", "password": "hush"})
    environ = vault(store, VAULT_NAMESPACE="company")
    assert resolve("vault:secret/erp/tryton#password", environ).reveal() == "hush"
    ((_, headers, _),) = store.asked
    assert headers["x-vault-token"] == TOKEN
    assert headers["x-vault-namespace"] == "company"


def test_the_token_may_lie_in_a_file(store: Store, tmp_path: Path) -> None:
    in_vault(store, {"password": "hush"})
    (tmp_path / ".vault-token").write_text(f"{TOKEN}\n")
    in_home = {"VAULT_ADDR": store.url, "HOME": str(tmp_path)}
    assert resolve("vault:secret/erp/tryton#password", in_home) == Secret("hush")
    named = {"VAULT_ADDR": store.url, "VAULT_TOKEN_FILE": str(tmp_path / ".vault-token")}
    assert resolve("vault:secret/erp/tryton#password", named) == Secret("hush")
    assert [headers["x-vault-token"] for _, headers, _ in store.asked] == [TOKEN, TOKEN]
    (tmp_path / ".vault-token").write_text("\n")
    assert "is empty: log in to Vault first" in refusal("vault:a/b#c", in_home)
    (tmp_path / ".vault-token").unlink()
    assert "neither in VAULT_TOKEN nor in the file" in refusal("vault:a/b#c", in_home)


@pytest.mark.parametrize("reference", ["vault:secret#key", "vault:secret/path", "vault:#key"])
def test_a_vault_reference_names_mount_path_and_key(store: Store, reference: str) -> None:
    assert "write vault:MOUNT/PATH#KEY" in refusal(reference, vault(store))
    assert store.asked == []


@pytest.mark.parametrize(
    ("status", "content", "sentence"),
    [
        (404, {"errors": []}, "vault:secret/erp/tryton is not in Vault: mend the path"),
        (403, {"errors": ["permission denied"]}, "Vault does not let our token read"),
        (401, {"errors": ["unauthorized"]}, "Vault does not let our token read"),
        (503, {"errors": ["Vault is sealed"]}, "Vault is sealed: unseal it"),
        (500, {"errors": ["internal"]}, "Vault failed (InternalServerError): see its log"),
        (200, {"data": {"password": "hush"}}, "is no KV version 2: mend the mount"),
        (200, [], "is no KV version 2"),
        (200, {"data": {"data": None}}, "vault:secret/erp/tryton has no text 'password'"),
        (200, {"data": {"data": {"pass": "hush"}}}, "mend the key after #"),
        (200, {"data": {"data": {"password": 5}}}, "has no text 'password'"),
        (200, {"data": {"data": {"password": "x" * (STORED_MAX_CHARACTERS + 1)}}},
         f"a secret is over {STORED_MAX_CHARACTERS} characters"),
    ],
)  # fmt: skip
def test_each_failure_of_vault_is_one_sentence(
    store: Store, status: int, content: object, sentence: str
) -> None:
    store.answers["/v1/secret/data/erp/tryton"] = (status, content)
    assert sentence in refusal("vault:secret/erp/tryton#password", vault(store))


def test_a_secret_as_long_as_may_be(store: Store) -> None:
    in_vault(store, {"key": "x" * STORED_MAX_CHARACTERS})
    found = resolve("vault:secret/erp/tryton#key", vault(store))
    assert len(found.reveal()) == STORED_MAX_CHARACTERS


def test_a_vault_that_cannot_be_reached_or_is_silent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": TOKEN}
    assert "cannot be reached (ConnectionError): mend VAULT_ADDR" in refusal("vault:a/b#c", environ)
    monkeypatch.setattr(erp.secret_stores, "STORE_TIMEOUT_S", 0.2)
    store.silent = True
    assert "did not answer in 0.2 s" in refusal("vault:a/b#c", vault(store))


def test_the_token_goes_over_no_open_line() -> None:
    assert "VAULT_ADDR is not set" in refusal("vault:a/b#c", {"VAULT_TOKEN": TOKEN})
    open_line = {"VAULT_ADDR": "http://vault.example.com:8200", "VAULT_TOKEN": TOKEN}
    assert "does not begin with https://" in refusal("vault:a/b#c", open_line)


def test_vault_without_its_library(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hvac", None)
    assert refusal("vault:a/b#c", vault(store)) == (
        "vault: needs the extra: pip install 'orderline[vault]'"
    )


# AWS Secrets Manager


@pytest.fixture
def aws(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    for name, value in {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": store.url,
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": TOKEN,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return store


def in_aws(store: Store, content: object, status: int = 200) -> None:
    store.answers["/"] = (status, content)


def test_a_secret_of_aws(aws: Store) -> None:
    in_aws(aws, {"Name": "erp/tryton", "SecretString": "hush"})
    assert resolve("aws-sm:erp/tryton").reveal() == "hush"
    in_aws(aws, {"SecretString": json.dumps({"password": "hush hush"})})
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:erp-AbCdEf"
    assert resolve(f"aws-sm:{arn}#password").reveal() == "hush hush"
    (_, headers, first), (_, _, second) = aws.asked
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert "AKIATEST" in headers["authorization"]
    assert [json.loads(body)["SecretId"] for body in (first, second)] == ["erp/tryton", arn]


@pytest.mark.parametrize(
    ("status", "content", "sentence"),
    [
        (400, {"__type": "ResourceNotFoundException", "message": "hush"},
         "aws-sm:erp: AWS refused (ResourceNotFoundException): mend the name, or the region"),
        (400, {"__type": "AccessDeniedException"}, "allow secretsmanager:GetSecretValue"),
        (400, {"__type": "DecryptionFailure"}, "AWS refused (DecryptionFailure)"),
        (200, {"SecretBinary": "aHVzaA=="}, "aws-sm:erp holds no text"),
        (200, {"SecretString": "hush"}, "aws-sm:erp is no JSON: write it without #KEY"),
        (200, {"SecretString": '["hush"]'}, "aws-sm:erp has no text 'key'"),
        (200, {"SecretString": '{"other": "hush"}'}, "aws-sm:erp has no text 'key'"),
    ],
)  # fmt: skip
def test_each_failure_of_aws_is_one_sentence(
    aws: Store, status: int, content: object, sentence: str
) -> None:
    in_aws(aws, content, status)
    with pytest.raises(ValueError) as raised:
        resolve("aws-sm:erp#key")
    assert sentence in str(raised.value)
    assert "hush" not in str(raised.value)


def test_aws_without_region_credentials_network_and_library(
    aws: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erp.secret_stores, "STORE_TIMEOUT_S", 0.2)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")
    assert "cannot be reached (EndpointConnectionError)" in refusal("aws-sm:erp")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "aws-sm: no credentials" in refusal("aws-sm:erp")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "aws-sm: no region: set AWS_DEFAULT_REGION" in refusal("aws-sm:erp")
    assert "names no secret" in refusal("aws-sm:#key")
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert refusal("aws-sm:erp") == "aws-sm: needs the extra: pip install 'orderline[aws]'"


def test_the_libraries_of_the_stores_are_imported_only_when_used() -> None:
    source = Path(erp.secret_stores.__file__).read_text("utf-8")
    assert "\nimport hvac" not in source
    assert "\nimport boto3" not in source
