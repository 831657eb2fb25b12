"""Random faults during calls in progress: no caller is lost, no channel stuck, no port leaked."""

from __future__ import annotations

import os

import pytest

from tests.integration import chaos
from tests.integration.chaos import Chaos
from tests.integration.conftest import MakeLab
from tests.integration.rescue import FAULTS

SEED = int(os.environ.get("ORDERLINE_SEED", "6"))
ROUNDS = 100 if os.environ.get("ORDERLINE_FULL") else 20

pytestmark = [pytest.mark.live, pytest.mark.at_once, pytest.mark.timeout(60 + 30 * ROUNDS)]


async def test_random_faults_lose_nobody_and_leave_nothing(make_lab: MakeLab) -> None:
    lab = make_lab(faulty=True)
    lab.start()
    made = Chaos(lab)
    for number, fault in enumerate(chaos.sample(ROUNDS, SEED), start=1):
        outcome = await made.round(fault)
        waited = ", ".join("never" if s is None else f"{s:.2f}" for s in outcome.waited_s)
        print(f"{number:3} {fault.name}: the human after {waited} s", flush=True)
    print(made.table())
    where = f"seed {SEED}\n{made.table()}\n{lab.log('bridge')[-4000:]}"
    assert sum(outcome.lost for outcome in made.rounds) == 0, where
    assert sum(outcome.stuck for outcome in made.rounds) == 0, where
    assert sum(outcome.leaked for outcome in made.rounds) == 0, where


def test_every_kind_of_fault_is_in_the_sample() -> None:
    kinds = {fault.name for fault in chaos.sample(20, SEED)}
    assert kinds == {fault.name for fault in chaos.FAULTS_OF_ALL}
    assert len(kinds) == len(FAULTS) + 3
    assert chaos.sample(100, 1) != chaos.sample(100, 2)
