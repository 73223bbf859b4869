from datetime import timedelta

import pytest

from mailserver.model.errors import Condition, Refused, Transient
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.limits import Budget, Connections, TokenBucket, network_of, stranger


def test_budget_gives_what_is_left_and_no_more() -> None:
    budget = Budget(100)
    assert budget.try_reserve(60)
    assert not budget.try_reserve(41)
    assert budget.held_octets == 60
    assert budget.try_reserve(40)
    budget.release(60)
    assert budget.try_reserve(60)


def test_budget_refuses_to_take_back_more_than_it_gave() -> None:
    budget = Budget(10)
    budget.try_reserve(5)
    with pytest.raises(ValueError, match="came back"):
        budget.release(6)
    with pytest.raises(ValueError, match="negative"):
        budget.try_reserve(-1)


def test_a_peer_holds_its_part_of_a_budget_at_most() -> None:
    budget = Budget(100, peer_octets=40)
    assert budget.try_reserve(40, "a")
    assert not budget.try_reserve(1, "a")
    assert budget.try_reserve(30, "b")
    assert budget.try_reserve(30)  # nobody in particular
    assert not budget.try_reserve(1, "b"), "the whole is a bound, too"
    budget.release(15, "a")
    assert (budget.held_by("a"), budget.held_octets) == (25, 85)
    assert budget.try_reserve(15, "a")
    with pytest.raises(ValueError, match="more octets"):
        budget.release(31, "b")
    for octets, peer in ((40, "a"), (30, "b"), (30, "")):
        budget.release(octets, peer)
    assert budget.held_octets == budget.held_by("a") == 0


def test_budget_comes_back_when_the_block_fails() -> None:
    budget = Budget(10)
    with pytest.raises(KeyError), budget.reserved(10):
        raise KeyError
    assert budget.held_octets == 0
    with budget.reserved(10), pytest.raises(Transient) as full, budget.reserved(1):
        pytest.fail("the budget was overdrawn")
    assert full.value.condition is Condition.BUSY


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::1%lo", "", "a socket"])
def test_this_machine_is_nobodys_stranger(peer: str) -> None:
    assert stranger(peer) == ""
    assert stranger("192.0.2.7") == network_of("192.0.2.7")


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("local socket", "local socket"),
    ],
)
def test_peers_are_counted_by_network(peer: str, network: str) -> None:
    assert network_of(peer) == network


def test_connections_are_bounded_in_all_and_by_peer() -> None:
    connections = Connections(total=3, per_peer=2)
    assert connections.try_enter("2001:db8::1")
    assert connections.try_enter("2001:db8::2")
    assert not connections.try_enter("2001:db8::3")
    assert connections.try_enter("192.0.2.1")
    assert not connections.try_enter("192.0.2.2")
    connections.leave("2001:db8::1")
    assert connections.try_enter("192.0.2.2")
    with pytest.raises(ValueError, match="never entered"):
        connections.leave("198.51.100.1")


def test_connection_is_given_back_when_it_ends_badly() -> None:
    connections = Connections(total=1, per_peer=1)
    with pytest.raises(KeyError), connections.counted("192.0.2.1"):
        raise KeyError
    with connections.counted("192.0.2.1"), pytest.raises(Refused), connections.counted("::1"):
        pytest.fail("one too many")
    assert connections.open == 0


def test_bucket_allows_a_burst_then_the_rate() -> None:
    clock = ManualClock()
    bucket = TokenBucket(rate=2, burst=3, clock=clock)
    assert [bucket.try_take() for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_seconds() == pytest.approx(0.5)
    clock.advance(timedelta(seconds=0.5))
    assert bucket.try_take()
    clock.advance(timedelta(hours=1))
    assert bucket.wait_seconds(3) == 0
    assert not bucket.try_take(4)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (1, 0.5)])
def test_bucket_that_never_gives_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="bucket"):
        TokenBucket(rate, burst, ManualClock())


def test_empty_budget_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Budget(0)
