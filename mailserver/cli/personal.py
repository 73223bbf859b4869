"""`zegel privacy export`: everything of one account, in one file for its owner."""

from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.app.personal import documents_of
from mailserver.audit.entry import Event, account_actor
from mailserver.cli.account import Who, in_house
from mailserver.cli.progress_bar import Bar
from mailserver.cli.terminal import read_password, say, told
from mailserver.cli.transfer import tell
from mailserver.cli.unlocking import unlocked_owner
from mailserver.model.address import Address
from mailserver.transfer.file_sink import FileSink
from mailserver.transfer.portable import PortableExport
from mailserver.transfer.report import Report

To = Annotated[Path, typer.Argument(metavar="FILE", help="The zip to make; a new file.")]


def export(context: typer.Context, address: Who, file: To) -> None:
    """Write all that is held of a person into one zip, for that person (GDPR Art. 15, 20).

    It asks for the account's password or its recovery code. Unpacked, `zegel import mbox` takes it.
    """
    who = told(lambda: Address.parse(address))
    secret = told(lambda: read_password(f"Password of {who}", new=False))

    async def write(house: House) -> Report:
        async with unlocked_owner(house, who, secret) as (lease, account):
            with FileSink(file) as sink, Bar() as bar:
                await house.chain.record(
                    Event.EXPORTED,
                    actor=account_actor(account.account_id),
                    account_id=account.account_id,
                    facts={"format": "zip"},
                )
                documents = await documents_of(house, lease, account)
                now = house.clock.now()
                return await PortableExport(account, sink, documents, house.offload, now, bar).run()

    tell(in_house(context, write), "written")
    say(f"{file}: readable by you alone; whoever gets hold of it reads all this mail.")
