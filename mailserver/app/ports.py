"""The ports that several processes of one server share (SO_REUSEPORT).

The parent binds each port before any worker does, and listens on none: the kernel hands connections
to listening sockets only, so that all of them go to workers. Meanwhile a free port that it picked
stays ours, also while a worker is started again.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from mailserver.model.errors import Misconfigured
from mailserver.runtime.settings import Endpoint, Settings


@contextmanager
def reserved(settings: Settings) -> Iterator[Settings]:
    """Hold every listener's port for the length of a block; yields settings that name them all.

    Raises:
        Misconfigured: an address cannot be bound, or another server listens there.
    """
    with ExitStack() as stack:
        listeners = {}
        for name, listener in settings.listeners.named().items():
            if listener.address is None:
                continue
            try:
                port = _bound(listener.address, stack)
            except OSError as error:
                raise Misconfigured(
                    f"listeners.{name}: cannot listen on {listener.address}"
                ) from error
            address = Endpoint(host=listener.address.host, port=port)
            listeners[name] = listener.model_copy(update={"address": address})
        everything = settings.listeners.model_copy(update=listeners)
        yield settings.model_copy(update={"listeners": everything})


def _bound(address: Endpoint, stack: ExitStack) -> int:
    """Bind an address of each family that its host has; return the port, the same for all."""
    port = address.port
    found = socket.getaddrinfo(
        address.host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    for family, _, _, _, where in dict.fromkeys(found):
        if port:
            # A stranger that listens there, sharing or not, shows by a bind that does not share.
            with socket.socket(family) as probe:
                _bind(probe, family, (where[0], port))
        held = stack.enter_context(socket.socket(family))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _bind(held, family, (where[0], port))
        port = port or held.getsockname()[1]
    return port


def _bind(sock: socket.socket, family: int, where: tuple[str | int, int]) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as asyncio's listeners do
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(where)
