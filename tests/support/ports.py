"""Ports for servers that cannot be told to take any.

They lie below those that the system hands to outgoing connections: nobody is given one of them
between its choice and its server's start, or while its server is dead for a moment.
"""

import random
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_WIDTH = 16_000
_TRIES = 1_000


def free_port(*addresses: str) -> int:
    """Return a port that is free on all `addresses`, else on 127.0.0.1, for TCP and UDP."""
    low = int(_RANGE.read_text().split()[0])
    for port in random.SystemRandom().sample(range(low - _WIDTH, low), _TRIES):
        if _is_free(port, addresses or ("127.0.0.1",)):
            return port
    raise AssertionError("no free port")


def free_ports(count: int) -> list[int]:
    """Return as many, no two the same."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def _is_free(port: int, addresses: Iterable[str]) -> bool:
    with ExitStack() as stack:
        try:
            for address in addresses:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    stack.enter_context(socket.socket(type=kind)).bind((address, port))
        except OSError:
            return False
    return True
