from __future__ import annotations

import pytest

from asterisk_agi.errors import AgiUsageError
from asterisk_agi.protocol.states import CHANNEL_DEAD, OWES_REPLY, TABLE, Input, State, after

PAIRS = [(state, happened) for state in State for happened in Input]


def test_every_state_has_its_row() -> None:
    assert set(TABLE) == set(State)


@pytest.mark.parametrize(("state", "happened"), PAIRS, ids=str)
def test_a_pair_is_in_the_table_or_raises(state: State, happened: Input) -> None:
    if happened in TABLE[state]:
        assert after(state, happened) is TABLE[state][happened]
    else:
        with pytest.raises(AgiUsageError, match=state.value):
            after(state, happened)


@pytest.mark.parametrize(
    "state", [state for state in State if state is not State.CLOSED], ids=str
)
def test_the_end_of_file_is_an_input_of_every_open_state(state: State) -> None:
    assert after(state, Input.EOF) is State.CLOSED


def test_only_a_live_idle_session_takes_any_command() -> None:
    assert {state for state in State if Input.COMMAND in TABLE[state]} == {State.READY}
    takes_dead_safe = {state for state in State if Input.DEAD_SAFE_COMMAND in TABLE[state]}
    assert takes_dead_safe == {State.READY, State.HUNG_UP}


def test_nothing_leaves_a_poisoned_session_but_its_end() -> None:
    assert TABLE[State.POISONED] == {Input.EOF: State.CLOSED}


@pytest.mark.parametrize("state", sorted(OWES_REPLY, key=str), ids=str)
def test_a_reply_that_is_not_awaited_poisons(state: State) -> None:
    assert after(state, Input.ABANDON) is State.POISONED


@pytest.mark.parametrize("state", [State.READY, State.HUNG_UP], ids=str)
def test_a_reply_that_nobody_asked_for_poisons(state: State) -> None:
    assert after(state, Input.REPLY) is State.POISONED


@pytest.mark.parametrize("state", sorted(CHANNEL_DEAD, key=str), ids=str)
def test_a_dead_channel_stays_dead(state: State) -> None:
    for happened in (Input.REPLY, Input.HANGUP, Input.DEAD_SAFE_COMMAND):
        following = TABLE[state].get(happened)
        assert following in {None, State.POISONED, *CHANNEL_DEAD}
