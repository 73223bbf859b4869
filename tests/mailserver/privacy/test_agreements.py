"""The agreement with customers: no accounts before it is accepted, receipts that prove it."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from mailserver.accounts.domain_rules import DomainRules
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.provisioning import Provisioning
from mailserver.app.registers import Books
from mailserver.audit.checkpoint import create_key, load_key
from mailserver.audit.entry import Event, decode
from mailserver.crypto.sign import SigningKey
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Conflict, Corrupt, PeerFault, Refused
from mailserver.privacy.agreement import Signatory, Standing, check_receipt, differences
from mailserver.privacy.agreements import Agreements
from mailserver.privacy.announcement_texts import LANGUAGES, announced
from mailserver.runtime.clock import ManualClock
from tests.support.accounts import CHEAP, PASSWORD, QUOTA, Node, open_node
from tests.support.books import books_of

DAY = timedelta(days=1)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)  # thirty days later is a Wednesday
BAKERY = "Bakkerij Noël B.V."
ONE = "Artikel 1. Wij verwerken e-mail.\nArtikel 2. Wij melden een inbreuk binnen 24 uur.\n"
TWO = ONE.replace("24", "12")
ANN = Signatory("Ann Joris", "director", True, "198.51.100.7")


@pytest.fixture
async def node(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, ManualClock(MONDAY))
    yield opened
    await opened.close()


@pytest.fixture
def books(node: Node, tmp_path: Path) -> Books:
    create_key(tmp_path / "audit.key")
    return books_of(
        node,
        keys__audit_file=tmp_path / "audit.key",
        organisation__name="Ann's hosting",
        organisation__country="NL",
    )


@pytest.fixture
def agreements(books: Books) -> Agreements:
    return books.papers.agreements


async def customer_domain(node: Node, name: str, customer: str) -> Provisioning:
    """Take mail for a customer's domain; return what makes accounts, as the server has it."""
    await node.provisioning.add_domain(name)
    await DomainRules(node.keyring, node.directory, node.chain).set_customer(name, customer)
    return node.provisioning


def gated(node: Node, agreements: Agreements) -> Provisioning:
    return Provisioning(
        *(node.store, node.keyring, node.sessions, node.chain, Hashing(node.offload), node.clock),
        argon2_parameters=CHEAP,
        contracted=agreements.check,
    )


async def account(provisioning: Provisioning, address: str) -> None:
    await provisioning.add_user(Address.parse(address), PASSWORD, quota_octets=QUOTA)


async def test_t_dpa_1_a_customer_has_no_accounts_before_it_accepts(
    node: Node, agreements: Agreements
) -> None:
    provisioning = gated(node, agreements)
    await customer_domain(node, "bakery.example", BAKERY)
    with pytest.raises(Refused, match=BAKERY):
        await account(provisioning, "noel@bakery.example")
    await agreements.publish(ONE, "nl")
    with pytest.raises(Refused, match="has not accepted"):
        await account(provisioning, "noel@bakery.example")
    assert await node.store.accounts.by_address("noel@bakery.example") is None
    await agreements.accept("Somebody else", ANN)
    with pytest.raises(Refused):
        await account(provisioning, "noel@bakery.example")
    await agreements.accept(f"  {BAKERY.upper()} ", ANN)  # one customer, however it is written
    await account(provisioning, "noel@bakery.example")
    await agreements.end(BAKERY)
    with pytest.raises(Refused):
        await account(provisioning, "eva@bakery.example")


async def test_t_dpa_1_our_own_and_private_domains_are_not_asked(
    node: Node, agreements: Agreements
) -> None:
    await customer_domain(node, "bakery.example", BAKERY)
    await node.provisioning.add_domain("ours.example")
    await account(gated(node, agreements), "ann@ours.example")
    await customer_domain(node, "private.example", "")
    await account(gated(node, agreements), "bob@private.example")
    assert await node.provisioning.customers() == {BAKERY: ["bakery.example"]}


async def test_t_dpa_1_who_knows_of_no_agreements_makes_no_accounts_for_customers(
    node: Node,
) -> None:
    await customer_domain(node, "bakery.example", BAKERY)
    with pytest.raises(Refused, match="no agreement"):
        await account(node.provisioning, "noel@bakery.example")


async def test_t_dpa_1_a_receipt_proves_who_accepted_which_text(
    agreements: Agreements, tmp_path: Path
) -> None:
    text = await agreements.publish(ONE, "nl")
    accepted = await agreements.accept(BAKERY, ANN)
    said = check_receipt(load_key(tmp_path / "audit.key").public, accepted.receipt)
    assert said["sha256"] == text.sha256 == sha256(ONE.encode()).hexdigest()
    assert (said["processor"], said["controller"]) == ("Ann's hosting", BAKERY)
    assert (said["signatory"], said["role"], said["authority"]) == ("Ann Joris", "director", True)
    assert said["network"] == "198.51.100.0/24"
    assert "198.51.100.7" not in accepted.receipt
    assert said["accepted"] == MONDAY.isoformat()
    assert accepted.receipt_sha256 == sha256(accepted.receipt.encode()).hexdigest()


async def test_t_dpa_1_a_receipt_that_was_altered_or_is_anothers_is_refused(
    agreements: Agreements, tmp_path: Path
) -> None:
    await agreements.publish(ONE, "nl")
    receipt = (await agreements.accept(BAKERY, ANN)).receipt
    public = load_key(tmp_path / "audit.key").public
    with pytest.raises(Corrupt):
        check_receipt(public, receipt.replace("Ann Joris", "Eva Joris"))
    with pytest.raises(Corrupt):
        check_receipt(SigningKey.random().public, receipt)
    for text in ("", "[]", "{}", receipt.replace('"schema": 1', '"schema": 2')):
        with pytest.raises(PeerFault, match="no receipt"):
            check_receipt(public, text)


async def test_a_signatory_says_that_he_may_and_has_a_name(agreements: Agreements) -> None:
    with pytest.raises(Absent):
        await agreements.accept(BAKERY, ANN)  # nothing is published
    await agreements.publish(ONE, "nl")
    with pytest.raises(Refused, match="may sign"):
        await agreements.accept(BAKERY, Signatory("Ann", "director", False))
    for who in (Signatory(" ", "director", True), Signatory("Ann", "", True)):
        with pytest.raises(PeerFault):
            await agreements.accept(BAKERY, who)
    await agreements.accept(BAKERY, ANN)
    with pytest.raises(Conflict):
        await agreements.accept(BAKERY, ANN)
    assert len(await agreements.acceptances()) == 1


async def test_t_dpa_1_a_new_version_runs_thirty_days_beside_the_old_one(
    node: Node, agreements: Agreements
) -> None:
    provisioning = gated(node, agreements)
    await customer_domain(node, "bakery.example", BAKERY)
    await agreements.publish(ONE, "nl")
    await agreements.accept(BAKERY, ANN)
    new = await agreements.publish(TWO, "nl")
    assert new.version == 2
    due = await agreements.due(BAKERY)
    assert due == datetime(2026, 4, 1, 22, tzinfo=UTC)  # the end of 1 April in Amsterdam
    node.clock.advance(due - node.clock.now() - timedelta(seconds=1))
    await account(provisioning, "noel@bakery.example")
    node.clock.advance(timedelta(seconds=1))
    assert await agreements.standing(BAKERY) is Standing.LATE
    with pytest.raises(Refused, match="new version"):
        await account(provisioning, "eva@bakery.example")
    await agreements.accept(BAKERY, ANN)
    await account(provisioning, "eva@bakery.example")
    first, second = await agreements.acceptances()
    assert (first.over_at, second.over_at) == (datetime(2026, 12, 31, 23, tzinfo=UTC), None)


async def test_a_customer_is_reminded_of_a_new_version(node: Node, agreements: Agreements) -> None:
    await agreements.publish(ONE, "nl")
    await agreements.accept(BAKERY, ANN)
    await agreements.publish(TWO, "nl")
    reminded = []
    for day in range(34):
        if await agreements.remind([BAKERY, "Somebody else"]):
            reminded.append(day)
        node.clock.advance(DAY)
    assert reminded == [17, 24, 29, 31]  # 14, 7 and 2 days before the end of day 30, and behind it
    await agreements.accept(BAKERY, ANN)
    assert await agreements.remind([BAKERY]) == []


async def test_versions_are_told_apart_and_translated(agreements: Agreements) -> None:
    one = await agreements.publish(ONE, "nl")
    english = await agreements.publish("Article 1. We process mail.", "en", translates=1)
    assert (english.version, one.version) == (1, 1)
    with pytest.raises(Conflict):
        await agreements.publish("Article 1.", "en", translates=1)
    with pytest.raises(Conflict, match="stands"):
        await agreements.publish(ONE, "nl")
    with pytest.raises(Absent):
        await agreements.publish("Artikel 9.", "nl", translates=9)
    for text, language in ((" ", "nl"), ("Artículo 1.", "es")):
        with pytest.raises(PeerFault):
            await agreements.publish(text, language)
    two = await agreements.publish(TWO, "nl")
    lines = differences(one, two)
    assert "-Artikel 2. Wij melden een inbreuk binnen 24 uur." in lines
    assert "+Artikel 2. Wij melden een inbreuk binnen 12 uur." in lines
    assert " Artikel 1. Wij verwerken e-mail." in lines
    assert (await agreements.text()).sha256 == two.sha256
    assert (await agreements.text(1, "en")).text.startswith("Article")
    with pytest.raises(Absent):
        await agreements.text(2, "en")


async def test_what_is_accepted_is_in_the_audit_log_and_not_in_the_database(
    node: Node, agreements: Agreements
) -> None:
    await agreements.publish(ONE, "nl")
    await agreements.accept(BAKERY, ANN)
    entries = [decode(row.entry) for row in await node.store.audit.rows(0, 100)]
    changed = [one.facts for one in entries if one.event is Event.REGISTER_CHANGED]
    assert [facts["register"] for facts in changed] == ["dpa", "acceptance"]
    assert "Joris" not in str(changed)


async def test_a_processor_is_announced_thirty_days_ahead(node: Node, books: Books) -> None:
    announcements = books.papers.announcements
    with pytest.raises(Refused, match="2026-04-01"):
        await announcements.announce(
            "Scanners", "scanner", "IE", "agreement", begins=date(2026, 3, 31)
        )
    told = await announcements.announce("Scanners", "scanner", "IE", "agreement")
    assert told.begins == date(2026, 4, 1)
    objection = await announcements.object(told.number, BAKERY, "They are outside of our reach.")
    assert (objection.customer, objection.announcement) == (BAKERY, told.number)
    with pytest.raises(Absent):
        await announcements.object(99, BAKERY, "no")
    with pytest.raises(PeerFault):
        await announcements.object(told.number, BAKERY, " ")
    with pytest.raises(PeerFault):
        await announcements.announce("Scanners", "", "IE", "agreement")
    assert await announcements.unannounced(["scanners", "Others"]) == ["scanners", "Others"]
    node.clock.advance(30 * DAY)
    assert await announcements.unannounced(["scanners", "Others"]) == ["Others"]
    assert await books.papers.agreements.texts() == []  # an announcement is no text
    for language in LANGUAGES:
        letter = announced(told, language, "Ann's hosting")
        assert "Scanners" in letter
        assert "2026-04-01" in letter
        assert "{" not in letter


async def test_a_processor_that_came_unannounced_is_found(node: Node, books: Books) -> None:
    scanner = {"name": "Scanners", "role": "scanner", "host": "scan.example.net"}
    scanner |= {"country": "IE", "basis": "agreement"}
    await books.processing.record()
    with_it = books_of(node, processors=[scanner])
    assert await with_it.papers.unannounced() == []  # there are no customers to tell
    await customer_domain(node, "bakery.example", BAKERY)
    assert await with_it.papers.unannounced() == ["Scanners"]
    assert await books.papers.unannounced() == []
