"""What a confined program does to itself before it reads a stranger's first octet.

It keeps its code, its memory and three pipes, and loses the rest for good: files, sockets, other
processes, its user's rights. Everything it will need must be imported before.

A program that is then taken over by what it reads can use up its share of time and memory, and
write nonsense to whoever asked. Where it did not begin as root, and the kernel is older than 6.12,
it can also send its own server a signal; and it can change the modes of its user's files, which
only a filter of system calls would prevent. Run the server as a user of its own, or begin as root.
"""

import ctypes
import os
import resource
from dataclasses import dataclass

from mailserver.runtime import landlock

NOBODY = 65_534
_CLONE_NEWNET, _CLONE_NEWIPC = 0x4000_0000, 0x0800_0000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38  # <linux/prctl.h>
_SIGKILL = 9
_PIPES = 3  # standard input, output and error


@dataclass(frozen=True, slots=True)
class Share:
    """What a program may use up."""

    memory_octets: int
    cpu_seconds: int


def is_possible() -> bool:
    """Say whether this machine lets a program give up enough: its user's rights, or all files."""
    return os.geteuid() == 0 or landlock.version() >= landlock.EMPTYING


def confine(share: Share) -> None:
    """Give up everything but memory, time and the three pipes.

    Raises:
        OSError: something cannot be given up; then nothing may be read.
    """
    os.chdir("/")
    os.closerange(_PIPES, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    libc = ctypes.CDLL(None, use_errno=True)
    is_root = os.geteuid() == 0
    if is_root:
        libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC)  # containers forbid it: then the rest does
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if not is_possible() or not (landlock.shut_out() or is_root):
        raise OSError("files cannot be given up here")
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 0),  # not even one in the place of a pipe that is closed
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_AS, share.memory_octets),
        (resource.RLIMIT_CPU, share.cpu_seconds),
    ):
        resource.setrlimit(what, (most, most))
