"""A network of a test's own, with any addresses it likes: what loopback cannot play.

A server knows who is near by the address, and treats a stranger otherwise. In a network namespace
every address may be this machine's, so that strangers come from 203.0.113.0/24 over real sockets,
and nobody else sees a packet. The namespace belongs to one thread and what it starts, and is gone
when that thread ends.
"""

import asyncio
import ctypes
import os
import subprocess
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from tests.support.programs import program

PATIENCE_SECONDS = 60.0
_CLONE_NEWNET = 0x40000000  # linux/sched.h; os.unshare comes with Python 3.12

T = TypeVar("T")


@dataclass(frozen=True)
class OwnNetwork:
    """The thread that lives there, and its event loop, which runs while `run` does."""

    _thread: ThreadPoolExecutor
    _loop: asyncio.Runner

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in the network and return what it returns."""
        return self._thread.submit(self._loop.run, _bounded(work)).result()


@contextmanager
def own_network(*addresses: str) -> Iterator[OwnNetwork]:
    """Make a network of `addresses` and loopback for the length of a block.

    Skips the test where we are not root, who alone may make one.
    """
    if os.geteuid() != 0:
        pytest.skip("a network of its own can only be made by root")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_enter, addresses).result()
        loop = asyncio.Runner()
        try:
            yield OwnNetwork(thread, loop)
        finally:
            thread.submit(loop.close).result()


async def _bounded(work: Coroutine[Any, Any, T]) -> T:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await work


def _enter(addresses: Sequence[str]) -> None:
    """Take this thread to a new network."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "unshare")
    for address in addresses:
        # nodad: an IPv6 address is usable at once, for nobody else can have it here
        how = (f"{address}/128", "nodad") if ":" in address else (f"{address}/32",)
        _ip("address", "add", *how, "dev", "lo")
    _ip("link", "set", "lo", "up")


def _ip(*arguments: str) -> None:
    subprocess.run([program("ip"), *arguments], check=True, timeout=PATIENCE_SECONDS)
