"""Mail is brought over once, exactly, from servers that behave, and from those that do not."""

import asyncio
from datetime import UTC, datetime

import pytest

from mailserver.mail.account import Account
from mailserver.model.errors import MailError, PeerFault, Refused
from mailserver.model.message import Flag, Message
from mailserver.transfer.importing import Importing, Wanted
from mailserver.transfer.naming import Target
from mailserver.transfer.reach import ConnectionLost
from tests.mailserver.transfer.conftest import importing, to
from tests.support.imap_script import (
    PASSWORD,
    USER,
    Box,
    Held,
    Script,
    Talk,
    fetched,
    numbers,
    pretending,
)
from tests.support.mail import MailNode, letter, messages


def a_script(count: int = 3, **other: Box) -> Script:
    held = [Held(uid * 2, letter(f"number {uid}")) for uid in range(1, count + 1)]
    return Script({"INBOX": Box(held), **other})


async def octets(account: Account, name: str = "INBOX") -> list[bytes]:
    return [m.octets.reveal() for m in await messages(account, name, content=True) if m.octets]


async def brought(account: Account, name: str = "INBOX") -> list[Message]:
    return await messages(account, name, content=True)


async def test_octets_flags_and_dates_arrive(account: Account) -> None:
    odd = b"no header\0\xff, no end, bare \n and \r"
    box = Box(
        [
            Held(5, odd, "\\Seen \\Flagged $Junk Work", "31-Dec-1999 23:59:60 -0200"),
            Held(9, b"", "\\Deleted \\Draft \\Answered \\Recent"),
        ]
    )
    async with pretending(Script({"INBOX": box})) as script:
        report = await importing(script, account).run()
        assert (report.messages, report.left) == (2, [])
        first, second = await brought(account)
        assert first.octets is not None
        assert first.octets.reveal() == odd
        assert first.flags == Flag.SEEN | Flag.FLAGGED
        assert first.keywords == {"$Junk", "Work"}
        assert first.internaldate == datetime(2000, 1, 1, 1, 59, 59, tzinfo=UTC)
        assert second.flags == Flag.DELETED | Flag.DRAFT | Flag.ANSWERED
        assert second.size_octets == 0
        assert b"AUTHENTICATE PLAIN" in script.heard[1]
        assert not [line for line in script.heard if PASSWORD.encode() in line]
        assert all(b"SELECT" not in line and b"STORE" not in line for line in script.heard)


async def test_a_second_run_brings_only_what_is_new(account: Account) -> None:
    async with pretending(a_script()) as script:
        await importing(script, account).run()
        script.boxes["INBOX"].messages.append(Held(50, letter("late")))
        assert (await importing(script, account).run()).messages == 1
        assert (await importing(script, account).run()).messages == 0
    assert len(await octets(account)) == 4


async def test_a_server_without_sasl_gets_secrets_as_literals(account: Account) -> None:
    async with pretending(a_script()) as script:
        script.capabilities = "IMAP4rev1"
        assert (await importing(script, account).run()).messages == 3
        at = script.heard.index(USER.encode())
        assert script.heard[at + 1] == PASSWORD.encode()


async def test_no_password_goes_to_who_does_not_want_it(account: Account) -> None:
    async with pretending(a_script()) as script:
        script.capabilities = "IMAP4rev1 LOGINDISABLED AUTH=GSSAPI"
        with pytest.raises(Refused, match="takes no password"):
            await importing(script, account).run()
        assert len(script.heard) <= 2


async def test_gmails_labels_make_one_email_in_several_mailboxes(account: Account) -> None:
    everything = Box(
        [
            Held(1, letter("both"), labels='"\\\\Inbox" Work'),
            Held(2, letter("archived"), labels=""),
            Held(3, letter("important"), labels='"\\\\Important" Work'),
        ],
        "\\All",
    )
    boxes = {"INBOX": Box(), "[Gmail]/All Mail": everything, "Work": Box()}
    async with pretending(Script(boxes, "IMAP4rev1 AUTH=PLAIN SPECIAL-USE X-GM-EXT-1")) as script:
        assert (await importing(script, account).run()).messages == 3
    (inbox,), work, (archived,) = [
        await brought(account, name) for name in ("INBOX", "Work", "Archive")
    ]
    assert [message.email_id for message in work] == [inbox.email_id, archived.email_id + 1]
    assert work[1].keywords == {"$Important"}


async def test_a_hang_up_in_the_middle_costs_nothing(account: Account) -> None:
    async with pretending(a_script(40)) as script:

        async def hang_up(talk: Talk, tag: bytes, command: bytes) -> bool:
            if command.startswith(b"UID FETCH") and script.connections < 4:
                for number, held in enumerate(talk.box.messages[: script.connections * 9], 1):
                    talk.say(fetched(number, held, command))
                talk.say(b"* 1 FETCH (UID 99 BODY[] {1000}\r\nhalf")
                await talk.writer.drain()
                talk.writer.close()
                return True
            return False

        script.answer = hang_up
        assert (await importing(script, account).run()).messages == 40
        assert script.connections == 4
    assert await octets(account) == [letter(f"number {n}") for n in range(1, 41)]


async def test_a_message_at_which_the_server_dies_is_left_behind(account: Account) -> None:
    async with pretending(a_script(10)) as script:

        async def die(talk: Talk, tag: bytes, command: bytes) -> bool:
            if not command.startswith(b"UID FETCH"):
                return False
            asked = numbers(command.split()[2])
            for number, held in enumerate(talk.box.messages, 1):
                if held.uid == 10 and 10 in asked:
                    talk.writer.close()
                    return True
                if held.uid in asked:
                    talk.say(fetched(number, held, command))
            talk.say(tag + b" OK\r\n")
            return True

        script.answer = die
        report = await importing(script, account).run()
    assert (report.messages, [left.what for left in report.left]) == (9, ["message 10"])
    assert len(await octets(account)) == 9


async def test_each_of_several_such_messages_is_left_behind_once(account: Account) -> None:
    async with pretending(a_script(30)) as script:

        async def die(talk: Talk, tag: bytes, command: bytes) -> bool:
            asked = numbers(command.split()[2]) if command.startswith(b"UID FETCH") else set()
            if asked & {2, 8, 60}:
                for number, held in enumerate(talk.box.messages[: min(asked) // 2], 1):
                    if held.uid in asked - {2, 8, 60}:
                        talk.say(fetched(number, held, command))
                talk.writer.close()
                return True
            return False

        script.answer = die
        report = await importing(script, account).run()
    left = sorted(left.what for left in report.left)
    assert (report.messages, left) == (27, ["message 2", "message 60", "message 8"])
    assert len(await octets(account)) == 27


async def test_a_message_that_the_server_cannot_read_is_left_behind(account: Account) -> None:
    async with pretending(a_script(4)) as script:

        async def refuse(talk: Talk, tag: bytes, command: bytes) -> bool:
            if command.startswith(b"UID FETCH"):
                asked = command.split()[2]
                for number, held in enumerate(talk.box.messages, 1):
                    if held.uid != 6 and (b":" in asked or b"," in asked):
                        talk.say(fetched(number, held, command))
                talk.say(tag + b" NO some could not be fetched\r\n")
                return True
            return False

        script.answer = refuse
        report = await importing(script, account).run()
    assert report.messages == 3
    assert [(left.what, left.why) for left in report.left] == [
        ("message 6", "the other server cannot read it")
    ]


async def test_a_message_told_in_parts_and_out_of_order_is_whole(account: Account) -> None:
    async with pretending(a_script(2)) as script:

        async def in_parts(talk: Talk, tag: bytes, command: bytes) -> bool:
            if command.startswith(b"UID FETCH"):
                talk.say(b"* 2 FETCH (UID 4 BODY[] {1}\r\nb)\r\n* 7 EXISTS\r\n")
                talk.say(b"* 2 FETCH (FLAGS (\\Draft))\r\n")
                talk.say(fetched(1, talk.box.messages[0], command) * 2)
                talk.say(b'* 2 FETCH (UID 4 FLAGS (\\Seen) INTERNALDATE "nonsense")\r\n')
                talk.say(b"* 9 FETCH (UID 999 FLAGS () BODY[] {1}\r\nx)\r\n" + tag + b" OK\r\n")
                return True
            return False

        script.answer = in_parts
        assert (await importing(script, account).run()).messages == 2
    assert await octets(account) == [letter("number 1"), b"b"]


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (b"* BYE go away\r\n", ConnectionLost),
        (b"220 smtp.example.org ESMTP\r\n", PeerFault),
        (b"\r\n", PeerFault),
        (b"* OK {5}\r\n", MailError),
    ],
)
async def test_who_is_no_imap_server_is_told_at_once(
    account: Account, greeting: bytes, kind: type[MailError]
) -> None:
    async with pretending(Script({}, capabilities="NOTHING", greeting=greeting)) as script:
        async with asyncio.timeout(10):
            with pytest.raises(kind):
                await importing(script, account).run()
        assert script.connections == 1


async def test_a_wrong_password_is_told_and_tried_once(account: Account) -> None:
    async with pretending(a_script()) as script:

        async def refuse(talk: Talk, tag: bytes, command: bytes) -> bool:
            if command.startswith(b"AUTHENTICATE"):
                talk.say(tag + b" NO [AUTHENTICATIONFAILED] no\r\n")
                return True
            return False

        script.answer = refuse
        with pytest.raises(Refused, match="does not take this user name"):
            await importing(script, account).run()
        assert script.connections == 1


@pytest.mark.parametrize(
    "lie",
    [
        b"* 1 FETCH (UID 2 BODY[] {99999999999999}\r\n",
        b"* 1 FETCH (UID 2 BODY[] (((((\r\n",
        b"A99 OK not what was asked\r\n",
        b"+ what?\r\n",
        b"\xff\xfe OK\r\n",
    ],
)
async def test_lies_end_the_transfer_and_nothing_else(account: Account, lie: bytes) -> None:
    async with pretending(a_script(1)) as script:

        async def tell(talk: Talk, tag: bytes, command: bytes) -> bool:
            if command.startswith(b"UID FETCH"):
                talk.say(lie)
                return True
            return False

        script.answer = tell
        report = await importing(script, account).run()
    assert [left.why for left in report.left] == ["the other server hangs up at it"]


async def test_silence_has_an_end(account: Account) -> None:
    async with pretending(a_script(1)) as script:

        async def be_silent(talk: Talk, tag: bytes, command: bytes) -> bool:
            return command.startswith(b"EXAMINE")

        script.answer = be_silent
        wanted = Wanted(account.arrivals.name(b"silent"))
        silent = Importing(to(script, 0.05), account.arrivals, wanted, pause_seconds=0.001)
        with pytest.raises(ConnectionLost, match="does not answer"):
            await silent.run()


async def test_a_mailbox_numbered_anew_is_said_and_not_doubled(account: Account) -> None:
    async with pretending(a_script(2)) as script:
        await importing(script, account).run()
        script.boxes["INBOX"].validity = 8
        report = await importing(script, account).run()
        assert (report.messages, len(report.left)) == (0, 1)
        assert (await importing(script, account, again=True).run()).messages == 2


async def test_everything_may_go_into_one_mailbox_and_be_deleted_there(account: Account) -> None:
    async with pretending(a_script(2, Other=Box([Held(1, letter("other"))]))) as script:
        wanted = importing(script, account, into=Target("From there"), delete=True)
        assert (await wanted.run()).messages == 3
        assert all(not box.messages for box in script.boxes.values())
        # Behind a server without UIDPLUS nothing but the mark may be left.
        script.capabilities = "IMAP4rev1 AUTH=PLAIN"
        script.boxes["Other"].messages.append(Held(2, letter("more")))
        await importing(script, account, into=Target("From there"), delete=True).run()
        assert len(script.boxes["Other"].messages) == 1
    assert len(await octets(account, "From there")) == 4


async def test_a_mailbox_deleted_meanwhile_is_made_again(account: Account) -> None:
    async with pretending(Script({"Work": Box([Held(1, letter("one"))])})) as script:
        await importing(script, account).run()
        await account.mailboxes.delete("Work")
        assert (await importing(script, account).run()).messages == 1
    assert len(await octets(account, "Work")) == 1


async def test_a_full_account_ends_it_and_more_room_goes_on(
    mail: MailNode, account: Account
) -> None:
    async with pretending(a_script(3)) as script:
        await mail.node.store.accounts.set_quota(account.account_id, 10)
        with pytest.raises(Refused, match="full"):
            await importing(script, account).run()
        await mail.node.store.accounts.set_quota(account.account_id, 1 << 20)
        assert (await importing(script, account).run()).messages == 3


async def test_two_hundred_thousand_numbers_do_not_matter(account: Account) -> None:
    """A mailbox that lost most of its messages has numbers far apart."""
    held = [Held(uid, letter(str(uid))) for uid in (1, 4_294_967_295, 70_000, 200_000)]
    async with pretending(Script({"INBOX": Box(held)})) as script:
        async with to(script)() as session:
            (inbox,), _ = await session.mailboxes()
            await session.open(inbox)
            assert list(await session.uids_after(1)) == [70_000, 200_000, 4_294_967_295]
        assert (await importing(script, account).run()).messages == 4
