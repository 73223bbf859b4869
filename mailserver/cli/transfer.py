"""`zegel import` and `zegel export`: a whole account's mail, in and out.

Both open the account by a secret of its owner, read from standard input or asked for at a terminal,
whether or not the server is running. An import that was interrupted is begun again with the same
words and goes on where it was.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.audit.entry import Event, account_actor
from mailserver.cli.account import Who, in_house
from mailserver.cli.progress_bar import Bar
from mailserver.cli.terminal import fail, read_password, say, table, told
from mailserver.cli.unlocking import unlocked_account
from mailserver.mail.arrivals import Arrivals
from mailserver.model.address import Address
from mailserver.model.sealed import Plaintext
from mailserver.runtime.settings import Tls
from mailserver.transfer.exporting import Exporting, Format
from mailserver.transfer.filing import Filing, find
from mailserver.transfer.imap_session import Session
from mailserver.transfer.importing import Connect, Importing, Outlook, Wanted, dry_run, signed_in
from mailserver.transfer.naming import Target
from mailserver.transfer.reach import Reach, Server
from mailserver.transfer.report import Report

imports = typer.Typer(help="Bring mail in, from other servers or files.", no_args_is_help=True)
exports = typer.Typer(help="Write an account's mail into files.", no_args_is_help=True)

LEFT_SHOWN = 20
_PORTS = {Tls.IMPLICIT: 993, Tls.STARTTLS: 143, Tls.NONE: 143}

From = Annotated[Path, typer.Argument(metavar="PATH", exists=True, help="What to read.")]
To = Annotated[Path, typer.Argument(metavar="DIR", help="A directory that is new or empty.")]
Into = Annotated[str | None, typer.Option(help="One mailbox for everything.")]
Again = Annotated[
    bool, typer.Option("--again", help="Forget what was brought before, and bring it all.")
]


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(imports, name="import")
    program.add_typer(exports, name="export")


@imports.command("imap")
def import_imap(
    context: typer.Context,
    address: Who,
    server: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="The other server.")],
    user: Annotated[str, typer.Argument(help="The user name there.")],
    tls: Annotated[Tls, typer.Option(help="How; none on this machine only.")] = Tls.IMPLICIT,
    ca_file: Annotated[
        Path | None, typer.Option(exists=True, help="Whom to trust; else the system's.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="A mailbox there, by its name; else all of them.")
    ] = None,
    into: Into = None,
    again: Again = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be brought; change nothing.")
    ] = False,
) -> None:
    """Bring all mail over from another server by IMAP; nothing is changed there.

    Two secrets, two lines of standard input: the account's own (its password, an app password for
    imap, or its recovery code), then the password at the other server.
    """
    who = told(lambda: Address.parse(address))
    secret = told(lambda: read_password(f"Password of {who}", new=False))
    password = told(lambda: read_password(f"Password of {user} at {server}", new=False))
    host, port = _host_and_port(server, _PORTS[tls])
    there = Server(host, port, tls, ca_file)

    wanted = Wanted(b"", tuple(only or ()), Target(into) if into else None, again=again)

    def connect() -> AbstractAsyncContextManager[Session]:
        return signed_in(there, Reach(private=True), user, password)

    async def bring(house: House) -> None:
        async with unlocked_account(house, who, secret, app_passwords=True) as account:
            named = (b"imap", host.casefold().encode(), b"%d" % port, user.encode())
            mine = replace(wanted, source=account.arrivals.name(*named))
            await _bring_over(connect, account.arrivals, mine, dry=dry)

    in_house(context, bring)


async def _bring_over(connect: Connect, arrivals: Arrivals, wanted: Wanted, *, dry: bool) -> None:
    """Bring mail over, or say what would be brought."""
    if dry:
        async with connect() as session:
            _tell_outlook(*await dry_run(session, arrivals, wanted))
        return
    if wanted.again:
        await arrivals.forget(wanted.source)
    with Bar() as bar:
        report = await Importing(connect, arrivals, wanted, bar).run()
    tell(report, "brought over")


@imports.command("maildir")
def import_maildir(
    context: typer.Context, address: Who, path: From, into: Into = None, again: Again = False
) -> None:
    """Bring in a Maildir, those below it included (Maildir++ or directories in directories)."""
    _import_files(context, "maildir", address, path, into, again=again)


@imports.command("mbox")
def import_mbox(
    context: typer.Context, address: Who, path: From, into: Into = None, again: Again = False
) -> None:
    """Bring in an mbox file, or every one of a directory."""
    _import_files(context, "mbox", address, path, into, again=again)


@imports.command("eml")
def import_eml(
    context: typer.Context, address: Who, path: From, into: Into = None, again: Again = False
) -> None:
    """Bring in a directory of .eml files; directories in it are mailboxes."""
    _import_files(context, "eml", address, path, into, again=again)


def _import_files(
    context: typer.Context, kind: str, address: str, path: Path, into: str | None, *, again: bool
) -> None:
    who = told(lambda: Address.parse(address))
    secret = told(lambda: read_password(f"Password of {who}", new=False))
    boxes = told(lambda: find(kind, path))
    where = str(path.resolve()).encode()

    async def bring(house: House) -> Report:
        async with unlocked_account(house, who, secret, app_passwords=True) as account:
            arrivals: Arrivals = account.arrivals
            source = arrivals.name(kind.encode(), where)
            if again:
                await arrivals.forget(source)
            target = Target(into) if into else None
            with Bar() as bar:
                return await Filing(boxes, arrivals, source, house.offload, bar, target).run()

    tell(in_house(context, bring), "brought in")


@exports.command("maildir")
def export_maildir(context: typer.Context, address: Who, directory: To) -> None:
    """Write a Maildir++: a file for each message, flags in its name."""
    _export(context, Format.MAILDIR, address, directory)


@exports.command("mbox")
def export_mbox(context: typer.Context, address: Who, directory: To) -> None:
    """Write an mbox for each mailbox; what an mbox would alter becomes an .eml file beside it."""
    _export(context, Format.MBOX, address, directory)


@exports.command("eml")
def export_eml(context: typer.Context, address: Who, directory: To) -> None:
    """Write an .eml file for each message, octet for octet."""
    _export(context, Format.EML, address, directory)


def _export(context: typer.Context, kind: Format, address: str, directory: Path) -> None:
    who = told(lambda: Address.parse(address))
    secret: Plaintext = told(lambda: read_password(f"Password of {who}", new=False))

    async def write(house: House) -> Report:
        async with unlocked_account(house, who, secret, app_passwords=False) as account:
            await house.chain.record(
                Event.EXPORTED,
                actor=account_actor(account.account_id),
                account_id=account.account_id,
                facts={"format": kind.value},
            )
            with Bar() as bar:
                return await Exporting(account, directory, kind, house.offload, bar).run()

    report = in_house(context, write)
    tell(report, "written")
    say(f"{directory}: readable by you alone; whoever gets hold of it reads all this mail.")


def tell(report: Report, done: str) -> None:
    """Say what came of a transfer, and what was left behind."""
    mailboxes = "mailbox" if report.mailboxes == 1 else "mailboxes"
    messages = "message" if report.messages == 1 else "messages"
    mib = report.octets / (1 << 20)
    say(f"{report.messages:,} {messages} {done}, {mib:,.1f} MiB, {report.mailboxes} {mailboxes}.")
    for left in report.left[:LEFT_SHOWN]:
        say(f"  left behind: {_printable(left.where)}, {left.what}: {left.why}")
    if report.left_count > LEFT_SHOWN:
        say(f"  … and {report.left_count - LEFT_SHOWN:,} more")


def _tell_outlook(outlooks: list[Outlook], left_out: list[tuple[str, str]]) -> None:
    table(
        ("mailbox there", "goes into", "messages", "new", "MiB"),
        [
            (
                _printable(each.name),
                each.into,
                f"{each.messages:,}",
                f"{each.new:,}",
                f"{each.octets / (1 << 20):,.1f}",
            )
            for each in outlooks
        ],
    )
    for name, why in left_out:
        say(f"  left out: {_printable(name)}: {why}")


def _printable(text: str) -> str:
    """Return another server's words without what would steer a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _host_and_port(text: str, port: int) -> tuple[str, int]:
    """Part `host`, `host:port`, `[::1]:port`."""
    host, _, number = (
        text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    )
    if number and not (number.isdecimal() and 0 < int(number) < 65_536):
        fail(f"{number} is no port")
    return (host or text).strip("[]"), int(number) if number else port
