"""The process itself: no core file, no debugger, no swap where allowed, enough file descriptors.

Source: PRIVACY §1, "Memory". Python cannot promise that a secret leaves memory when its object
does; what is done here keeps memory from reaching a disk by the ways we know.
"""

import ctypes
import gc
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

SWITCH_SECONDS = 0.0005  # a tenth of Python's own; see `take_short_turns`
FILE_DESCRIPTORS = 65_536  # connections, database handles and blobs of one process

_PR_SET_DUMPABLE = 4  # <linux/prctl.h>
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4  # <bits/mman.h>
_TIME_ERROR = 5
_TIMEX_OCTETS = 512  # more than struct timex anywhere; zeros ask and change nothing
_CAP_IPC_LOCK = 14  # <linux/capability.h>


@dataclass(frozen=True, slots=True)
class Hardening:
    """What the machine let us do; what it did not is for the operator to see at start-up."""

    core_files_off: bool
    not_dumpable: bool
    memory_locked: bool
    file_descriptors: int


def harden() -> Hardening:
    """Harden this process before the first key is read; each step is tried, none is required."""
    return Hardening(
        core_files_off=_without_core_files(),
        not_dumpable=_not_dumpable(),
        memory_locked=_locked_memory(),
        file_descriptors=more_descriptors(FILE_DESCRIPTORS),
    )


def _without_core_files() -> bool:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        return False
    return True


def _libc() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None, use_errno=True)
    except OSError:
        return None


def clock_is_set() -> bool | None:
    """Say whether a time server keeps this machine's clock; None where the kernel does not say."""
    libc = _libc()
    if libc is None or not hasattr(libc, "adjtimex"):
        return None
    state = libc.adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS))
    return None if state < 0 else bool(state != _TIME_ERROR)


def _not_dumpable() -> bool:
    libc = _libc()
    if libc is None or not hasattr(libc, "prctl"):
        return False
    return bool(libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)


def _locked_memory() -> bool:
    """Keep pages out of swap, but only where no limit can turn later allocations into failures."""
    libc = _libc()
    if libc is None or not hasattr(libc, "mlockall") or not _may_lock_all():
        return False
    # ONFAULT: hold pages in use only, not every thread's whole stack and each mapped file.
    return bool(libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)


def _may_lock_all() -> bool:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft == resource.RLIM_INFINITY:
        return True
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    effective = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")]
    return bool(effective) and bool(int(effective[0], 16) >> _CAP_IPC_LOCK & 1)


def more_descriptors(wanted: int = FILE_DESCRIPTORS) -> int:
    """Raise the number of files and sockets this process may hold to `wanted`, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted if soft == resource.RLIM_INFINITY else soft
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    except (OSError, ValueError):
        return soft
    return target


def private_umask() -> None:
    """Let files that this process makes be readable by its own user alone."""
    os.umask(0o077)


def take_short_turns() -> None:
    """Let threads take turns at the interpreter ten times as often as Python does.

    The database's threads give the interpreter up at every statement and row; to get it back from
    a busy event loop they would wait 5 ms each time. Measured: with 32 deliveries in flight 510 to
    700 and more a second; 500 rows read beside a busy loop in 570 ms, then in 3.
    """
    sys.setswitchinterval(SWITCH_SECONDS)


def collect_rarely() -> None:
    """Look for cyclic garbage less often, and never among what start-up made.

    A list of 10,000 messages makes some 50,000 tuples that no cycle holds; looking through them
    again and again took a quarter of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
