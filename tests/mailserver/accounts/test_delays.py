"""Delays grow, forget, and never lock anybody out."""

import asyncio
import time
from datetime import timedelta

import pytest

from mailserver.accounts import delays as bounds
from mailserver.accounts.delays import Delays
from mailserver.model.errors import Condition, Refused
from mailserver.runtime.clock import ManualClock

HOME, AWAY = "192.0.2.1", "198.51.100.1"


def guess(delays: Delays, number: int, peer: str = AWAY, login: str = "alice@example.org") -> float:
    return delays.failed(delays.attempt(login, b"guess %d" % number, peer))


def fail_until_refused(delays: Delays, peer: str, login: str = "mallory@example.org") -> None:
    for number in range(bounds.FREE_FAILURES + 1):
        guess(delays, number, peer, login)
    with pytest.raises(Refused) as raised:
        guess(delays, 0, peer, login)
    assert raised.value.condition is Condition.TRY_LATER


def test_answers_are_held_longer_and_longer() -> None:
    clock = ManualClock()
    delays = Delays(clock)
    held = []
    for number in range(12):
        held.append(guess(delays, number, f"203.0.{number}.1"))
    assert held[:4] == [bounds.EVEN_SECONDS, 0.25, 0.5, 1.0]
    assert held == sorted(held)
    assert held[-1] == bounds.LONGEST_HOLD_SECONDS


def test_an_unknown_name_is_counted_like_any_other() -> None:
    delays = Delays(ManualClock())
    names = ("alice@example.org", "nobody@example.org", "no address")
    held = [
        [guess(delays, n, f"203.0.{n}.{i}", name) for n in range(5)] for i, name in enumerate(names)
    ]
    assert held[0] == held[1] == held[2]


def test_a_network_waits_before_it_is_served_again() -> None:
    clock = ManualClock()
    delays = Delays(clock)
    fail_until_refused(delays, AWAY)
    with pytest.raises(Refused):  # its neighbours in the /24 as well
        delays.attempt("bob@example.org", b"x", "198.51.100.200")
    delays.attempt("alice@example.org", b"x", HOME)
    clock.advance(timedelta(seconds=bounds.LONGEST_WINDOW_SECONDS))
    delays.attempt("alice@example.org", b"x", AWAY)


def test_waiting_in_vain_does_not_lengthen_the_wait() -> None:
    clock = ManualClock()
    delays = Delays(clock)
    fail_until_refused(delays, AWAY)
    for _ in range(50):
        with pytest.raises(Refused):
            delays.attempt("alice@example.org", b"x", AWAY)
    clock.advance(timedelta(seconds=bounds.FIRST_WINDOW_SECONDS))
    delays.attempt("alice@example.org", b"x", AWAY)


def test_t_auth_7_nobody_is_locked_out_of_a_place_he_is_known_at() -> None:
    delays = Delays(ManualClock())
    delays.succeeded(delays.attempt("alice@example.org", b"right", HOME))
    fail_until_refused(delays, HOME)
    delays.attempt("alice@example.org", b"right", HOME)
    for number in range(3_000):  # from everywhere, until the budget of all is gone
        guess(delays, number, f"10.{number // 256}.{number % 256}.1", f"user{number}@example.org")
    delays.attempt("alice@example.org", b"right", HOME, guessable=True)


def test_guesses_from_everywhere_do_not_add_up() -> None:
    delays = Delays(ManualClock())
    for number in range(bounds.GUESSES):
        guess(delays, number, f"203.0.{number}.1")
    with pytest.raises(Refused):
        delays.attempt("alice@example.org", b"x", "203.0.99.1", guessable=True)
    delays.attempt("alice@example.org", b"x", "203.0.99.1")
    delays.attempt("bob@example.org", b"x", "203.0.99.1", guessable=True)


def test_the_same_wrong_secret_again_is_one_failure() -> None:
    delays = Delays(ManualClock())
    for _ in range(100):  # a telephone that was not told of the new password
        assert guess(delays, 1) == bounds.EVEN_SECONDS
    attempt = delays.attempt("alice@example.org", b"guess 1", AWAY)
    assert delays.failures(attempt) == 1


def test_failures_are_forgotten() -> None:
    clock = ManualClock()
    delays = Delays(clock)
    for number in range(4):
        guess(delays, number)
    clock.advance(bounds.REMEMBERED + timedelta(seconds=1))
    assert guess(delays, 99) == bounds.EVEN_SECONDS


def test_nothing_is_counted_where_delays_are_off() -> None:
    delays = Delays(ManualClock(), enabled=False)
    assert {guess(delays, number) for number in range(100)} == {bounds.EVEN_SECONDS}


async def test_an_answer_is_held() -> None:
    delays = Delays(ManualClock())
    began = time.monotonic()
    await asyncio.gather(delays.hold(0.05), delays.hold(0.05), delays.hold(-1))
    assert 0.04 < time.monotonic() - began < 10
