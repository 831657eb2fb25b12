"""The section `sql`: a role and settings that are texts or parameters, and nothing unsafe."""

from __future__ import annotations

import pytest

from erp.connectors.sql.section import ROLE_MAX_CHARACTERS, check_section, read_section
from erp.profiles.errors import ProfileError


def test_a_text_is_itself_and_a_name_is_a_value() -> None:
    section = read_section(
        {"role": "reader", "settings": {"app.account": ":account", "app.call": "yes"}}, "sql"
    )
    assert section.role is not None
    assert section.role.value({}) == "reader"
    said = dict(section.settings)
    assert said["app.account"].value({"account": "C001"}) == "C001"
    assert said["app.account"].value({}) == ""
    assert said["app.account"].value({"account": None}) == ""
    assert said["app.call"].value({}) == "yes"


def test_a_role_may_be_a_parameter() -> None:
    role = read_section({"role": ":customer_role"}, "sql").role
    assert role is not None
    assert role.name == "customer_role"
    assert role.value({"customer_role": "r17"}) == "r17"


def test_an_empty_section_says_nothing() -> None:
    section = read_section({}, "sql")
    assert (section.role, section.settings, section.charset, section.tls) == (None, (), "", False)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"rolle": "x"}, "sql.rolle is not known"),
        ({"role": ""}, "sql.role"),
        # It would take the role away.
        ({"role": "none"}, "sql.role"),
        ({"role": 7}, "sql.role"),
        ({"role": ":1x"}, "parameter"),
        ({"role": "a\nb"}, "sql.role"),
        ({"role": "r" * (ROLE_MAX_CHARACTERS + 1)}, "sql.role"),
        ({"settings": "app.account"}, "sql.settings"),
        ({"settings": {"app.account": 7}}, "sql.settings.app.account"),
        # Without a dot it would be the server's own.
        ({"settings": {"role": "postgres"}}, "app.account"),
        ({"settings": {"app.a`; DROP": "x"}}, "app.account"),
        ({"settings": {7: "x"}}, "app.account"),
        ({"charset": "utf8; x"}, "sql.charset"),
        ({"charset": 8}, "sql.charset"),
        ({"tls": "off"}, "sql.tls"),
        ({"tls": True}, "sql.tls"),
    ],
)
def test_mistakes_are_one_sentence_with_the_key(section: dict[str, object], told: str) -> None:
    with pytest.raises(ProfileError, match=told):
        check_section(section, "sql")
