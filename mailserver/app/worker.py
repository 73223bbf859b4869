"""One of a server's processes: `python -m mailserver.app.worker`, started by `workers` alone.

It reads its orders from standard input, opens everything itself, says once on standard output that
its listeners answer, and serves until a signal says stop or standard input closes: the parent died.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

from mailserver.app.orders import Orders, encode_doors, encode_refusal
from mailserver.app.serving import loop_factory, serve_part
from mailserver.model.errors import MailError
from mailserver.runtime.door import Door
from mailserver.runtime.process import harden, private_umask

STANDARD_INPUT, STANDARD_OUTPUT = 0, 1


async def work(orders: Orders) -> None:
    """Serve until told to stop, or until the parent is gone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def parent_left() -> None:
        if not os.read(STANDARD_INPUT, 1):
            loop.remove_reader(STANDARD_INPUT)
            stop.set()

    def announce(doors: Sequence[Door]) -> None:
        os.write(STANDARD_OUTPUT, encode_doors(doors))

    loop.add_reader(STANDARD_INPUT, parent_left)
    try:
        await serve_part(orders.settings, announce, stop, orders.part)
    finally:
        loop.remove_reader(STANDARD_INPUT)


def main() -> int:
    """Read the orders and serve."""
    private_umask()
    harden()
    line = sys.stdin.buffer.readline()
    if not line:
        return 0  # the parent is gone already
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(work(Orders.decode(line)))
    except MailError as error:
        os.write(STANDARD_OUTPUT, encode_refusal(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
