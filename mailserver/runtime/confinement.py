"""What a confined program does to itself before it reads a stranger's first octet.

It keeps what it stands on, its memory and three pipes, and loses the rest for good: files, sockets,
other processes, its user's rights. Everything it will need must be imported before.

A program that is then taken over by what it reads can use up its share of time and memory, and
write nonsense to whoever asked. A system call filter would add little: there is nothing left for
the calls to act on.
"""

import ctypes
import os
import resource
from contextlib import suppress
from dataclasses import dataclass

NOBODY = 65_534
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x1000_0000, 0x4000_0000, 0x0800_0000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38  # <linux/prctl.h>
_SIGKILL = 9
_PIPES = 3  # standard input, output and error: no other descriptor, and none that could be opened


@dataclass(frozen=True, slots=True)
class Share:
    """What a program may use up."""

    memory_octets: int
    cpu_seconds: int


def confine(share: Share) -> None:
    """Give up everything but memory, time and the three pipes.

    Raises:
        OSError: a limit cannot be set; then nothing may be read.
    """
    os.chdir("/")
    os.closerange(_PIPES, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    libc = ctypes.CDLL(None, use_errno=True)
    _leave_networks(libc)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _PIPES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_AS, share.memory_octets),
        (resource.RLIMIT_CPU, share.cpu_seconds),
    ):
        resource.setrlimit(what, (most, most))


def _leave_networks(libc: ctypes.CDLL) -> None:
    """Go where there is no network, if the machine lets us; without descriptors there is none."""
    if os.geteuid() == 0:
        libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC)
    else:
        with suppress(AttributeError):
            libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC)
