"""Nobody learns by a clock or by words who has an account (T-AUTH-6's class, over the wire).

Wrong secrets of all kinds, for people who are here and people who are not: the same words, and the
same time. Tries are interleaved, so that whatever else the machine does hits all kinds alike, and
compared by medians, which a few slow ones do not move. Names of nobody are new each time, for a
first try is all that a harvester needs.
"""

import base64
import random
import ssl
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailserver.accounts.delays import EVEN_SECONDS, FIRST_HOLD_SECONDS
from tests.support.product import Product
from tests.support.server import Server
from tests.support.wire import RawWire, connect, quoted

SAMPLES = 20
TRIES = 6
ROUNDS = 3
"""How often a difference is asked to show itself again: a leak is there each time, a burst of other
work on the machine is not."""
RATIO = 1.15
"""How much slower than the fastest kind the slowest may be, in the median."""
SLACK_SECONDS = 0.002
"""What is below this no network shows."""
HELD_SECONDS = (EVEN_SECONDS, *(FIRST_HOLD_SECONDS * 2**n for n in range(TRIES - 1)))
MACHINE_SECONDS = 1.5
"""What other work on the machine may add: less than the last doubling."""

Kinds = dict[tuple[str, str], Callable[[int], tuple[str, str]]]


def kinds(server: Server) -> Kinds:
    """Return sign-ins that fail, by what the secret looks like and whose it is said to be.

    Each gives a login and a secret for a number.
    """
    address, secret = server.user(0)
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    dice = random.Random(1)

    def made_up(_: int) -> str:
        return "-".join("".join(dice.choices(alphabet, k=4)) for _ in range(8))

    app, other = "like an app password", "like another password"
    return {
        (app, "wrong"): lambda n: (address, made_up(n)),
        (app, "nobody's"): lambda n: (f"nobody{n}@bench.test", made_up(n)),
        (app, "nobody's elsewhere"): lambda n: (f"nobody{n}@elsewhere.test", made_up(n)),
        (other, "right beginning"): lambda n: (address, f"{secret}-{n}"),
        (other, "another's"): lambda n: (address, server.user(1)[1]),
        (other, "a real one, for nobody"): lambda n: (f"nobody{n}@bench.test", secret),
        (other, "account password"): lambda n: (address, server.found["account_password"]),
    }


def a_try(server: Server, login: str, secret: str, door: str = "imap") -> tuple[float, bytes]:
    """Sign in once on a connection of its own; return the seconds it took and the answer."""
    tls = None
    if door == "submissions":
        tls = ssl.create_default_context(cafile=str(server.found["ca_file"]))
    with ExitStack() as stack:
        wire: RawWire = connect(server.address(door), tls)
        stack.callback(wire.close)
        wire.line()
        if door == "imap":
            start = time.perf_counter()
            answer = wire.tagged(b"LOGIN " + quoted(login) + b" " + quoted(secret))
            return time.perf_counter() - start, answer
        wire.send(b"EHLO guesser.test\r\n")
        while wire.line().startswith(b"250-"):
            pass
        shown = base64.b64encode(f"\0{login}\0{secret}".encode())
        start = time.perf_counter()
        wire.send(b"AUTH PLAIN " + shown + b"\r\n")
        answer = wire.line()
        return time.perf_counter() - start, answer


def measure(
    server: Server, samples: int, door: str = "imap"
) -> tuple[dict[tuple[str, str], float], dict[str, set[bytes]]]:
    """Return the median of each kind, and the answers to each look of a secret."""
    made = kinds(server)
    order = [kind for kind in made for _ in range(samples)]
    random.Random(2).shuffle(order)
    seconds: dict[tuple[str, str], list[float]] = {kind: [] for kind in made}
    answers: dict[str, set[bytes]] = {}
    for number, kind in enumerate(order):
        took, answer = a_try(server, *made[kind](number), door)
        seconds[kind].append(took)
        answers.setdefault(kind[0], set()).add(answer)
    return {kind: statistics.median(took) for kind, took in seconds.items()}, answers


@pytest.mark.parametrize(
    ("door", "samples", "said"),
    [
        ("imap", 15 * SAMPLES, b"t NO [AUTHENTICATIONFAILED]"),
        ("submissions", SAMPLES, b"535 5.7.8 "),
    ],
)
def test_wrong_and_unknown_look_and_cost_alike(
    server: Server, door: str, samples: int, said: bytes
) -> None:
    rounds = []
    for _ in range(ROUNDS):
        medians, answers = measure(server, samples, door)
        # What a secret looks like may be told back to who sent it; nothing else is.
        for look, given in answers.items():
            assert len(given) == 1, (look, given)
            assert given.pop().startswith(said)
        rounds.append(medians)
        if max(medians.values()) < RATIO * min(medians.values()) + SLACK_SECONDS:
            return
    raise AssertionError(rounds)


@pytest.mark.long
def test_the_measure_sees_a_difference(server: Server) -> None:
    """The control: the right secret, which is answered at once, is told from all others."""
    medians, _ = measure(server, SAMPLES)
    right = statistics.median(a_try(server, *server.user())[0] for _ in range(SAMPLES))
    assert RATIO * right + SLACK_SECONDS < min(medians.values())


class Guesser(threading.Thread):
    """Fails on one name, from a network of its own, as often as it takes to be delayed."""

    def __init__(self, product: Product, login: str, network: int) -> None:
        super().__init__()
        self._product = product
        self._login = login
        self._network = network
        self.seconds: list[float] = []
        self.answers: list[bytes] = []

    def run(self) -> None:
        for number in range(TRIES):
            source = f"127.0.{self._network}.{number + 1}"
            wire = connect(self._product.address("imap"), source=source)
            wire.line()
            start = time.perf_counter()
            secret = quoted(f"{'abcdefgh'[number]}aaa-bbbb-cccc-dddd-eeee-ffff-gggg-hhhh")
            self.answers.append(wire.tagged(b"LOGIN " + quoted(self._login) + b" " + secret))
            self.seconds.append(time.perf_counter() - start)
            wire.close()


@pytest.mark.long
def test_delays_come_alike_to_those_who_are_here_and_those_who_are_not(tmp_path: Path) -> None:
    """The same answers after the same waits, failure by failure."""
    product = Product(tmp_path)
    product.zegel("domain", "add", "example.test")
    product.zegel("user", "add", "ada@example.test", typed="a bicycle in the autumn rain\n")
    try:
        product.start()
        names = ("ada@example.test", "eve@example.test", "eve@elsewhere.test")
        guessers = [Guesser(product, name, 10 + n) for n, name in enumerate(names)]
        for guesser in guessers:
            guesser.start()
        for guesser in guessers:
            guesser.join()
    finally:
        product.kill()
    for guesser in guessers:
        assert guesser.answers == guessers[0].answers
        for asked, took in zip(HELD_SECONDS, guesser.seconds, strict=True):
            assert asked <= took < asked + MACHINE_SECONDS
