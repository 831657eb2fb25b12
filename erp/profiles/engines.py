"""The engines that a profile may name, each a package of `erp/connectors`, imported when needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from erp.connectors.engine import Engine, Prepared
from erp.profiles.errors import ProfileError

ENGINES: dict[str, tuple[str, str]] = {
    "http": ("erp.connectors.http", "HttpEngine"),
    "sql": ("erp.connectors.sql", "SqlEngine"),
}
"""Name -> (package, class of the engine)."""

EngineFactory = Callable[..., Engine[Any]]
"""The class: (system, settings, section, tls, parameters) -> engine. It raises ValueError or
ProfileError when these settings can't work."""


class EnginePackage(Protocol):
    """What every engine's package has besides its class."""

    def prepare(self, part: Mapping[str, object], where: str) -> Prepared:
        """Make a request of the engine's own keys of a part. Raises ProfileError."""

    def prepare_write(self, part: Mapping[str, object], where: str) -> Prepared:
        """Make a request that changes the system, as `prepare`. Raises ProfileError."""

    def check_section(self, section: Mapping[str, object], where: str) -> None:
        """Check the section of the engine. Raises ProfileError."""


def package(name: str) -> EnginePackage:
    """Return the package of an engine. Raises ProfileError when there is none of this name."""
    return cast(EnginePackage, import_module(_entry(name)[0]))


def factory(name: str) -> EngineFactory:
    """Return the class of an engine. Raises ProfileError when there is none of this name."""
    module, class_name = _entry(name)
    return cast(EngineFactory, getattr(import_module(module), class_name))


def _entry(name: str) -> tuple[str, str]:
    if name not in ENGINES:
        raise ProfileError(f"engine is {name!r}: write {' or '.join(ENGINES)}")
    return ENGINES[name]
