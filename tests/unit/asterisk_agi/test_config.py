"""Configuration: typed values out of YAML; each wrong key or value in one helpful sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import pytest

from asterisk_agi.config import CONFIG_MAX_BYTES, ConfigError, build, read_file
from erp.secrets import SECRET_FILE_MAX_BYTES, Secret


class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    port: int = 5038
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise ValueError(f"port is {self.port}: write 1 to 65535")


@dataclass(frozen=True)
class Outer:
    secret: Secret
    name: str
    inner: Inner
    ratio: float = 0.5
    on: bool = False
    colour: Colour = Colour.RED
    folder: Path | None = None
    words: tuple[str, ...] = ()
    more: Mapping[str, Inner] = field(default_factory=dict)


def outer(tmp_path: Path, **values: object) -> Outer:
    (tmp_path / "secret").write_text("hush\nnot this\n")
    return build(Outer, {"secret": f"file:{tmp_path / 'secret'}", "name": "n", **values})


def test_values_become_typed(tmp_path: Path) -> None:
    made = outer(
        tmp_path,
        inner={"port": 1},
        ratio=2,
        on=True,
        colour="blue",
        folder="/x",
        words=["a", "b"],
        more={"m": {"host": "h"}},
    )
    assert made.secret.reveal() == "hush"
    assert made.inner == Inner(port=1)
    assert (made.ratio, made.on, made.colour) == (2.0, True, Colour.BLUE)
    assert isinstance(made.ratio, float)
    assert (made.folder, made.words, made.more) == (Path("/x"), ("a", "b"), {"m": Inner(host="h")})


def test_a_section_left_out_takes_its_defaults(tmp_path: Path) -> None:
    assert outer(tmp_path).inner == Inner()
    assert outer(tmp_path, inner=None).inner == Inner()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"inner": {"prot": 1}}, "inner.prot is not a key: did you mean port?"),
        ({"zzz": 1}, "zzz is not a key: known are secret, name,"),
        ({"inner": {"port": "1"}}, "inner.port is '1': write a whole number"),
        ({"inner": {"port": True}}, "inner.port is True: write a whole number"),
        ({"inner": {"port": 70000}}, "inner.port is 70000: write 1 to 65535"),
        ({"inner": [1]}, r"inner is \[1\]: write a mapping"),
        ({"name": 7}, "name is 7: write text"),
        ({"name": None}, "name is None: write text"),
        ({"ratio": "x"}, "ratio is 'x': write a number"),
        ({"ratio": -0.5}, "ratio is -0.5: write a number, 0 or more"),
        ({"ratio": float("nan")}, "ratio is nan: write a number"),
        ({"ratio": float("inf")}, "ratio is inf: write a number"),
        ({"inner": {"port": -1}}, "inner.port is -1: write a whole number, 0 or more"),
        ({"on": "yes"}, "on is 'yes': write true or false"),
        ({"colour": "green"}, "colour is 'green': write one of red, blue"),
        ({"words": "a"}, "words is 'a': write a list"),
        ({"words": [1]}, r"words\[0\] is 1: write text"),
        ({"more": 3}, "more is 3: write a mapping"),
        ({"more": {"m": {"port": "p"}}}, "more.m.port is 'p': write a whole number"),
        ({"folder": 3}, "folder is 3: write a path"),
        ({"secret": 3}, "secret is no text: write env:NAME or file:/path"),
    ],
)
def test_a_wrong_value_names_key_value_and_mend(
    tmp_path: Path, values: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        outer(tmp_path, **values)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match="secret is missing: add it"):
        build(Outer, {"name": "n"})


def test_a_secret_written_in_the_file_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="secret: a secret is given by reference") as caught:
        build(Outer, {"name": "n", "secret": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERLINE_TEST_SECRET", "hush")
    made = build(Outer, {"name": "n", "secret": "env:ORDERLINE_TEST_SECRET"})
    assert made.secret.reveal() == "hush"
    assert "hush" not in repr(made) + str(made.secret)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("", "first line is empty"), ("x" * (SECRET_FILE_MAX_BYTES + 1), "over")],
)
def test_a_secret_file_must_hold_a_secret(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "s").write_text(content)
    with pytest.raises(ConfigError, match=sentence):
        build(Outer, {"name": "n", "secret": f"file:{tmp_path / 's'}"})


def test_a_secret_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="NO_SUCH_VARIABLE is not set"):
        build(Outer, {"name": "n", "secret": "env:NO_SUCH_VARIABLE"})
    with pytest.raises(ConfigError, match="No such file"):
        build(Outer, {"name": "n", "secret": f"file:{tmp_path / 'none'}"})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a: [1\nb: 2", "line 2: this is not YAML"),
        ("- 1", "the top level is no mapping"),
        ("x" * (CONFIG_MAX_BYTES + 1), "is it the right file"),
        ("a: \x00", "this is not YAML"),
    ],
)
def test_a_file_that_is_no_configuration_is_said(
    tmp_path: Path, content: str, sentence: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=sentence):
        read_file(path)


def test_an_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing\n")
    assert read_file(tmp_path / "c.yaml") == {}


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give the path of a configuration"):
        read_file(tmp_path / "none.yaml")
