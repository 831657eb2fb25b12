"""The company's business systems, joined: settings and profiles in, one gateway out.

A system's profile is the one that `orderline erp activate` has put in use, or else the one that
the configuration names. Only systems that are asked (by `use`, `routes` or `fallback`) are
connected to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from erp.connector import Connector
from erp.connectors.configured import ConfiguredConnector
from erp.gateway import Gateway, Observe, unobserved
from erp.gateway.outage import Health, untold
from erp.gateway.routes import plans
from erp.profiles import Profile, load
from erp.profiles.store import ProfileStore
from erp.settings import SYSTEM_STEP, GatewaySettings, SystemSettings


class LandscapeError(ValueError):
    """The configured systems can't work together: one sentence that names the key and the mend."""


class Landscape:
    """The configured systems: knows which are asked, and by which profile."""

    def __init__(
        self, settings: GatewaySettings, systems: Mapping[str, SystemSettings]
    ) -> None:
        self._settings = settings
        self._systems = systems
        self._store = _store(settings.profile_folder)

    def gateway(self, observe: Observe = unobserved, health: Health = untold) -> Gateway:
        """Return the only door to these systems, not yet opened.

        health: is told when a system goes down, and when it is up again.

        Raises LandscapeError when a system or its profile can't be used.
        """
        return Gateway(self._settings, self.connectors, self._fingerprint, observe, health)

    def connectors(self) -> dict[str, Connector]:
        """Make a connector for every system that is asked.

        Raises LandscapeError, also when one of them can't do what it is to be asked.
        """
        names = self.asked()
        try:
            made: dict[str, Connector] = {name: self._connector(name) for name in names}
            plans(self._settings, {name: one.capabilities for name, one in made.items()})
        except ValueError as error:
            raise LandscapeError(str(error)) from error
        return made

    def demand_fit(self, system: str, profile: Profile) -> None:
        """Raise LandscapeError when a system could not be asked by this profile, as configured.

        A process that runs would keep what it has; but none could be started any more.
        """
        try:
            connector = ConfiguredConnector(system, self._systems[system], profile)
        except ValueError as error:
            raise LandscapeError(str(error)) from error
        able = connector.capabilities.operations
        for key, name in self._named():
            if name == system and key.rpartition(".")[2] not in able:
                raise LandscapeError(f"{key} names {system}: {profile.label} can't do that")

    def asked(self) -> tuple[str, ...]:
        """Return the names of the systems that are asked. Raises LandscapeError."""
        settings, systems = self._settings, self._systems
        use = settings.use or (next(iter(systems)) if len(systems) == 1 else "")
        if not use:
            known = ", ".join(systems) or "none: write one below `systems`"
            raise LandscapeError(f"erp.use is empty: write the system that answers ({known})")
        named = [("erp.use", use), *self._named()]
        for key, name in named:
            if name not in systems:
                known = ", ".join(systems) or "none"
                raise LandscapeError(f"{key} names {name}: it is not below `systems` ({known})")
        return tuple(dict.fromkeys(name for _, name in named))

    def _named(self) -> Iterator[tuple[str, str]]:
        """Give the key and the name of each system that a route or a fallback names."""
        for operation, name in self._settings.routes.items():
            yield f"erp.routes.{operation}", name
        for operation, steps in self._settings.fallback.items():
            for step in steps:
                if step.startswith(SYSTEM_STEP):
                    yield f"erp.fallback.{operation}", step.removeprefix(SYSTEM_STEP)

    def profile(self, system: str) -> Profile:
        """Return the profile in use of a system. Raises ProfileError."""
        active = self._active(system)
        return load(self._systems[system].profile if active is None else active)

    def _active(self, system: str) -> Path | None:
        return None if self._store is None else self._store.current(system)

    def _connector(self, name: str) -> Connector:
        return ConfiguredConnector(name, self._systems[name], self.profile(name))

    def _fingerprint(self) -> object:
        return None if self._store is None else self._store.fingerprint()


def _store(folder: Path | None) -> ProfileStore | None:
    return None if folder is None else ProfileStore(folder)
