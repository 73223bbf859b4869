"""How each category of the table of retention comes to be, and how much of it is left."""

import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from mailserver.accounts.addresses import Addresses
from mailserver.accounts.visitor import Visitor
from mailserver.audit.entry import OPERATOR, Event
from mailserver.model.address import Address
from mailserver.model.ids import AccountId, EpochId, new_object_id
from mailserver.model.sealed import Guarded, Plaintext, Sealed
from mailserver.store.greylist import FIRST_KEPT
from mailserver.store.keystore_tables import Rows
from mailserver.store.login_history import HistoryRow
from mailserver.store.reports import NewReport, Observed, ReportKind, day_of
from mailserver.store.senders import Acquaintance, Counts, Known
from mailserver.transfer.exports import KEPT
from tests.support.accounts import PEER, Node
from tests.support.books import count
from tests.support.mail import MailNode, append, letter

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
ALICE = Address.parse("alice@example.org")
HERE = Visitor(PEER, "Firefox on Linux")
NEW = Plaintext(b"nine paper lanterns over a canal")


async def owner(mail: MailNode) -> AccountId:
    return (await mail.node.user(str(ALICE))).account_id


async def tossed(mail: MailNode, name: str, body: str = "Words.") -> None:
    account = await mail.account()
    await append(account, letter(body=body, Message_ID="<one@example.org>"), name=name)


async def trash(mail: MailNode) -> None:
    await tossed(mail, "Trash")


async def junk(mail: MailNode) -> None:
    await tossed(mail, "Junk")


async def inbox(mail: MailNode) -> None:
    await tossed(mail, "INBOX")


async def history(mail: MailNode) -> None:
    row = HistoryRow(new_object_id(), mail.node.clock.now(), EpochId(1), Sealed(b"sealed"))
    await mail.node.store.login_history.add(
        *(await owner(mail), row, b"d" * 16),
        failures=b"f" * 16,
        since=mail.node.clock.now() - DAY,
    )


async def correspondents(mail: MailNode) -> None:
    met = Acquaintance(await owner(mail), b"h" * 16, Known.WROTE_TO)
    await mail.node.store.senders.note({}, [met])


async def recipients(mail: MailNode) -> None:
    await mail.node.store.sending.charge(await owner(mail), [], hashes=[b"h" * 16])


async def remembered(mail: MailNode) -> None:
    until = mail.node.clock.now() + 7 * DAY
    await mail.node.store.sieve.remember(await owner(mail), [(b"h" * 16, until)])


async def reputations(mail: MailNode) -> None:
    await mail.node.store.senders.note({b"h" * 16: Counts(1024, 0)}, [])


async def greylisted(mail: MailNode) -> None:
    await mail.node.store.greylist.has_waited([b"h" * 16], HOUR)


async def audited(mail: MailNode) -> None:
    await mail.node.chain.record(Event.DOMAIN_ADDED, actor=OPERATOR)
    await mail.node.chain.tend()


async def reported(mail: MailNode) -> None:
    new = NewReport("example.org", b"r" * 16, ReportKind.DMARC, True, 1, 0, Guarded(b"report"))
    await mail.node.store.reports.add(new)


async def observed(mail: MailNode) -> None:
    today = day_of(mail.node.clock.now())
    seen = Observed(ReportKind.TLS, today, b"d" * 16, b"n" * 16, 1, Guarded(b"line"))
    await mail.node.store.reports.observe([seen])


async def policy(mail: MailNode) -> None:
    until = mail.node.clock.now() + 10 * DAY
    await mail.node.store.sts_policies.put(b"d" * 16, Guarded(b"policy"), until=until)


async def session(mail: MailNode) -> None:
    user = await mail.node.user(str(ALICE))
    lease = await mail.node.unlocked(user)
    account = await mail.node.keyring.account(user.account_id)
    await mail.node.desk.web_sessions.begin(account, lease.account.key, HERE)
    await lease.close()


async def asked_for(mail: MailNode) -> None:
    account = await mail.account()
    await account.exports.begin(b"", 0, mail.node.clock.now() + KEPT)


async def pushed(mail: MailNode) -> None:
    user = await mail.node.user(str(ALICE))
    until = mail.node.clock.now() + 7 * DAY
    cell = Guarded(b"subscription")
    await mail.node.store.pushes.add(user.account_id, new_object_id(), cell, until, at_most=1)


async def link(mail: MailNode) -> None:
    await mail.node.provisioning.add_domain("example.org")
    await mail.node.desk.invitations.invite(ALICE, quota_octets=1 << 20)


async def vault(mail: MailNode) -> None:
    await owner(mail)
    token = await mail.node.desk.resets.issue(ALICE)
    at = await mail.node.desk.resets.ask(token, HERE, None)
    mail.node.clock.advance(at - mail.node.clock.now())
    await mail.node.desk.resets.finish(token, NEW, HERE, None)


async def former(mail: MailNode) -> None:
    await owner(mail)
    node, desk = mail.node, Address.parse("desk@example.org")
    addresses = Addresses(node.store, node.keyring, node.directory, node.chain, node.clock, nobody)
    await addresses.add_alias(ALICE, desk)
    await addresses.remove_alias(desk)


async def nobody(*_: object) -> None: ...


def rows_in(table: str, where: str = "1 = 1") -> Callable[[Node], Awaitable[int]]:
    return lambda node: count(node, table, where)


def rows_of(rows: Rows) -> Callable[[Node], Awaitable[int]]:
    async def counted(node: Node) -> int:
        return sum((await node.keystore.kids(rows)).values())

    return counted


def date_back(directory: Path, to: datetime) -> None:
    """Let every stored object have been written at that time."""
    for path in directory.rglob("blobs/??/??/*"):
        os.utime(path, times=(0, to.timestamp()))


class Case(NamedTuple):
    """How something comes to be, when it ends, and how much of it there is."""

    fill: Callable[[MailNode], Awaitable[None]]
    kept: timedelta
    left: Callable[[Node], Awaitable[int]]


NOON = 12 * HOUR
"""The clock starts at noon of a Thursday; weeks since 1970 begin on Thursdays."""
CASES = {
    "trash": Case(trash, 30 * DAY, rows_in("entries")),
    "junk": Case(junk, 30 * DAY, rows_in("entries")),
    "change-log": Case(inbox, 30 * DAY, rows_in("changes")),
    "login-history": Case(history, 90 * DAY, rows_in("login_history")),
    "correspondents": Case(correspondents, 400 * DAY + NOON, rows_in("correspondents")),
    "known-recipients": Case(recipients, 365 * DAY, rows_in("sending_known")),
    "filter-memory": Case(remembered, 7 * DAY, rows_in("sieve_seen")),
    "reputations": Case(reputations, 98 * DAY - NOON, rows_in("reputations")),
    "greylist": Case(greylisted, FIRST_KEPT, rows_in("greylist")),
    "audit": Case(audited, 365 * DAY, rows_in("audit", "seq = 1")),
    "reports": Case(reported, 30 * DAY, rows_in("received_reports")),
    "observations": Case(observed, 4 * DAY + NOON, rows_in("observations")),
    "policies": Case(policy, 10 * DAY, rows_in("sts_policies")),
    "sessions": Case(session, DAY, rows_of(Rows.SESSIONS)),
    "push-subscriptions": Case(pushed, 7 * DAY, rows_in("push_subscriptions")),
    "exports": Case(asked_for, 7 * DAY, rows_in("exports")),
    "links": Case(link, 7 * DAY, rows_of(Rows.LINKS)),
    "vaults": Case(vault, 90 * DAY, rows_of(Rows.VAULTS)),
    "former-addresses": Case(former, 365 * DAY, rows_of(Rows.TOMBS)),
}
