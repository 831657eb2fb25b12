"""The systems under test, each served once, and the port that the product makes of its file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

from asterisk_agi import app
from asterisk_agi import settings as settings_file
from erp.port import ErpPort
from tests.rig import erp_systems


@pytest.fixture(scope="session", params=erp_systems.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Give the name of the system that the test asks."""
    return str(request.param)


@pytest.fixture(scope="session")
def system(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[erp_systems.System]:
    """Serve the system."""
    with erp_systems.served_whole(kind, tmp_path_factory.mktemp(kind) / "erp") as served:
        yield served


@pytest.fixture(scope="session")
def configuration(
    kind: str, system: erp_systems.System, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Give a configuration file in which `use` names the system."""
    folder = tmp_path_factory.mktemp(f"{kind}-configuration")
    secret = erp_systems.secret_file(folder / "ami", "not used here")
    path = folder / "orderline.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "ami": {"user": "nobody", "secret": secret},
                "erp": {"use": kind},
                "systems": {kind: system.section},
            }
        ),
        "utf-8",
    )
    return path


@pytest.fixture
async def erp(configuration: Path) -> AsyncIterator[ErpPort]:
    """Give the port of one call, as the voice process makes it from the file."""
    gateway = app.landscape(settings_file.load(configuration)).gateway()
    try:
        await app.open_erp(gateway)
        async with gateway.for_call("contract") as port:
            yield port
    finally:
        await gateway.close()
