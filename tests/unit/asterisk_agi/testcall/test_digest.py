from __future__ import annotations

import pytest

from asterisk_agi.testcall.digest import credentials, is_stale, understood
from asterisk_agi.testcall.errors import SipPeerError
from erp.secrets import Secret


def answer(challenge: str, user: str = "Mufasa", password: str = "Circle of Life") -> str:
    return credentials(
        challenge,
        user,
        Secret(password),
        method="GET",
        uri="/dir/index.html",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )


RFC = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616(algorithm: str, response: str) -> None:
    told = answer(RFC.format(algorithm))
    assert f'response="{response}"' in told
    assert "qop=auth," in told
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in told


def test_the_example_of_rfc_2069_without_qop() -> None:
    told = answer(
        'Digest realm="testrealm@host.com",nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"',
        password="CircleOfLife",
    )
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in told
    assert "nc=" not in told


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="x"',
        'Digest realm="x"',
        'Digest nonce="x"',
        'Digest realm="x", nonce="y", algorithm=MD5-sess',
        'Digest realm="x", nonce="y", qop="auth-int"',
    ],
)
def test_other_challenges_are_not_understood(challenge: str) -> None:
    assert not understood(challenge)
    with pytest.raises(SipPeerError):
        answer(challenge)


def test_quotes_stay_within_their_field() -> None:
    assert 'username="a\\"b"' in answer('Digest realm="x", nonce="y"', user='a"b')


def test_stale_is_told() -> None:
    assert is_stale('Digest realm="x", nonce="y", stale=TRUE')
    assert not is_stale('Digest realm="x", nonce="y"')
