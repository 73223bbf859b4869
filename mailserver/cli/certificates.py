"""`zegel privacy certificate`: whether a certificate of an erasure is genuine."""

from pathlib import Path
from typing import Annotated

import typer

from mailserver.audit.checkpoint import load_key
from mailserver.cli.terminal import fail, say, settings_of, told
from mailserver.privacy.certificate import CERTIFICATE_OCTETS, check


def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The certificate.")],
    key: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The server's public key; else this server's own."),
    ] = None,
) -> None:
    """Verify a certificate of an erasure; with --key it needs no server."""
    if file.stat().st_size > CERTIFICATE_OCTETS:
        fail(f"{file} is no certificate of an erasure")
    public = public_key(context, key)
    said = told(lambda: check(public, file.read_text(encoding="utf-8", errors="replace")))
    say(f"Genuine: account {said['account']} was erased at {said['erased']}.")
    say(f"From {said['horizon']} on no backup opens what it held.")


def public_key(context: typer.Context, key: str | None) -> bytes:
    """Return the public key that is named, or this server's own."""
    if key is None:
        return told(lambda: load_key(settings_of(context).keys.audit_file).public)
    try:
        return bytes.fromhex(key)
    except ValueError:
        fail("a public key is 64 digits of hex")
