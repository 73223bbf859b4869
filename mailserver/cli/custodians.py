"""`zegel escrow custodian` and `answer`: the keys of custodians, and what they do with them.

`key` and `answer` are for a custodian's own machine: they need no server, no settings and no
network.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, read_line, read_password, say, table, told
from mailserver.model.errors import Condition, Misconfigured, Refused
from mailserver.runtime import secret_file
from mailserver.vault.custodians import (
    CustodianKey,
    CustodianRecord,
    load_custodian_key,
    new_custodian_key,
    read_public,
)
from mailserver.vault.escrow_request import FILE_OCTETS, Request, answered

group = typer.Typer(help="Who opens mailboxes, two together.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As people are shown it.")]
_WHAT = "custodian's key"
_TYPED_GROUPS = 2


@group.command("key")
def key(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to; FILE.pub goes beside it.")
    ],
) -> None:
    """Make a custodian's key, on his own machine: FILE under a passphrase, and FILE.pub.

    FILE.pub goes to the server's operator, FILE to nobody.
    """

    def make() -> CustodianKey:
        private, public = new_custodian_key(read_password("Passphrase of the key"))
        secret_file.create(file, private, _WHAT)
        beside = file.with_name(file.name + ".pub")
        secret_file.create(beside, public, "public half of a custodian's key")
        return read_public(public)

    made = told(make)
    say(f"{file}: for you alone, under your passphrase. Keep two copies, away from the server.")
    say(f"{file}.pub: for the operator. Read him the fingerprint in person:")
    say(made.fingerprint)


@group.command("add")
def add(
    context: typer.Context,
    name: Name,
    public: Annotated[Path, typer.Argument(metavar="PUBFILE", help="What `custodian key` made.")],
) -> None:
    """Register a custodian, who stands beside you and reads out the fingerprint of his key."""
    his = told(lambda: read_public(content_of(public)))
    say(f"Fingerprint of this file: {his.fingerprint}")
    said = read_line(f"Type the last two groups as {name} reads them out from his own")
    if said.lower().split() != his.fingerprint.split()[-_TYPED_GROUPS:]:
        fail("that is not this file's fingerprint; nothing was registered")

    async def register(house: House) -> CustodianRecord:
        return await house.desk.escrow.add_custodian(name, his)

    made = in_house(context, register)
    say(f"{made.name} is a custodian. Everybody is shown the name and the fingerprint.")


@group.command("remove")
def remove(context: typer.Context, name: Name) -> None:
    """Take a custodian off: escrow ends for every account until the next two are known to it."""
    accounts = in_house(context, lambda house: house.desk.escrow.remove_custodian(name))
    say(f"{name} is no custodian any more.")
    say(f"{accounts} accounts get new keys when their owners sign in next.")


@group.command("list")
def listing(context: typer.Context) -> None:
    """List the custodians."""
    found = in_house(context, lambda house: house.desk.escrow.custodians())
    lines = ((one.name, f"{one.made_at:%Y-%m-%d}", one.key.fingerprint) for one in found)
    table(("name", "since", "fingerprint"), lines)


def answer(
    request: Annotated[Path, typer.Argument(metavar="REQUEST", help="What `escrow open` made.")],
    private: Annotated[Path, typer.Option("--key", help="Your own key.")],
    to: Annotated[Path | None, typer.Option(help="Where the answer goes; else beside it.")] = None,
) -> None:
    """Answer a request as one of the two custodians, on your own machine.

    It shows whose mailbox is to be opened and why, and asks before anything is answered.
    """
    asked = told(lambda: Request.parse(content_of(request)))
    say(f"Open the mailbox of: {asked.address}")
    say(f"Reason: {asked.reason}")
    say(f"Asked: {asked.made_at:%Y-%m-%d %H:%M %Z}; both answers by {asked.expires_at:%H:%M %Z}")
    if read_line("Type the address to agree") != asked.address:
        fail("nothing was answered")

    def write() -> Path:
        passphrase = read_password("Passphrase of your key", new=False)
        pair = load_custodian_key(secret_file.read(private, _WHAT), passphrase)
        octets = answered(asked, pair, datetime.now(UTC)).encode()
        path = to or request.with_name(f"{request.name}.{private.name}.answer")
        secret_file.create(path, octets, "custodian's answer")
        return path

    say(f"{told(write)}: bring it to the operator. It opens nothing without the other one.")


def content_of(path: Path) -> bytes:
    """Return a small file that somebody brought.

    Raises:
        Misconfigured: it cannot be read.
        Refused: TOO_LARGE, it is none of ours.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_OCTETS + 1)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > FILE_OCTETS:
        raise Refused(Condition.TOO_LARGE, f"{path} is too large to be one of ours")
    return content
