"""What only this machine knows: files and who may read them, disk, clock, listeners, roles."""

import os
import shutil
import socket
import stat
from collections.abc import Iterable
from pathlib import Path

from mailserver.accounts.directory import Directory
from mailserver.accounts.roles import REQUIRED
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Locked
from mailserver.operations.doctor.finding import Finding, failure, good, note, warning
from mailserver.runtime.process import clock_is_set
from mailserver.runtime.settings import Settings
from mailserver.runtime.settings_values import GIB, sqlite_path

LITTLE, VERY_LITTLE = 10 * GIB, GIB
LITTLE_SHARE = 0.1
PATIENCE_SECONDS = 5.0


def machine(settings: Settings) -> list[Finding]:
    """Look at this machine; blocks for a moment."""
    return [
        *_secrets(settings),
        *_separation(settings),
        *_disk(settings),
        *_clock(),
        *_listeners(settings),
    ]


def _secrets(settings: Settings) -> Iterable[Finding]:
    """Files that nobody else may read."""
    for path in (
        settings.keys.master_file,
        settings.keys.audit_file,
        settings.tls.private_key,
    ):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            yield failure("secrets", str(path), "missing", "put it back, or correct the settings")
            continue
        except OSError as error:
            yield note("secrets", str(path), (error.strerror or "unreadable").lower())
            continue
        if mode & 0o077:
            advice = f"chmod 0400 {path}"
            yield failure("secrets", str(path), f"mode {mode:04o}", advice, wanted="0400")
        else:
            yield good("secrets", str(path), f"mode {mode:04o}")
    mode = stat.S_IMODE(settings.data_dir.stat().st_mode) if settings.data_dir.exists() else 0
    if mode & 0o077:
        advice = f"chmod 0700 {settings.data_dir}"
        yield warning("secrets", str(settings.data_dir), f"mode {mode:04o}", advice, wanted="0700")


def _separation(settings: Settings) -> Iterable[Finding]:
    """The keystore apart from the mail (PRIVACY §1); the settings refuse what is plainly wrong."""
    keystore = sqlite_path(settings.keystore_url)
    if keystore is None:
        yield good("separation", "keystore", "a database server of its own")
        return
    homes = {"the mail": settings.data_dir, "the master key": settings.keys.master_file.parent}
    for what, home in homes.items():
        apart = _device(keystore.parent) != _device(home)
        if apart:
            yield good("separation", str(keystore), f"another file system than {what}")
        elif what == "the mail":
            yield warning(
                "separation",
                str(keystore),
                f"on the file system of {what}",
                "let snapshots and backups of the mail leave it out, or erasing an account does not"
                " erase it there",
            )


def _device(path: Path) -> int | None:
    try:
        return os.stat(path).st_dev
    except OSError:
        return None


def _disk(settings: Settings) -> Iterable[Finding]:
    places = [settings.data_dir]
    if (keystore := sqlite_path(settings.keystore_url)) is not None:
        places.append(keystore.parent)
    for place in places:
        try:
            usage = shutil.disk_usage(place)
        except OSError:
            yield failure("disk", str(place), "missing", "zegel migrate")
            continue
        text = f"{usage.free / GIB:.1f} GiB free"
        if usage.free < VERY_LITTLE:
            yield failure("disk", str(place), text, "make room now: a full disk takes no mail")
        elif usage.free < LITTLE and usage.free < usage.total * LITTLE_SHARE:
            yield warning("disk", str(place), text, "make room")
        else:
            yield good("disk", str(place), text)


def _clock() -> Iterable[Finding]:
    is_set = clock_is_set()
    if is_set is None:
        yield note("clock", "this machine", "the kernel does not say whether it is right")
    elif is_set:
        yield good("clock", "this machine", "kept by a time server")
    else:
        advice = "run chrony or systemd-timesyncd: signatures and second factors need the time"
        yield warning("clock", "this machine", "kept by nobody", advice)


def _listeners(settings: Settings) -> Iterable[Finding]:
    for name, listener in settings.listeners.named().items():
        address = listener.address
        if address is None or not address.port:
            continue
        host = address.host or "127.0.0.1"
        try:
            with socket.create_connection((host, address.port), timeout=PATIENCE_SECONDS):
                yield good("listener", name, str(address))
        except OSError:
            advice = "start the server, and see in its log why it does not listen there"
            yield failure("listener", name, f"nobody answers on {address}", advice)


async def roles(directory: Directory, domain: str) -> list[Finding]:
    """Look whether the addresses that every domain must answer are answered (RFC 2142)."""
    found = []
    for role in sorted(REQUIRED):
        address = f"{role}@{domain}"
        try:
            await directory.resolve(Address(role, domain))
        except (Absent, Locked):
            advice = f"zegel domain role {domain} {role} ADDRESS"
            found.append(failure("roles", address, "nobody answers", advice))
        else:
            found.append(good("roles", address, "answered"))
    return found
