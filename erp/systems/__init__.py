"""Named systems: their packaged profiles, and the adapters of those that need one.

Each system is a folder: `<profile name>.yaml` files, and perhaps `adapter.py`. An adapter is
imported when the first profile asks for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from erp.profiles.errors import ProfileError
from erp.systems.adapter import AdapterClass

ADAPTERS: dict[str, str] = {
    "tryton": "erp.systems.tryton.adapter",
    "odoo": "erp.systems.odoo.adapter",
}
"""The module of each adapter that a profile may name; its class is `Adapter`."""


def adapter_class(name: str) -> AdapterClass:
    """Return the class of an adapter. Raises ProfileError when there is none of this name."""
    module = ADAPTERS.get(name)
    if module is None:
        raise ProfileError(f"adapter is {name!r}: known are {', '.join(sorted(ADAPTERS))}")
    return cast(AdapterClass, import_module(module).Adapter)
