"""Mistakes in a profile: each is found when it is loaded, and one sentence names the key."""

from __future__ import annotations

import pytest

from erp.connectors.http import check_section, prepare, section_needs
from erp.profiles.errors import ProfileError

LOGIN = {"path": "/login"}


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"header": {}}, r"http\.header is not known: known are auth, charset"),
        ({"headers": []}, r"http\.headers is \[\]: write a mapping"),
        ({"headers": {"X\nY": "1"}}, r"http\.headers has 'X\\nY': it can't be set"),
        ({"headers": {"Content-Length": "1"}}, "can't be set as a header"),
        ({"headers": {"X": 1}}, r"http\.headers\.X is 1: write a text"),
        ({"headers": {"X": "{password}"}}, r"http\.headers\.X names a secret"),
        ({"headers": {1: "x"}}, "has the key 1"),
        ({"keep_warm": {"path": "/{secret.k}"}}, r"http\.keep_warm names a secret"),
        ({"charset": "latin-99"}, r"http\.charset is 'latin-99'"),
        ({"charset": "base64"}, r"http\.charset is 'base64'"),
        ({"charset": 8}, r"http\.charset is 8: write a text"),
        ({"tags": {"known": {}}}, r"http\.tags\.key is not given"),
        ({"tags": {"key": "c", "known": {"D": {}}}}, r"http\.tags\.known\.D has 0 keys"),
        ({"tags": {"key": "c", "known": {"D": {"money": "x"}}}}, r"D\.money is not known"),
        ({"tags": {"key": "c", "known": {"D": {"date": ["y", "m"]}}}}, "has 2 fields: write 1 or"),
        ({"tags": {"key": "c", "known": {"D": {"number": ["a", "b"]}}}}, "has 2 fields"),
        ({"tags": {"key": "c", "known": {"D": {"number": 1}}}}, "write the names of its fields"),
        ({"auth": {}}, r"http\.auth\.kind is None: write one of none, api_key"),
        ({"auth": {"kind": "magic"}}, r"http\.auth\.kind is 'magic'"),
        ({"auth": {"kind": "none", "x": 1}}, r"http\.auth\.x is not known"),
        ({"auth": {"kind": "basic", "user": "x"}}, r"http\.auth\.user is not known"),
        ({"auth": {"kind": "api_key", "header": "A", "query": "b"}}, "has header and query"),
        ({"auth": {"kind": "session"}}, r"http\.auth\.login is not given"),
        ({"auth": {"kind": "session", "login": LOGIN}}, "neither headers nor cookies"),
        (
            {"auth": {"kind": "session", "login": LOGIN, "cookies": "a"}},
            r"http\.auth\.cookies is 'a': write a list",
        ),
        (
            {"auth": {"kind": "session", "login": LOGIN, "cookies": ["a"], "lifetime_s": 0}},
            r"http\.auth\.lifetime_s is 0",
        ),
        (
            {"auth": {"kind": "session", "login": LOGIN, "headers": {"A": {"base64": ""}}}},
            r"http\.auth\.headers\.A\.base64 is not given",
        ),
        ({"auth": {"kind": "oauth2"}}, r"http\.auth\.token_url is not given"),
        ({"auth": {"kind": "oauth2", "token_url": "login.example"}}, "begin it with https://"),
        (
            {"auth": {"kind": "oauth2", "token_url": "http://login.example/t"}},
            "http is for this machine only",
        ),
        (
            {"auth": {"kind": "oauth2", "token_url": "/t", "grant": "refresh_token"}},
            r"http\.auth\.refresh_token: name a secret",
        ),
        ({"errors": {}}, r"http\.errors is \{\}: write a list"),
        ({"errors": [{"means": "bad"}]}, r"http\.errors\.0 names neither status nor where"),
        ({"errors": [{"status": 4, "means": "bad"}]}, r"http\.errors\.0\.status is 4"),
        ({"errors": [{"status": 400}]}, r"http\.errors\.0\.means is None"),
        ({"errors": [{"status": 400, "equals": 1, "means": "bad"}]}, "has no where"),
        (
            {"errors": [{"where": "a", "equals": 1, "matches": "x", "means": "bad"}]},
            "has equals and matches",
        ),
        ({"errors": [{"where": "a", "matches": "(", "means": "bad"}]}, r"0\.matches is '\('"),
        ({"errors": [{"where": "a..b", "means": "bad"}]}, "a key is empty"),
    ],
)
def test_a_wrong_section(section: dict[str, object], sentence: str) -> None:
    with pytest.raises(ProfileError, match=sentence):
        check_section(section, "http")


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({}, r"p\.request is not given"),
        ({"request": {}, "row": "x"}, r"p\.row is not known"),
        ({"request": {"url": "x"}}, r"p\.request\.url is not known"),
        ({"request": {"method": "get"}}, r"p\.request\.method is 'get': write one of GET"),
        ({"request": {"method": ["GET"]}}, r"p\.request\.method is \['GET'\]"),
        ({"request": {"path": "items"}}, r"p\.request\.path is 'items': begin it with /"),
        ({"request": {"path": "/items?a=1"}}, "write what follows . under query"),
        ({"request": {"path": "/{}"}}, r"p\.request\.path has '\{\}'"),
        ({"request": {"path": "/{a b}"}}, r"has '\{a b\}'"),
        ({"request": {"path": "/{a"}}, "write a brace twice"),
        ({"request": {"path": "/{a:money}"}}, "has the type 'money': known are int, number"),
        ({"request": {"path": "/{a:}"}}, "has the type ''"),
        ({"request": {"body": {"a": {1: "x"}}}}, r"p\.request\.body\.a has the key 1"),
        ({"request": {"body": {"a": {"b"}}}}, r"p\.request\.body\.a is"),
        ({"request": {"query": {"a": {"b": 1}}}}, r"p\.request\.query\.a is"),
        ({"request": {"body": 1, "form": {}}}, "has a body and a form"),
        ({"request": {}, "rows": 7}, r"p\.rows is 7: write a place"),
        ({"request": {}, "paging": {}}, r"p\.paging\.kind is None"),
        ({"request": {}, "paging": {"kind": "link", "at": "x"}}, r"p\.paging\.at is not known"),
        ({"request": {}, "paging": {"kind": "next"}}, r"p\.paging\.at is not given"),
        (
            {"request": {}, "paging": {"kind": "offset", "offset": "o", "size": {"value": 0}}},
            r"p\.paging\.size\.value is 0",
        ),
        (
            {"request": {}, "paging": {"kind": "next", "at": "a", "send": "b", "in": "body"}},
            r"p\.paging\.in is 'body', but",
        ),
    ],
)
def test_a_wrong_part(part: dict[str, object], sentence: str) -> None:
    with pytest.raises(ProfileError, match=sentence):
        prepare(part, "p")


def test_the_common_keys_of_a_part_are_ignored() -> None:
    part = {"fields": {"a": {"from": "b"}}, "limit": 3, "first": True, "refine": "step"}
    assert prepare({"request": {"path": "/{on}/{order.id:int}"}, **part}, "p").names == {
        "on", "order.id",
    }


def test_the_section_says_what_it_needs() -> None:
    section = {
        "headers": {"X": "{company}"},
        "auth": {
            "kind": "session",
            "login": {"path": "/{database}", "form": {"u": "{user}", "p": "{secret.pin}"}},
            "keep": {"token": "t"},
            "headers": {"A": "{token}"},
        },
        "keep_warm": {"path": "/{plant}"},
    }
    needs = section_needs(section, "http")
    assert needs.parameters == {"company", "database", "plant"}
    assert needs.secrets == {"pin"}
