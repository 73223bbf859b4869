"""The files of a server for a first look: one directory, apart from each other what must be apart.

    data/       sealed mail          keystore/   who may open it
    secrets/    the master key       tls/        a self-signed certificate
    zegel.toml  the settings: loopback only, high ports

Whatever exists is left alone, so it may be called before every start.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from mailserver.audit.checkpoint import create_key
from mailserver.model.errors import Misconfigured
from mailserver.runtime.settings import Settings, load
from mailserver.runtime.tls import create_self_signed
from mailserver.store.engine import Kind, kind_of
from mailserver.vault.master import MasterKeys

SETTINGS_FILE = "zegel.toml"
_SETTINGS = """\
# A server for a first look: this machine only, with a self-signed certificate.
hostname = "localhost"
data_dir = "data"

[keystore]
url = "sqlite:///keystore/keystore.sqlite3"

[keys]
master_file = "secrets/master.key"
audit_file = "secrets/audit.key"

[tls]
certificate = "tls/certificate.pem"
private_key = "tls/key.pem"
self_signed = true

[listeners.mx]
address = "127.0.0.1:2525"

[listeners.submission]
address = "127.0.0.1:2587"

[listeners.submissions]
address = "127.0.0.1:2465"

[listeners.imap]
address = "127.0.0.1:2143"

[listeners.imaps]
address = "127.0.0.1:2993"

[listeners.https]
address = "127.0.0.1:2443"

[listeners.api]
address = "127.0.0.1:2444"
"""


def prepare(directory: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Make what is missing below `directory` and return its settings, `environ` laid over them.

    Raises:
        Misconfigured: it cannot be written, or settings that stood there already are wrong.
    """
    file = directory / SETTINGS_FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _write_new(file, _SETTINGS)
    except OSError as error:
        raise Misconfigured(f"{directory}: {(error.strerror or 'no').lower()}") from error
    settings = load(file, environ)
    make_directories(settings)
    make_secrets(settings)
    return settings


def make_directories(settings: Settings) -> None:
    """Make the directories that data, keystore and secrets lie in, for this user alone.

    Raises:
        Misconfigured: one cannot be made.
    """
    wanted = [settings.data_dir, settings.blob_dir]
    for url in (settings.database_url, settings.keystore_url):
        if kind_of(url) is Kind.SQLITE:
            wanted.append(Path(url.removeprefix("sqlite:///")).parent)
    for directory in wanted:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or "it cannot be made").lower()
            raise Misconfigured(f"{directory}: {reason}") from error


def make_secrets(settings: Settings) -> list[Path]:
    """Make the master key and the audit key where there are none; returns those it made.

    Raises:
        Misconfigured: one cannot be written.
    """
    made = []
    for path in (settings.keys.master_file, settings.keys.audit_file):
        if path.exists():
            continue
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(f"{path.parent}: {(error.strerror or 'no').lower()}") from error
        if path == settings.keys.master_file:
            MasterKeys.create(path, keep_out_of=[settings.data_dir]).close()
        else:
            create_key(path)
        made.append(path)
    return made


def make_certificate(settings: Settings) -> bool:
    """Make a self-signed certificate where the settings ask for one and there is none.

    Raises:
        Misconfigured: it cannot be written.
    """
    tls = settings.tls
    if not tls.self_signed or (tls.certificate.exists() and tls.private_key.exists()):
        return False
    create_self_signed(tls.certificate, tls.private_key, settings.hostname)
    return True


def _write_new(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
