"""Whoever listens to an account learns of what any other client does, at once: JMAP and IMAP.

Two streams of events, a WebSocket and a client in IDLE; what they learn of is done by JMAP, by IMAP
and by a delivery. The middle of all rounds counts, of nine at least: more where others keep the
machine busy.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.jmap_wire import jmap
from tests.support.listeners import forget, listening, until
from tests.support.mail_clients import User, letter
from tests.support.server import databases, serving
from tests.support.wire import signed_in

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

ROUNDS, MOST_ROUNDS = 9, 40
SOON_SECONDS = 0.2
JMAP_KINDS = ("events", "events", "socket")
TOLD = {"events": ('"Email"',), "socket": ('"Email"',), "idle": (" FETCH ",)}


def seconds_to_tell(user: User, act: Callable[[int], None], *, comes: bool = False) -> float:
    """Return how long after `act` the last of all listeners knew, in the middle of its rounds."""
    kinds = (*JMAP_KINDS, "idle")
    took = []
    with listening(user, *kinds) as listeners:
        for number in range(MOST_ROUNDS):
            time.sleep(0.1)
            forget(listeners)
            act(number)
            done_at = time.monotonic()
            heard = []
            for kind, listener in zip(kinds, listeners, strict=True):
                words = (" EXISTS",) if comes and kind == "idle" else TOLD[kind]
                heard.append(until(listener, *words) - done_at)
            took.append(max(heard))
            if len(took) >= ROUNDS and statistics.median(took) < SOON_SECONDS:
                break
    return statistics.median(took)


def _three_ways(user: User) -> dict[str, float]:
    """Return how long it took to tell of what was done by JMAP, by IMAP and by a delivery."""
    user.deliver(letter("first"))
    login = (user.address, user.password)
    with jmap(user) as program, signed_in(user.server.address("imap"), login) as reader:
        (email,) = program.call("Email/query", filter=None)["ids"]

        def by_jmap(number: int) -> None:
            value = True if number % 2 == 0 else None
            program.call("Email/set", update={email: {"keywords/$flagged": value}})

        def by_imap(number: int) -> None:
            sign = b"+" if number % 2 == 0 else b"-"
            answer = reader.tagged(b"STORE 1 %bFLAGS (\\Answered)" % sign)
            assert answer.startswith(b"t OK")

        def by_delivery(number: int) -> None:
            with user.lmtp() as lmtp:
                lmtp.sendmail("a@elsewhere.example", [user.address], letter(f"late {number}"))

        return {
            "jmap": seconds_to_tell(user, by_jmap),
            "imap": seconds_to_tell(user, by_imap),
            "delivery": seconds_to_tell(user, by_delivery, comes=True),
        }


def test_all_learn_of_each_others_changes_within_200_ms(user: User) -> None:
    took = _three_ways(user)
    assert max(took.values()) < SOON_SECONDS, took


def test_so_they_do_where_they_are_at_different_processes(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        bases = databases("postgresql")
        options = runner.run(bases.__aenter__())
        with serving(tmp_path, *options, "--workers", "2") as server:
            took = _three_ways(User(server, *server.user()))
            assert len(server.children) == 2
        runner.run(bases.__aexit__(None, None, None))
    assert max(took.values()) < SOON_SECONDS, took
    assert '"level":"error"' not in server.words()


def test_a_stream_says_which_types_and_in_which_state(user: User) -> None:
    with jmap(user) as program, listening(user, "events") as (stream,):
        state = program.call("Mailbox/set", create={"k": {"name": "Made"}})["newState"]
        until(stream, '"StateChange"', f'"Mailbox":"{state}"')
        user.deliver(letter("one"))
        until(stream, '"EmailDelivery"', '"Email"', '"Thread"')
