"""A throw-away server for measurements and outside test suites: known users, limits off, loopback.

    python -m benchmarks.serve --users N [--database URL] [--keystore URL] [--data DIR]
                               [--ports a,b,…] [--workers N]

Prints one JSON line when all listeners answer and runs in the foreground until SIGTERM. The mail
is in DIR, keys and keystore beside it in DIR.keys, unless URLs say otherwise. `--data DIR` on a
directory that was used before starts on it again, with the same users. With several workers the
server is the process that prints the line, and its children.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mailserver.accounts.hashing import KEPT
from mailserver.app.house import House, open_house
from mailserver.app.serving import loop_factory, serve
from mailserver.model.address import Address
from mailserver.model.errors import MailError
from mailserver.model.sealed import Plaintext
from mailserver.operations.first_run import make_directories, make_secrets
from mailserver.runtime.door import Door
from mailserver.runtime.process import more_descriptors
from mailserver.runtime.settings import CONFIG_VARIABLE, Settings, load
from mailserver.runtime.settings_source import variable_of
from mailserver.runtime.settings_values import GIB, TIB, sqlite_path
from mailserver.store.migrate import Which, migrate
from mailserver.vault.credentials import open_recovery_wrap
from mailserver.vault.records import Scope, WrapKind

LISTENERS = ("imap", "imaps", "mx", "submission", "submissions", "lmtp", "https", "api", "admin")
"""The order of `--ports`."""
WEB = ("https", "api", "admin")
UNBUILT = ("admin",)
"""What is not built yet is null in the answer."""

DOMAIN = "bench.test"
USER_PATTERN = "bench{n}@" + DOMAIN
PASSWORD_PATTERN = "throw-away-app-password-{n}"
ACCOUNT_PASSWORD = "correct horse battery staple"
NOTE = "throw-away.json"
"""In DIR: how many users a finished first start made."""


def settings_for(
    directory: Path,
    ports: Sequence[int],
    environ: Mapping[str, str],
    *,
    database: str | None = None,
    keystore: str | None = None,
    workers: int = 1,
) -> Settings:
    """Return settings with every limit off, where no ZEGEL_… variable says otherwise."""
    keys = keys_of(directory)
    tls = {"imap": "none", "lmtp": "none"}
    tls.update(dict.fromkeys(("imaps", "submissions", *WEB), "implicit"))
    values: dict[str, Any] = {
        "hostname": "localhost",
        "data_dir": directory,
        "workers": workers,
        "keystore.url": keystore or f"sqlite:///{keys / 'keystore' / 'keystore.sqlite3'}",
        "keys.master_file": keys / "secrets" / "master.key",
        "keys.audit_file": keys / "secrets" / "audit.key",
        "tls.certificate": keys / "tls" / "certificate.pem",
        "tls.private_key": keys / "tls" / "key.pem",
        "tls.self_signed": True,
        "limits.quota_octets": 64 * TIB,
        "limits.in_flight_octets": 8 * GIB,
        "limits.recipients": 10_000,
        "limits.connections": 1_000_000,
        "limits.connections_per_address": 1_000_000,
        "limits.connections_per_minute": 0,
        "limits.commands_per_second": 0,
        "limits.unknown_recipients_per_minute": 0,
        "limits.messages_per_connection": 100_000,
        "limits.login_delays": False,
        "web.requests_per_minute": 0,
        "web.account_requests_per_minute": 0,
        "limits.sending_messages_per_minute": 0,
        "limits.sending_recipients_per_hour": 0,
        "limits.sending_recipients_per_day": 0,
        "limits.sending_strangers": 0,
        "limits.sending_failures": 0,
        "scanners.attachments": "allow",
        "spam.doubtful_points": 100,
        "spam.junk_points": 100,
        "spam.reject_points": 1_000,
        "spam.greylisting": False,
        "spam.reputation": False,
        "log.level": "warning",
    }
    if database:
        values["database.url"] = database
    for name, port in zip(LISTENERS, ports, strict=False):
        values[f"listeners.{name}.address"] = "off" if name in UNBUILT else f"127.0.0.1:{port}"
        values[f"listeners.{name}.tls"] = tls.get(name, "starttls")
    variables = {variable_of(key): str(value) for key, value in values.items()}
    given = {name: value for name, value in environ.items() if name != CONFIG_VARIABLE}
    return load(None, {**variables, **given})


def keys_of(directory: Path) -> Path:
    """Return where keys and keystore of the mail in `directory` lie: never inside of it."""
    return directory.with_name(directory.name + ".keys")


async def prepare(settings: Settings, users: int) -> None:
    """Make databases, keys and users, unless an earlier start on this directory has."""
    note = settings.data_dir / NOTE
    if note.is_file():
        return
    _clear(settings)  # a first start that was cut short
    make_directories(settings)
    make_secrets(settings)
    urls = {Which.MAIN: settings.database_url, Which.KEYSTORE: settings.keystore_url}
    for which, url in urls.items():
        if sqlite_path(url) is None:
            await migrate(url, which, to="base")  # whatever an earlier run left
        await migrate(url, which)
    async with open_house(settings) as house:
        await house.provisioning.add_domain(DOMAIN)
        # As many as are hashed at once: whoever waits for a place for long is refused.
        together = asyncio.Semaphore(max(1, settings.limits.password_hashes - KEPT))
        async with asyncio.TaskGroup() as tasks:
            for number in range(users):
                tasks.create_task(_add_user(house, number, together))
    note.write_text(json.dumps({"users": users}))


def _clear(settings: Settings) -> None:
    """Remove what an unfinished first start left; nothing but our own files."""
    shutil.rmtree(keys_of(settings.data_dir), ignore_errors=True)
    shutil.rmtree(settings.blob_dir, ignore_errors=True)
    for file in settings.data_dir.glob("zegel.sqlite3*"):
        file.unlink()


async def _add_user(house: House, number: int, together: asyncio.Semaphore) -> None:
    """Make a user whose app password follows the pattern, as only a throw-away server may."""
    async with together:
        user = await house.provisioning.add_user(
            Address.parse(USER_PATTERN.replace("{n}", str(number))),
            Plaintext(ACCOUNT_PASSWORD.encode()),
            quota_octets=house.settings.limits.quota_octets,
            provisional=False,
        )
    # The recovery code opens the key without another password hash.
    (wrap,) = await house.keyring.wraps(user.account_id, WrapKind.RECOVERY)
    key = open_recovery_wrap(user.account_id, wrap.row_id, wrap.record, user.recovery_code)
    account = await house.keyring.account(user.account_id)
    lease = house.sessions.lease(account, key, wrap.row_id, None)
    secret = Plaintext(PASSWORD_PATTERN.replace("{n}", str(number)).encode())
    await house.app_passwords.add(lease, list(Scope), label="bench", secret=secret)
    await lease.close()


def answer(settings: Settings, doors: Sequence[Door]) -> str:
    """Write the line that says where everything is."""
    where = {door.name: str(door.address) for door in doors}
    told: dict[str, Any] = {name: where.get(name) for name in LISTENERS}
    told.update({name: f"https://{where[name]}" for name in WEB if name in where})
    told.update(
        ca_file=str(settings.tls.certificate),
        user_pattern=USER_PATTERN,
        password_pattern=PASSWORD_PATTERN,
        account_password=ACCOUNT_PASSWORD,
        data_dir=str(settings.data_dir),
        pid=os.getpid(),
    )
    return json.dumps(told)


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--database", help="a PostgreSQL URL; else SQLite in DIR")
    parser.add_argument("--keystore", help="another PostgreSQL's URL; else SQLite in DIR.keys")
    parser.add_argument("--data", type=Path, help="where the mail lies; else a new directory")
    parser.add_argument("--ports", default="", help="by comma, in the order of the listener keys")
    parser.add_argument("--workers", type=int, default=1, help="above 1 on PostgreSQL only")
    asked = parser.parse_args()
    ports = [int(port) if port.isdigit() else 0 for port in asked.ports.split(",")]
    ports += [0] * (len(LISTENERS) - len(ports))
    directory = asked.data or Path(tempfile.mkdtemp(prefix="zegel-bench-")) / "data"
    os.umask(0o077)
    more_descriptors()
    wanted = {"database": asked.database, "keystore": asked.keystore, "workers": asked.workers}
    try:
        settings = settings_for(directory.absolute(), ports, os.environ, **wanted)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(prepare(settings, asked.users))
            runner.run(serve(settings, lambda doors: print(answer(settings, doors), flush=True)))
    except MailError as error:
        print(f"benchmarks.serve: {error.text}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
