"""How fast one network may come, ask and guess."""

from datetime import timedelta

import pytest

from mailserver.runtime.clock import ManualClock
from mailserver.runtime.limits import Connections
from mailserver.runtime.rates import NETWORKS_KEPT, Paces, Rates
from mailserver.runtime.settings import Limits

HERS = "198.51.100.7"


def test_a_network_has_a_burst_and_then_its_rate() -> None:
    clock = ManualClock()
    rates = Rates(0.5, 3, clock)
    assert [rates.try_take(HERS) for _ in range(4)] == [True, True, True, False]
    assert rates.try_take("198.51.100.8")  # another's
    assert rates.wait_seconds(HERS) == 2.0
    clock.advance(timedelta(seconds=2))
    assert rates.wait_seconds(HERS) == 0.0
    assert rates.try_take(HERS)
    assert not rates.try_take(HERS)


def test_hosts_of_one_ipv6_customer_count_together() -> None:
    rates = Rates(1, 1, ManualClock())
    assert rates.try_take("2001:db8::1")
    assert not rates.try_take("2001:db8::2")


@pytest.mark.parametrize("here", ["127.0.0.1", "::1", ""])
def test_this_machine_is_not_counted(here: str) -> None:
    rates = Rates(1, 1, ManualClock())
    assert all(rates.try_take(here) for _ in range(100))
    assert rates.wait_seconds(here) == 0.0
    counted = Rates(1, 1, ManualClock(), counts_loopback=True)
    assert [counted.try_take(here) for _ in range(2)] == [True, False]


def test_networks_long_unseen_are_forgotten() -> None:
    rates = Rates(0.001, 1, ManualClock())
    assert rates.try_take(HERS)
    for number in range(NETWORKS_KEPT):
        rates.try_take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert rates.try_take(HERS)


def test_who_comes_too_often_is_turned_away() -> None:
    paces = Paces.of(Limits(connections_per_minute=2), ManualClock())
    connections = Connections(10, 10, paces.may_come)
    assert [connections.try_enter(HERS) for _ in range(3)] == [True, True, False]
    assert connections.open == 2


def test_zero_is_no_bound() -> None:
    limits = Limits(
        connections_per_minute=0, commands_per_second=0, unknown_recipients_per_minute=0
    )
    paces = Paces.of(limits, ManualClock())
    assert (paces.arrivals, paces.commands, paces.misses) == (None, None, None)
    assert paces.may_come(HERS)
