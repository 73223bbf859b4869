"""What the operator's signals do: SIGTERM and SIGINT stop, SIGHUP has files read again."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def heard(stop: asyncio.Event, hang_up: Callable[[], None]) -> Iterator[None]:
    """Hear SIGTERM and SIGINT as `stop`, and SIGHUP as `hang_up`, for the length of a block."""
    loop = asyncio.get_running_loop()
    hear: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGTERM: stop.set,
        signal.SIGINT: stop.set,
        signal.SIGHUP: hang_up,
    }
    installed = []
    for number, call in hear.items():
        # Another thread's loop hears no signals: whoever runs us there stops us by the event.
        with suppress(ValueError, RuntimeError):
            loop.add_signal_handler(number, call)
            installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
