"""A confined program that was taken over: it tries what its question says, and tells what it got.

python -I -m tests.support.intruder
"""

import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mailserver.runtime.confinement import Share, confine

MEMORY_OCTETS = 256 * 1024 * 1024


def _connect() -> str:
    socket.create_connection(("127.0.0.1", 53), timeout=2).close()
    return "connected"


def _send() -> str:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.43.8", 53))
    return "sent"


def _read() -> str:
    return Path("/etc/passwd").read_text()


def _write() -> str:
    with open("/tmp/intruder", "w") as file:
        file.write("x")
    return "written"


def _exchange() -> str:
    """Use the place of a pipe that is closed."""
    os.close(2)
    return f"opened {os.open('/etc/passwd', os.O_RDONLY)}"


def _exchange_socket() -> str:
    os.close(2)
    return f"opened {socket.socket().fileno()}"


def _remove() -> str:
    """Remove what anybody may remove."""
    os.unlink(_question().partition(" ")[2])
    return "removed"


def _empty() -> str:
    os.truncate(_question().partition(" ")[2], 0)
    return "emptied"


def _fork() -> str:
    os.fork()
    return "forked"


def _take() -> str:
    return str(len(bytearray(2 * MEMORY_OCTETS)))


def _free() -> str:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    return "freed"


def _become() -> str:
    os.setuid(0)
    return "root"


def _kill() -> str:
    os.kill(os.getppid(), signal.SIGTERM)
    return "killed"


def _spin() -> str:
    while True:
        pass


def _sleep() -> str:
    time.sleep(60)
    return "slept"


def _chatter() -> str:
    return "x" * 10_000_000


def _environment() -> str:
    return " ".join(sorted(os.environ))


def _descriptors() -> str:
    open_ones = []
    for number in range(256):
        try:
            os.fstat(number)
        except OSError:
            continue
        open_ones.append(str(number))
    return " ".join(open_ones)


_asked: list[str] = []


def _question() -> str:
    return _asked[0]


TRIES: dict[str, Callable[[], str]] = {
    name.removeprefix("_"): made
    for name, made in list(globals().items())
    if name.startswith("_") and callable(made) and name != "_question"
}


def main() -> None:
    """Try one thing."""
    confine(Share(MEMORY_OCTETS, cpu_seconds=1))
    _asked.append(sys.stdin.buffer.read().decode())
    try:
        said = TRIES[_question().partition(" ")[0]]()
    except (OSError, MemoryError, ValueError) as error:
        said = f"no: {type(error).__name__}"
    sys.stdout.write(said)


if __name__ == "__main__":
    main()
