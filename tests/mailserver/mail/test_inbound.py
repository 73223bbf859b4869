"""Mail from outside is refused while it is its sender's, or marked and delivered."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest

from mailserver.mailauth import arc
from mailserver.mailauth.dmarc_record import Policy
from mailserver.mailauth.verdict import Verdict
from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.errors import Condition, Refused, Transient
from tests.support.dkim import published, signing_key, zone
from tests.support.dns import DnsServer, standing_zone
from tests.support.mail import MailNode, messages
from tests.support.screening import HOST, RECORDS, field_of, mail_from, mx, stranger, wrote

REASON, NOTICE, RESULTS = b"X-Zegel-Junk-Reason", b"X-Zegel-Notice", b"Authentication-Results"
SEALER = signing_key(domain="list.test")


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone({**RECORDS, **zone(published([SEALER]))}) as server:
        yield server


async def only(mail: MailNode, name: str = "INBOX") -> bytes:
    account = await mail.sign_in()
    (message,) = await messages(account, name, content=True)
    await account.close()
    assert message.octets is not None
    return message.octets.reveal()


@pytest.fixture
async def alice(mail: MailNode) -> None:
    await (await mail.account()).close()


@pytest.mark.usefixtures("alice")
async def test_what_passes_is_marked_and_delivered(mail: MailNode, dns: DnsServer) -> None:
    async with mx(mail, dns) as door:
        assert await door.take(mail_from("bob@there.test")) == [None]
    octets = await only(mail)
    assert field_of(octets, RESULTS).startswith(f"{HOST};")
    assert "dmarc=pass" in field_of(octets, RESULTS)
    assert not field_of(octets, REASON)
    assert octets.startswith(b"Return-Path: <bob@there.test>\r\nAuthentication-Results:")


@pytest.mark.usefixtures("alice")
async def test_the_policy_reject_refuses(mail: MailNode, dns: DnsServer) -> None:
    async with mx(mail, dns) as door:
        with pytest.raises(Refused) as refused:
            await door.take(
                mail_from("boss@refusing.test"), client=stranger(), sender="x@there.test"
            )
    assert refused.value.condition is Condition.UNAUTHENTIC
    assert "refusing.test" in refused.value.text


@pytest.mark.usefixtures("alice")
async def test_the_policy_quarantine_goes_to_junk_with_its_reason(
    mail: MailNode, dns: DnsServer
) -> None:
    async with mx(mail, dns, spam__greylisting=False) as door:
        octets = mail_from("boss@careful.test")
        assert await door.take(octets, client=stranger(), sender="x@there.test") == [None]
    assert "did not send it" in field_of(await only(mail, "Junk"), REASON)


@pytest.mark.usefixtures("alice")
async def test_without_a_policy_it_is_marked(mail: MailNode, dns: DnsServer) -> None:
    async with mx(mail, dns, spam__greylisting=False) as door:
        assert await door.take(mail_from("bob@there.test"), sender="bob@nowhere.test") == [None]
    octets = await only(mail)
    assert "dmarc=fail" in field_of(octets, RESULTS)


@pytest.mark.usefixtures("alice")
async def test_fields_that_pretend_to_be_ours_are_taken_out(mail: MailNode, dns: DnsServer) -> None:
    forged = (
        f"Authentication-Results: {HOST}; dmarc=pass header.from=forged.test\r\n"
        "X-Zegel-Junk-Reason: none\r\n at all\r\nx-zegel-notice: trust me\r\n"
        "Authentication-Results: other.test; spf=pass\r\n"
    ).encode()
    async with mx(mail, dns) as door:
        assert await door.take(forged + mail_from("bob@there.test")) == [None]
    octets = await only(mail)
    assert b"forged.test" not in octets
    assert b"at all" not in octets
    assert not field_of(octets, REASON)
    assert not field_of(octets, NOTICE)
    assert b"Authentication-Results: other.test" in octets


def forwarded() -> bytes:
    """A list changed a message and sealed what it had found."""
    original = mail_from("boss@refusing.test")
    found = b"Authentication-Results: list.test;\r\n\tdmarc=pass header.from=refusing.test\r\n"
    seals = arc.seal(
        original, SEALER, results=found, chain=_no_chain(), now=datetime(2026, 1, 1, tzinfo=UTC)
    )
    return seals + original


def _no_chain() -> arc.Arc:
    return arc.Arc(arc.ArcResult.NONE, "")


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.usefixtures("alice")
async def test_a_trusted_forwarders_word_counts_and_nobody_elses(
    mail: MailNode, dns: DnsServer, *, trusted: bool
) -> None:
    trust = frozenset({"list.test"}) if trusted else frozenset()
    async with mx(mail, dns, trust, spam__greylisting=False) as door:
        octets = forwarded()
        if trusted:
            assert await door.take(octets, client=stranger(), sender="l@list.test") == [None]
        else:
            with pytest.raises(Refused):
                await door.take(octets, client=stranger(), sender="l@list.test")


@pytest.mark.usefixtures("alice")
async def test_each_recipient_gets_what_holds_for_him(mail: MailNode, dns: DnsServer) -> None:
    await (await mail.account("bob@example.org")).close()
    octets = mail_from("ann@there.test", "Re: WINNER", Reply_To="<x@collect.test>")
    async with mx(mail, dns, spam__junk_points=1.0, spam__doubtful_points=1.0) as door:
        await wrote(mail, "bob@example.org", "Ann@there.test")
        assert await door.take(octets, "alice@example.org", "bob@example.org") == [None, None]
    assert field_of(await only(mail, "Junk"), REASON)
    account = await mail.sign_in("bob@example.org")
    (message,) = await messages(account, content=True)
    assert message.octets is not None
    assert not field_of(message.octets.reveal(), REASON)
    await account.close()


@pytest.mark.usefixtures("alice")
async def test_each_reader_is_told_why_in_his_own_language(mail: MailNode, dns: DnsServer) -> None:
    await (await mail.account("bob@example.org")).close()
    bob = await mail.node.directory.find(Address("bob", "example.org"))
    await mail.node.desk.languages.speak(bob.account_id, "fr")
    octets = mail_from("x@careful.test")
    async with mx(mail, dns) as door:
        both = ("alice@example.org", "bob@example.org")
        assert await door.take(octets, *both, client=stranger()) == [None, None]
    said = {}
    for address in both:
        account = await mail.sign_in(address)
        (kept,) = await messages(account, "Junk", content=True)
        assert kept.octets is not None
        header = message_from_bytes(kept.octets.reveal(), policy=default)
        said[address] = str(header["X-Zegel-Junk-Reason"])
        await account.close()
    assert "its author's domain did not send it" in said["alice@example.org"]
    assert "le domaine de l'auteur ne l'a pas envoyé" in said["bob@example.org"]


@pytest.mark.usefixtures("alice")
async def test_what_begins_here_is_not_judged(mail: MailNode, dns: DnsServer) -> None:
    async with mx(mail, dns):
        assert await mail.deliver(mail_from("boss@refusing.test"), "alice@example.org") == [None]
    assert not field_of(await only(mail), RESULTS)


@pytest.mark.usefixtures("alice")
async def test_reports_count_what_was_taken_or_refused_and_not_what_comes_again(
    mail: MailNode, dns: DnsServer
) -> None:
    told: list[tuple[str, str]] = []

    def note(verdict: Verdict, _client: Client, applied: Policy) -> None:
        told.append((verdict.dmarc.author, applied.value))

    async with mx(mail, dns) as door:
        door.inbound.on_judged = note
        await door.take(mail_from("bob@there.test"))
        with pytest.raises(Refused):
            await door.take(
                mail_from("boss@refusing.test"), client=stranger(), sender="x@there.test"
            )
        with pytest.raises(Transient):  # greylisted
            await door.take(mail_from("a@nowhere.test"), client=stranger(), sender="a@nowhere.test")
    assert told == [("there.test", "none"), ("refusing.test", "reject")]
