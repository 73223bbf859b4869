"""Landlock: a process that takes all files and networks from itself, by no right but its own.

A limit on descriptors keeps a process from opening files; it does not keep it from removing,
renaming or emptying them by name. Landlock does, where the kernel has it (Linux 5.13; emptying from
6.2 on, signals from 6.12). What a kernel does not know of the following is left out. Modes, owners,
times and attributes of files of one's own it leaves to whoever has their user.

Source: landlock(7), <linux/landlock.h>.
"""

import ctypes
import os

EMPTYING = 3
"""The version (Linux 6.2) from which on files cannot be emptied by name."""

_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # the same on every architecture
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_FILES = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
"""By version: what can be done to a file or directory; then moving, emptying, device control."""
_NETWORKS = {4: 0b11}  # TCP: to bind, to connect
_SCOPES = {6: 0b11}  # abstract sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


def version() -> int:
    """Return which Landlock the kernel has; 0 for none."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syscall"):
        return 0
    return max(0, int(libc.syscall(_CREATE_RULESET, None, 0, _VERSION)))


def shut_out() -> bool:
    """Take every file, and what else the kernel can take, from this process for good.

    The process must not be able to gain privileges any more. Descriptors that are open stay.

    Returns:
        Whether it was done: False where the kernel has no Landlock.

    Raises:
        OSError: the kernel has it and refuses.
    """
    known = version()
    if not known:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    ruleset = _Ruleset(_all(_FILES, known), _all(_NETWORKS, known), _all(_SCOPES, known))
    descriptor = libc.syscall(
        _CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(ctypes.sizeof(ruleset)), 0
    )
    if descriptor < 0:
        raise _failure()
    try:
        if libc.syscall(_RESTRICT_SELF, descriptor, 0):
            raise _failure()
    finally:
        os.close(descriptor)
    return True


def _all(by_version: dict[int, int], known: int) -> int:
    bits = 0
    for since, more in by_version.items():
        bits |= more if since <= known else 0
    return bits


def _failure() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), "landlock")
