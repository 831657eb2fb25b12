"""A request of a profile: read once, filled for every query, and written as bytes.

Source: RFC 9110 (HTTP), RFC 8259 (JSON), the HTML standard's form encoding.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from urllib.parse import quote, urlencode

from erp.connectors.http.checks import demand_known, mapping, one_of, shown, typed
from erp.connectors.http.template import (
    Node,
    Tagger,
    Text,
    Values,
    compile_text,
    compile_tree,
    fill,
    header_value,
    names_of,
    written,
)
from erp.profiles.errors import ProfileError

METHODS = ("GET", "POST", "PUT", "PATCH", "HEAD")
OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "accept-encoding", "connection"}
)
"""Headers that belong to the connection and to how we read an answer."""


@dataclass(frozen=True)
class Outgoing:
    """A request that is ready to be sent. Its repr shows no value."""

    method: str
    path: str = field(repr=False)
    """Quoted; appended to the system's url."""
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: object = field(default=None, repr=False)
    """A tree that is sent as JSON, when `has_body`."""
    has_body: bool = False
    form: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)
    url: str = field(default="", repr=False)
    """A whole URL in place of path and query: the next page, or a token's place."""
    writes: bool = False
    """True when it changes the system: it must not be sent twice."""

    def data(self) -> tuple[bytes | None, str]:
        """Return the bytes to send, and their content type."""
        if self.form is not None:
            return urlencode(self.form).encode("ascii"), "application/x-www-form-urlencoded"
        if self.has_body:
            return json_text(self.body).encode("ascii"), "application/json"
        return None, ""


@dataclass(frozen=True)
class RequestTemplate:
    """A request with slots."""

    method: str
    path: Text
    query: Mapping[str, Node]
    headers: Mapping[str, Text]
    body: Node
    has_body: bool
    form: Mapping[str, Node] | None
    names: frozenset[str]

    def fill(self, values: Values, tag: Tagger | None) -> Outgoing:
        """Return it with its slots filled. Raises Failure when a value does not fit."""
        return Outgoing(
            method=self.method,
            path=self.path.path(values),
            query=pairs(self.query, values),
            headers=filled_headers(self.headers, values),
            body=fill(self.body, values, tag) if self.has_body else None,
            has_body=self.has_body,
            form=None if self.form is None else pairs(self.form, values),
        )


def compile_request(found: object, where: str) -> RequestTemplate:
    """Read a request. Raises ProfileError."""
    section = mapping(found, where)
    demand_known(section, ("method", "path", "query", "headers", "body", "form"), where)
    if "body" in section and "form" in section:
        raise ProfileError(f"{where} has a body and a form: write one of them")
    query = compile_pairs(section.get("query"), f"{where}.query")
    headers = compile_headers(section.get("headers"), f"{where}.headers")
    form = None
    if "form" in section:
        form = compile_pairs(section["form"], f"{where}.form")
    body = compile_tree(section.get("body"), f"{where}.body")
    path = _path(typed(section, "path", "", where), f"{where}.path")
    trees = (*query.values(), *headers.values(), *(form or {}).values(), body, path)
    return RequestTemplate(
        method=one_of(section.get("method", "GET"), METHODS, f"{where}.method"),
        path=path,
        query=query,
        headers=headers,
        body=body,
        has_body="body" in section,
        form=form,
        names=frozenset().union(*(names_of(tree) for tree in trees)),
    )


def compile_headers(found: object, where: str) -> dict[str, Text]:
    """Read headers: names, and templates of texts. Raises ProfileError."""
    headers = {}
    for name, value in mapping(found, where).items():
        demand_header(name, where)
        headers[name] = compile_text(value, f"{where}.{name}")
    return headers


def demand_header(name: str, where: str) -> None:
    """Raise ProfileError for what is no name of a header, or one that is not the profile's."""
    allowed = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    if not allowed or name.lower() in OWN_HEADERS:
        raise ProfileError(f"{where} has {shown(name)}: it can't be set as a header")


def compile_pairs(found: object, where: str) -> dict[str, Node]:
    """Read names and values, where a value may also be a list. Raises ProfileError."""
    compiled: dict[str, Node] = {}
    for name, value in mapping(found, where).items():
        several = value if isinstance(value, list) else [value]
        if any(isinstance(each, Mapping | list) for each in several):
            raise ProfileError(f"{where}.{name} is {shown(value)}: write a text, number or list")
        compiled[name] = compile_tree(value, f"{where}.{name}")
    return compiled


def pairs(found: Mapping[str, Node], values: Values) -> tuple[tuple[str, str], ...]:
    """Return names and values written out; a list repeats its name, none is left out."""
    written_out: list[tuple[str, str]] = []
    for name, node in found.items():
        value = fill(node, values, None)
        for each in _flat(value):
            if each is not None:
                written_out.append((name, written(each)))
    return tuple(written_out)


def filled_headers(found: Mapping[str, Text], values: Values) -> dict[str, str]:
    """Return headers with their values; one that is none is left out. Raises Failure."""
    filled = {}
    for name, text in found.items():
        value = text.value(values)
        if value is not None:
            filled[name] = header_value(value, name)
    return filled


def query_text(found: tuple[tuple[str, str], ...]) -> str:
    """Return the query of a URL."""
    return urlencode(found, quote_via=quote, safe="")


def json_text(value: object) -> str:
    """Return a tree as JSON in ASCII; decimals keep all their digits, dates are ISO texts."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(k)}:{json_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(json_text(each) for each in value) + "]"
    if isinstance(value, Decimal):
        return written(value)
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    return json.dumps(value, allow_nan=False)


def _flat(value: object) -> list[object]:
    if not isinstance(value, list):
        return [value]
    return [inner for each in value for inner in _flat(each)]


def _path(found: str, where: str) -> Text:
    if found and not found.startswith("/"):
        raise ProfileError(f"{where} is {shown(found)}: begin it with /")
    if "?" in found or "#" in found:
        raise ProfileError(f"{where} is {shown(found)}: write what follows ? under query")
    return compile_text(found, where)
