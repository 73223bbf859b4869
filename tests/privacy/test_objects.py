"""Objects (PRIVACY §2): T-OBJ-1, 2, 5, 6 and 7, as far as the vault goes."""

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest

from mailserver.crypto.aead import OVERHEAD_OCTETS
from mailserver.crypto.body import CHUNK_OCTETS, HEADER_OCTETS
from mailserver.crypto.context import OWNER_ONLY, FieldId, Kind, Origin
from mailserver.crypto.hpke import PublicKey
from mailserver.crypto.padding import padme_octets
from mailserver.crypto.secret import SecretKey
from mailserver.model.errors import Condition, Corrupt, MailError
from mailserver.model.ids import EpochId, new_object_id
from mailserver.model.sealed import Plaintext, Sealed
from mailserver.vault.epochs import DepositMarks, Deposits, deposit_epoch
from mailserver.vault.seal import ContentKey
from mailserver.vault.session import UnlockedAccount
from tests.support.content_keys import key_octets, opened
from tests.support.vault import Email, Person, a_master

CHUNK = CHUNK_OCTETS + 16


def readers(account: UnlockedAccount) -> dict[str, Callable[[Email], Plaintext]]:
    return {
        "summary": lambda email: account.open_summary(email.epoch, email.object_id, email.summary),
        "body": lambda email: account.open_body(email.epoch, email.object_id, email.body),
        "tail": lambda email: account.open_tail(email.epoch, email.object_id, email.tail),
    }


async def test_t_obj_1_nothing_opens_in_another_messages_place() -> None:
    """Swapped between messages of one epoch, of two epochs, deposited and the owner's."""
    person = Person(a_master())
    account, deposits = await opened(person)
    emails = [await person.deliver(deposits), await person.deliver(deposits)]
    deposits.forget(person.account)
    emails += [
        await person.deliver(deposits),
        await person.append(account),
        await person.append(account),
    ]
    assert len({email.epoch for email in emails}) == 3
    account.open_epochs(person.epochs.rows)
    for name, read in readers(account).items():
        for here, there in permutations(emails, 2):
            assert read(here).reveal()
            for swapped in (
                replace(here, **{name: getattr(there, name)}),
                replace(here, object_id=there.object_id),
            ):
                with pytest.raises(Corrupt) as caught:
                    read(swapped)
                assert caught.value.condition is Condition.DAMAGED
    deposits.close()


async def test_t_obj_1_nothing_opens_as_another_field() -> None:
    person = Person(a_master())
    account, deposits = await opened(person)
    email = await person.deliver(deposits)
    account.open_epochs(person.epochs.rows)
    where = (email.epoch, email.object_id)
    uses: list[Callable[[], Plaintext]] = [
        lambda: account.open_summary(*where, email.tail),
        lambda: account.open_summary(*where, email.body),
        lambda: account.open_tail(*where, email.summary),
        lambda: account.open_body(*where, email.summary),
        lambda: account.open_body(*where, email.tail),
        lambda: account.open(Kind.LOGIN_HISTORY, FieldId.SUMMARY, *where, email.summary),
    ]
    for use in uses:
        with pytest.raises(Corrupt):
            use()
    deposits.close()


async def test_t_obj_1_nothing_opens_in_another_account() -> None:
    """Not even with the epoch row carried along, and not under the other's own epoch."""
    master = a_master()
    ada, eve = Person(master), Person(master)
    deposits = Deposits(ada.marks)
    email, hers = await ada.deliver(deposits), await eve.deliver(deposits)
    assert email.epoch == hers.epoch
    carried = eve.unlock()
    assert carried.open_epochs(ada.epochs.rows) == [email.epoch]
    own = eve.unlock()
    assert own.open_epochs(eve.epochs.rows) == []
    for read in readers(own).values():
        assert read(hers).reveal()
        with pytest.raises(Corrupt):
            read(email)
    deposits.close()


async def test_t_obj_1_a_content_key_opens_under_its_own_number_only() -> None:
    person = Person(a_master())
    account, deposits = await opened(person)
    await person.deliver(deposits)
    deposits.forget(person.account)
    await person.deliver(deposits)
    await person.append(account)
    rows = person.epochs.rows
    for before in (rows, person.converted(account)):
        for here, there in permutations(before, 2):
            swapped = replace(there, epoch=here.epoch)
            assert person.unlock().open_epochs([swapped]) == [here.epoch]
            swapped = replace(here, sealed=there.sealed)
            assert person.unlock().open_epochs([swapped]) == [here.epoch]
    deposits.close()


LONG = os.urandom(400_000)


@pytest.fixture
async def long_email() -> tuple[UnlockedAccount, Email]:
    person = Person(a_master())
    account, deposits = await opened(person)
    email = await person.deliver(deposits, body=LONG)
    account.open_epochs(person.epochs.rows)
    deposits.close()
    return account, email


def altered(blob: bytes) -> dict[str, bytes]:
    """A blob of seven chunks, spoilt in every way that keeps whole chunks, and some that do not."""
    head, chunks = blob[:HEADER_OCTETS], blob[HEADER_OCTETS:]
    parts = [chunks[n : n + CHUNK] for n in range(0, len(chunks), CHUNK)]
    assert len(parts) == 7
    flips = {
        f"one bit of octet {position}": blob[:position]
        + bytes([blob[position] ^ 1])
        + blob[position + 1 :]
        for position in (0, 1, 16, 17, 5_000, HEADER_OCTETS + CHUNK - 1, len(blob) - 1)
    }
    return flips | {
        "last chunk cut off": head + b"".join(parts[:-1]),
        "two chunks left": head + b"".join(parts[:2]),
        "first chunk cut off": head + b"".join(parts[1:]),
        "a chunk missing": head + b"".join(parts[:2] + parts[3:]),
        "two chunks swapped": head + b"".join([parts[1], parts[0], *parts[2:]]),
        "last chunks swapped": head + b"".join([*parts[:-2], parts[-1], parts[-2]]),
        "a chunk twice": head + b"".join([*parts[:3], parts[2], *parts[3:]]),
        "the last chunk twice": head + b"".join([*parts, parts[-1]]),
        "a chunk of zeros added": blob + bytes(CHUNK),
        "an octet added": blob + b"\0",
        "an octet cut off": blob[:-1],
        "cut within a chunk": blob[: HEADER_OCTETS + 3 * CHUNK + 500],
        "header alone": head,
        "nothing": b"",
    }


async def test_t_obj_2_an_altered_body_shows_nothing(
    long_email: tuple[UnlockedAccount, Email],
) -> None:
    account, email = long_email
    assert account.open_body(email.epoch, email.object_id, email.body).reveal() == LONG
    where = (email.epoch, email.object_id)
    for how, blob in altered(email.body).items():
        with pytest.raises(Corrupt) as caught:
            account.open_body(*where, Sealed(blob))
        assert caught.value.condition is Condition.DAMAGED, how
        with pytest.raises(Corrupt):
            account.open_body_range(*where, Sealed(blob), 0, 9)


async def test_t_obj_2_a_chunk_of_another_body_does_not_fit() -> None:
    """Under one content key: each blob has a key of its own."""
    person = Person(a_master())
    account, deposits = await opened(person)
    one, other = (
        await person.deliver(deposits, body=LONG),
        await person.deliver(deposits, body=LONG),
    )
    account.open_epochs(person.epochs.rows)
    second = slice(HEADER_OCTETS + CHUNK, HEADER_OCTETS + 2 * CHUNK)
    mixed = one.body[: second.start] + other.body[second] + one.body[second.stop :]
    assert len(mixed) == len(one.body)
    with pytest.raises(Corrupt):
        account.open_body(one.epoch, one.object_id, Sealed(mixed))
    deposits.close()


async def test_t_obj_6_a_forged_epoch_is_refused() -> None:
    """Whoever has the database and the public key seals a key of his own: HPKE names no sender."""
    person = Person(a_master())
    forger = DepositMarks(a_master())
    public = PublicKey(person.suite, person.identity.public)
    content_key = SecretKey.random()
    row = deposit_epoch(forger, person.identity, public, content_key, EpochId(1))
    forged = ContentKey(content_key, person.account, EpochId(1), Origin.DEPOSIT, person.suite)
    name = new_object_id()
    sealed = forged.seal_email(name, b"From: the director", b"pay at once", b"")
    account = person.unlock()
    for attempt in (
        row,
        replace(row, dep_mac=b""),
        replace(row, dep_mac=bytes(32)),
        replace(row, dep_kid=0),
    ):
        assert account.open_epochs([attempt]) == [1]
        assert account.rewraps([attempt]) == []
        refusal = account.refusal(EpochId(1))
        assert isinstance(refusal, Corrupt)
        assert refusal.condition is Condition.KEY_MISMATCH
        with pytest.raises(Corrupt):
            account.open_body(EpochId(1), name, sealed.body)
    # And it is the mark alone that refused it: the seal itself is good.
    kid, mark = person.marks.mark(person.account, row.epoch, row.generation, row.suite, row.sealed)
    assert account.open_epochs([replace(row, dep_kid=kid, dep_mac=mark)]) == []
    assert account.open_body(EpochId(1), name, sealed.body).reveal() == b"pay at once"


@pytest.mark.parametrize("kind", sorted(OWNER_ONLY))
async def test_t_obj_6_a_deposit_posing_as_owner_data_is_refused(kind: Kind) -> None:
    """Made with a deposit's own content key; refused before and after conversion."""
    person = Person(a_master())
    account, deposits = await opened(person)
    key = await deposits.key_for(person.identity, person.epochs.create)
    posing = ContentKey(
        SecretKey(bytes(key_octets(key))), person.account, key.epoch, Origin.OWNER, key.suite
    )
    name = new_object_id()
    sealed = posing.seal(kind, FieldId.VALUE, name, b"a contact who is none")
    for rows in (person.epochs.rows, person.converted(account)):
        reader = person.unlock()
        assert reader.open_epochs(rows) == []
        with pytest.raises(Corrupt) as caught:
            reader.open(kind, FieldId.VALUE, key.epoch, name, sealed)
        assert caught.value.condition is Condition.KEY_MISMATCH
        as_owner = [replace(row, origin=Origin.OWNER) for row in rows]
        assert person.unlock().open_epochs(as_owner) == [key.epoch]
    deposits.close()


@pytest.mark.parametrize("length", [0, 1, 100, 300, 999, 5_000, 70_000, 300_000])
async def test_t_obj_7_sealed_sizes_fall_on_padme_lengths(length: int) -> None:
    person = Person(a_master())
    account, deposits = await opened(person)
    noise = os.urandom(length)
    email = await person.deliver(deposits, noise, noise, noise)
    key = await account.owner_key(person.epochs.create)
    segment = key.seal_segment(new_object_id(), noise)
    block = key.seal_list_block(new_object_id(), noise)
    for small in (email.summary, email.tail, segment, block):
        content = len(small) - 1 - OVERHEAD_OCTETS
        assert content == padme_octets(content) == padme_octets(length + 1)
    chunks = -(-(len(email.body) - HEADER_OCTETS) // CHUNK)
    content = len(email.body) - HEADER_OCTETS - 16 * chunks
    assert content == padme_octets(content)
    deposits.close()


async def test_t_obj_7_messages_of_like_length_have_one_size() -> None:
    person = Person(a_master())
    account, deposits = await opened(person)
    emails = [await person.deliver(deposits, b"x" * n) for n in range(970, 990)]
    assert len({len(email.summary) for email in emails}) == 1
    assert account.unknown([email.epoch for email in emails])
    deposits.close()


async def test_t_obj_7_no_two_messages_are_compressed_together() -> None:
    """What a message's blob weighs does not depend on what came before it."""
    person = Person(a_master())
    deposits = Deposits(person.marks)
    text = os.urandom(20_000)
    alone = await person.deliver(deposits, body=text)
    again = await person.deliver(deposits, body=text)
    assert len(alone.body) == len(again.body)
    deposits.close()


async def test_one_damaged_message_spoils_no_list() -> None:
    """PRIVACY §2, Errors."""
    person = Person(a_master())
    account, deposits = await opened(person)
    emails = [await person.deliver(deposits, b"%d" % n) for n in range(100)]
    account.open_epochs(person.epochs.rows)
    emails[50] = replace(emails[50], summary=Sealed(os.urandom(60)))
    read = account.open_summaries(emails)
    assert read[50] is None
    assert sum(text is not None for text in read) == 99
    with pytest.raises(MailError):
        account.open_summary(emails[50].epoch, emails[50].object_id, emails[50].summary)
    deposits.close()
