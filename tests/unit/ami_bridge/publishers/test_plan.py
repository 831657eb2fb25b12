"""The events of a call stay in order, whatever is due, new or held back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.publishers.plan import CHAIN_MAX, Work, plan
from tests.unit.ami_bridge.publishers.fakes import message


def test_calls_are_sent_side_by_side_each_in_order() -> None:
    fresh = (message("a", 1), message("b", 2), message("a", 3))
    made = plan(Work(fresh=fresh), ())
    assert made.chains == ((fresh[0], fresh[2]), (fresh[1],))


def test_a_call_of_which_something_waits_is_held() -> None:
    fresh = (message("a", 1), message("b", 2))
    made = plan(Work(fresh=fresh, blocked=frozenset({"a"})), ())
    assert made.chains == ((fresh[1],),)
    assert made.held == (fresh[0],)


def test_a_call_that_is_being_sent_is_left_alone() -> None:
    work = Work(fresh=(message("a", 1),), due=(message("a", 0),), blocked=frozenset({"a"}))
    assert plan(work, {"a"}).chains == ()
    assert plan(work, {"a"}).held == ()


def test_a_chain_has_an_end() -> None:
    many = tuple(message("a", n) for n in range(CHAIN_MAX + 5))
    assert len(plan(Work(fresh=many), ()).chains[0]) == CHAIN_MAX


_sessions = st.lists(st.sampled_from("abc"), max_size=30)


@settings(max_examples=50)
@given(_sessions, st.sets(st.sampled_from("abc")), st.sets(st.sampled_from("abc")))
def test_nothing_is_twice_and_no_call_overtakes_itself(
    sessions: list[str], blocked: set[str], active: set[str]
) -> None:
    fresh = tuple(message(one, n) for n, one in enumerate(sessions))
    made = plan(Work(fresh=fresh, blocked=frozenset(blocked)), active)
    for chain in made.chains:
        assert len({one.session for one in chain}) == 1
        positions = [one.position for one in chain]
        assert positions == sorted(positions)
    seen = [one.session for chain in made.chains for one in chain[:1]]
    assert len(seen) == len(set(seen))
    assert not set(seen) & (blocked | active)
