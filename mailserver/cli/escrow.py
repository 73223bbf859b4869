"""`zegel escrow`: whether two custodians may open mailboxes, and opening one."""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from mailserver.accounts.escrow import Standing
from mailserver.app.house import House
from mailserver.app.personal import documents_of
from mailserver.audit.entry import OPERATOR
from mailserver.cli import custodians
from mailserver.cli.account import Who, in_house
from mailserver.cli.custodians import content_of
from mailserver.cli.progress_bar import Bar
from mailserver.cli.terminal import say, table, told
from mailserver.cli.transfer import tell
from mailserver.crypto.stream import StreamSealer
from mailserver.mail.office import Office
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Misconfigured, PeerFault
from mailserver.privacy.escrow import ANSWERED_WITHIN, EXPORT_LIFE
from mailserver.runtime import secret_file
from mailserver.runtime.background import background
from mailserver.transfer.file_sink import FileSink
from mailserver.transfer.portable import PortableExport
from mailserver.transfer.report import Report
from mailserver.vault.escrow_request import Answer, Request

group = typer.Typer(
    help="Opening mailboxes by two custodians; off unless you turn it on.", no_args_is_help=True
)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `escrow openings` shows it.")]
Reason = Annotated[str, typer.Option(help="Why; people are shown it.")]
_PIECE_OCTETS = 1 << 20
_HOUR = 3600


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    group.add_typer(custodians.group, name="custodian")
    group.command("answer")(custodians.answer)
    program.add_typer(group, name="escrow")


@group.command("enable")
def enable(
    context: typer.Context,
    reason: Reason,
    policy: Annotated[Path, typer.Option(help="A text file: what everybody is shown.")],
    dpia: Annotated[str, typer.Option(help="Where the assessment of its impact is (Art. 35).")],
) -> None:
    """Turn escrow on, on terms that everybody reads; two custodians are registered before.

    It takes effect for an account when its owner has seen the notice in the webmail.
    """
    text = told(lambda: _text(policy))

    async def turn_on(house: House) -> Standing:
        standing = await house.desk.escrow.enable(reason, text, dpia)
        await house.books.processing.record(actor=OPERATOR)
        return standing

    names = [one.name for one in in_house(context, turn_on).custodians]
    say(f"Escrow is on; custodians: {' and '.join(names)}.")
    say("Each account can be opened by both together once its owner has seen the notice.")


@group.command("disable")
def disable(context: typer.Context) -> None:
    """Turn escrow off, and delete every wrap that custodians could open."""

    async def turn_off(house: House) -> int:
        wraps = await house.desk.escrow.disable()
        await house.books.processing.record(actor=OPERATOR)
        return wraps

    say(f"Escrow is off; the wraps of {in_house(context, turn_off)} accounts are deleted.")


@group.command("show")
def show(context: typer.Context) -> None:
    """Show whether escrow is on, and on what terms."""
    standing = in_house(context, lambda house: house.desk.escrow.standing())
    if standing is None:
        say("Escrow is off.")
        return
    say(f"Escrow is on since {standing.policy.since:%Y-%m-%d}.")
    say(f"reason: {standing.policy.reason}")
    say(f"assessment: {standing.policy.dpia}")
    for one in standing.custodians:
        say(f"custodian: {one.name}, {one.key.fingerprint}")
    if not standing.is_complete:
        say("It lacks a custodian: no wrap is made, and nothing can be opened.")
    say()
    say(standing.policy.policy)


@group.command("open")
def open_account(
    context: typer.Context,
    address: Who,
    reason: Reason,
    request: Annotated[Path, typer.Option(help="Where the request for both custodians goes.")],
    hold: Annotated[
        int | None,
        typer.Option(metavar="HOLD", help="A legal hold of the account delays the notice."),
    ] = None,
) -> None:
    """Ask both custodians to open an account; they answer within an hour.

    Its owner is told as soon as both have answered; while a legal hold of the account stands, that
    a privacy officer recorded, at most 30 days later.
    """
    who = told(lambda: Address.parse(address))

    async def ask(house: House) -> tuple[int, Request]:
        holder = await house.directory.holder(who)
        if holder is None:
            raise Absent(Condition.NO_SUCH_USER, f"there is no {who} here")
        return await house.books.openings.ask(holder.account_id, reason, hold=hold)

    number, asked = in_house(context, ask)
    told(lambda: secret_file.create(request, asked.encode(), "escrow request"))
    minutes = int(ANSWERED_WITHIN.total_seconds()) // 60
    say(f"Opening {number}: {request} goes to both custodians.")
    say(f"Both answers within {minutes} minutes, by {asked.expires_at:%H:%M %Z}.")


@group.command("take")
def take(
    context: typer.Context,
    answer: Annotated[Path, typer.Argument(metavar="ANSWER", help="What a custodian brought.")],
) -> None:
    """Take a custodian's answer; with the second one the account is open for one export."""
    his = told(lambda: Answer.parse(content_of(answer)))
    one = in_house(context, lambda house: house.books.openings.take(his))
    if one.opened_at is None:
        say(f"Opening {one.number}: one of two has answered.")
    else:
        hours = int(EXPORT_LIFE.total_seconds()) // _HOUR
        say(f"Opening {one.number} is open for one export, for {hours} hours.")
        say("Its owner was told." if one.told_at else "Its owner is told when the hold ends.")


@group.command("export")
def export(
    context: typer.Context,
    number: Number,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The sealed export; a new file.")],
) -> None:
    """Write the one export of an opening, sealed; `escrow unseal` opens it for 24 hours."""

    async def write(house: House) -> Report:
        openings = house.books.openings
        lease = await openings.unlock(number)
        async with background() as tasks:
            account = Office(house.store, house.offload, tasks).open(lease)
            try:
                with FileSink(file) as sink, Bar() as bar:
                    seed, sealer = await openings.begin_export(number)
                    documents = await documents_of(house, lease, account)
                    sealed = _SealedSink(sink, sealer)
                    now = house.clock.now()
                    done = await PortableExport(
                        account, sealed, documents, house.offload, now, bar
                    ).run()
                    sealed.end()
                await openings.end_export(number, seed)
            finally:
                await account.close()
        return done

    tell(in_house(context, write), "written")
    say(
        f"{file}: sealed. `zegel escrow unseal {number} {file} ZIP` opens it until its day is over."
    )


@group.command("unseal")
def unseal(
    context: typer.Context,
    number: Number,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `escrow export` wrote.")],
    to: Annotated[Path, typer.Argument(metavar="ZIP", help="The zip to make; a new file.")],
) -> None:
    """Open a sealed export while its key is kept: 24 hours from the second answer."""

    async def opened(house: House) -> None:
        opener = await house.books.openings.export_opener(number)
        with ExitStack() as stack:
            try:
                source = stack.enter_context(file.open("rb"))
            except OSError as error:
                raise Misconfigured(f"{file} cannot be read: {error.strerror}") from None
            sink = stack.enter_context(FileSink(to))
            while piece := source.read(_PIECE_OCTETS):
                sink.write(opener.feed(piece))
            sink.write(opener.finish())

    in_house(context, opened)
    say(f"{to}: readable by you alone; whoever gets hold of it reads all this mail.")


@group.command("openings")
def openings(context: typer.Context) -> None:
    """List every opening that was asked for."""
    lines = (
        (
            *(str(one.number), one.address, _day(one.asked_at), _day(one.opened_at)),
            *(_day(one.told_at), _day(one.exported_at), one.reason),
        )
        for one in in_house(context, lambda house: house.books.openings.listing())
    )
    table(("opening", "account", "asked", "opened", "owner told", "exported", "reason"), lines)


class _SealedSink:
    """Seals an export on its way to a file."""

    def __init__(self, sink: FileSink, sealer: StreamSealer) -> None:
        self._sink = sink
        self._sealer = sealer
        sink.write(sealer.header)

    def write(self, octets: bytes, /) -> int:
        """Take more of the zip."""
        self._sink.write(self._sealer.feed(octets))
        return len(octets)

    def flush(self) -> None:
        """Leave it to the end."""

    def end(self) -> None:
        """Write the last chunk."""
        self._sink.write(self._sealer.finish())


def _text(path: Path) -> str:
    try:
        return content_of(path).decode()
    except UnicodeDecodeError:
        raise PeerFault(Condition.BAD_SYNTAX, f"{path} is not UTF-8 text") from None


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
