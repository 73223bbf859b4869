"""Screening over a real name server: greylisting, standing, first contact, and who is asked."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from mailserver.mail.junk import words_of
from mailserver.model.errors import Condition, Refused, Transient
from mailserver.screening.classifier import ENOUGH, HASH_OCTETS, Model
from mailserver.store.senders import UNIT
from tests.support.dns import DnsServer, standing_zone
from tests.support.mail import MailNode, messages
from tests.support.scanners import GTUBE, rspamd
from tests.support.screening import (
    BAD_IP,
    GOOD_IP,
    RECORDS,
    field_of,
    mail_from,
    mx,
    stranger,
    wrote,
)

REASON = b"X-Zegel-Junk-Reason"
DOUBTFUL = mail_from("who@nowhere.test")
LISTS = {
    "9.113.0.203.addresses.test": ["A 127.0.0.2"],
    "7.100.51.198.addresses.test": ["A 127.255.255.254"],
    "evil.test.domains.test": ["A 127.0.0.2"],
}


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone({**RECORDS, **LISTS}) as server:
        yield server


@pytest.fixture(autouse=True)
async def _alice(mail: MailNode) -> None:
    await (await mail.account()).close()


async def listed(mail: MailNode, name: str) -> list[bytes]:
    account = await mail.sign_in()
    found = await messages(account, name, content=True)
    await account.close()
    return [message.octets.reveal() for message in found if message.octets is not None]


async def test_a_doubtful_sender_comes_again_and_is_remembered(
    mail: MailNode, dns: DnsServer
) -> None:
    clock = mail.node.clock
    async with mx(mail, dns) as door, mx(mail, dns) as other:
        for at in (0, 239):
            clock.advance(timedelta(seconds=at))
            with pytest.raises(Transient) as delayed:
                await door.take(DOUBTFUL, client=stranger(), sender="who@nowhere.test")
            assert delayed.value.condition is Condition.GREYLISTED
        clock.advance(timedelta(seconds=1))
        # another process of the same server, and another machine of the same network
        again = stranger("203.0.113.200")
        assert await other.take(DOUBTFUL, client=again, sender="who@nowhere.test") == [None]
        clock.advance(timedelta(days=20))
        assert await door.take(DOUBTFUL, client=stranger(), sender="who@nowhere.test") == [None]
    assert len(await listed(mail, "INBOX")) == 2


async def test_another_sender_of_the_same_network_waits_for_himself(
    mail: MailNode, dns: DnsServer
) -> None:
    async with mx(mail, dns) as door:
        for sender in ("a@nowhere.test", "a@elsewhere.test"):
            with pytest.raises(Transient):
                await door.take(DOUBTFUL, client=stranger(), sender=sender)
            mail.node.clock.advance(timedelta(minutes=5))


async def test_without_greylisting_nobody_waits(mail: MailNode, dns: DnsServer) -> None:
    async with mx(mail, dns, spam__greylisting=False) as door:
        assert await door.take(DOUBTFUL, client=stranger(), sender=None) == [None]


async def test_our_own_network_does_not_wait(mail: MailNode, dns: DnsServer) -> None:
    async with mx(mail, dns) as door:
        client = stranger("10.0.0.7", "printer")
        assert await door.take(DOUBTFUL, client=client, sender="who@nowhere.test") == [None]


async def test_whom_one_wrote_to_does_not_wait_unless_forged(
    mail: MailNode, dns: DnsServer
) -> None:
    await wrote(mail, "alice@example.org", "bob@there.test")
    shabby = mail_from("bob@there.test", "Re: Old", Date="", Reply_To="<x@collect.test>")
    async with mx(mail, dns, spam__doubtful_points=1.0) as door:
        assert await door.take(shabby) == [None]
        forged = mail_from("bob@there.test")
        with pytest.raises(Transient):
            await door.take(forged, client=stranger(), sender="x@nowhere.test")


async def test_junk_says_why(mail: MailNode, dns: DnsServer) -> None:
    hostile = mail_from(
        "who@nowhere.test", "Re: Invoice", From='"bank@bank.test" <who@examp1e.org>'
    )
    async with mx(mail, dns) as door:
        assert await door.take(hostile, client=stranger(), sender=None) == [None]
    (octets,) = await listed(mail, "Junk")
    words = field_of(octets, REASON)
    assert "imitates one of ours" in words
    assert "shows another address" in words


async def test_a_hopeless_message_is_refused_before_it_is_ours(
    mail: MailNode, dns: DnsServer
) -> None:
    hostile = mail_from("x", "Re: Invoice", From='"bank@bank.test" <who@examp1e.org>')
    async with mx(mail, dns, spam__reject_points=8.0) as door:
        with pytest.raises(Refused) as refused:
            await door.take(hostile, client=stranger(helo="mx.example.org"), sender=None)
    assert refused.value.condition is Condition.UNWANTED


async def test_a_program_is_refused_or_goes_to_junk(mail: MailNode, dns: DnsServer) -> None:
    octets = mail_from(
        "bob@there.test", Content_Type="application/octet-stream; name=invoice.pdf.exe"
    )
    async with mx(mail, dns) as strict, mx(mail, dns, scanners__attachments="junk") as mild:
        with pytest.raises(Refused):
            await strict.take(octets)
        assert await mild.take(octets) == [None]
    (kept,) = await listed(mail, "Junk")
    assert "program (.exe)" in field_of(kept, REASON)


async def test_standing_is_counted_by_who_vouches_and_outlives_a_restart(
    mail: MailNode, dns: DnsServer
) -> None:
    async with mx(mail, dns) as door:
        for _ in range(6):
            assert await door.take(mail_from("bob@there.test")) == [None]
        name = door.spam.past.name("there.test")
    counts, _ = await mail.node.store.senders.look_up([name], [])
    assert counts[name].good == 6 * UNIT
    async with mx(mail, dns) as door:
        opinion = (await door.judged(mail_from("bob@there.test"))).opinion
        assert "good-standing" in {reason.name for reason in opinion.reasons}


async def test_who_wrote_before_is_no_stranger(mail: MailNode, dns: DnsServer) -> None:
    octets = mail_from("bob@there.test")
    async with mx(mail, dns) as door:
        for name in ("first-contact", "known-author"):
            incoming = await door.judged(octets)
            (own,) = await door.spam.each(incoming, incoming.opinion, await door.recipients())
            assert name in {reason.name for reason in own.reasons}


@pytest.mark.parametrize(("client", "named"), [(BAD_IP, True), (GOOD_IP, False)])
async def test_a_list_is_asked_where_the_settings_name_it(
    mail: MailNode, dns: DnsServer, client: str, *, named: bool
) -> None:
    lists = [
        {"name": "Addresses", "role": "address-list", "zone": "addresses.test", "points": 9.0},
        {"name": "Domains", "role": "domain-list", "zone": "domains.test", "points": 9.0},
    ]
    processors = [{**one, "country": "NL", "basis": "EU"} for one in lists]
    body = 'See <a href="https://evil.test/x">this</a>'
    octets = mail_from("bob@there.test", body=body, Content_Type="text/html")
    async with mx(mail, dns, processors=processors, spam__reject_points=99.0) as door:
        assert await door.take(octets, client=stranger(client), sender=None) == [None]
    (kept,) = await listed(mail, "Junk")
    words = field_of(kept, REASON)
    assert "names a domain that is listed by Domains" in words
    assert ("listed by Addresses" in words) is named


async def test_what_a_reader_taught_moves_his_copy_alone(mail: MailNode, dns: DnsServer) -> None:
    await (await mail.account("bob@example.org")).close()
    async with mx(mail, dns, spam__junk_points=3.0, spam__doubtful_points=3.0) as door:
        alice, _ = await door.recipients("alice@example.org", "bob@example.org")
        assert alice.holder is not None
        assert alice.account_id is not None
        guard, model = alice.holder.guard, Model()
        for number in range(ENOUGH):
            for junk, text in ((True, "casino bonus jackpot winner"), (False, "report project")):
                octets = mail_from("who@nowhere.test", "Words", f"{text} {number}")
                hashes = guard.word_hashes(words_of(octets), HASH_OCTETS)
                model.learn(2 * number + junk, hashes, junk=junk)
        await door.spam.junk.save(alice.account_id, guard, model)
        octets = mail_from("ann@there.test", "Words", "casino bonus jackpot winner")
        assert await door.take(octets, "alice@example.org", "bob@example.org") == [None, None]
    (kept,) = await listed(mail, "Junk")
    assert "reads like what you put into Junk" in field_of(kept, REASON)
    bob = await mail.sign_in("bob@example.org")
    (message,) = await messages(bob, content=True)
    assert message.octets is not None
    assert b"X-Zegel-Junk-Reason" not in message.octets.reveal()
    await bob.close()


@pytest.mark.long
async def test_rspamd_scores_in_the_place_of_our_rules(mail: MailNode, dns: DnsServer) -> None:
    async with rspamd() as url, mx(mail, dns, scanners__rspamd=url) as door:
        for subject in ("Tuesday", "our-junk"):
            octets = mail_from("who@nowhere.test", subject)
            assert await door.take(octets, client=stranger(), sender="w@nowhere.test") == [None]
        doubtful = mail_from("who@nowhere.test", "our-doubt")
        with pytest.raises(Transient):  # greylisted by us
            await door.take(doubtful, client=stranger(), sender="w@nowhere.test")
        with pytest.raises(Refused):
            await door.take(mail_from("bob@there.test", body=GTUBE.decode()))
    (kept,) = await listed(mail, "Junk")
    assert field_of(kept, REASON).startswith("it says so itself")
    assert len(await listed(mail, "INBOX")) == 1


async def test_our_own_score_counts_while_rspamd_is_down_if_mail_is_not_to_wait(
    mail: MailNode, dns: DnsServer
) -> None:
    nobody: dict[str, Any] = {"scanners__rspamd": "http://127.0.0.1:1"}
    async with mx(mail, dns, **nobody, scanners__when_down="mark") as door:
        judged = await door.judged(mail_from("bob@there.test"))
        assert "dmarc-pass" in {reason.name for reason in judged.opinion.reasons}
    async with mx(mail, dns, **nobody) as door:
        with pytest.raises(Transient) as down:
            await door.take(mail_from("bob@there.test"))
    assert down.value.condition is Condition.UNAVAILABLE


async def test_a_large_letter_is_judged_off_the_loop(mail: MailNode, dns: DnsServer) -> None:
    octets = mail_from("bob@there.test", body="0123456789abcdef\r\n" * 100_000)
    async with mx(mail, dns) as door:
        assert await door.take(octets) == [None]
    assert len(await listed(mail, "INBOX")) == 1
