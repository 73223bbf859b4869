"""T-KEY-2 on the files of a real server: what a thief opens who took all but a user's secret.

The thief has this program, and uses it at every level: rows and windows of octets as keys of the
ciphers, the vault with whatever it could be given, the sign-in, the whole mail service. (a) With
database, blobs and keystore, but without MASTER, nothing opens, sealed or guarded. (b) With MASTER
guarded data opens, as PRIVACY §0 says; sealed data does not. Given one app password, the same
attempts open everything: they would have worked.
"""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.crypto.kdf import hkdf
from mailserver.crypto.secret import SecretKey
from mailserver.model.errors import Corrupt, MailError, Refused
from mailserver.vault.account_key import AccountKey
from mailserver.vault.epochs import DepositMarks
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import open_account
from mailserver.vault.session import UnlockedAccount
from tests.support.server import Server, databases
from tests.support.thief import (
    Loot,
    account_key_of,
    as_they_lie,
    derived,
    ends,
    of_master,
    open_epochs,
    open_names,
    open_objects,
    opened_rows,
    signed_in,
    take,
    thief,
    unwrap_epochs,
    use,
    windows,
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
async def loot(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Loot]:
    """Everything a server left, copied after its end."""
    async with databases(request.param) as options:
        server = Server(tmp_path / "server", *options)
        try:
            server.start()
            use(server)
            assert server.stop() == 0
        finally:
            server.kill()
        data = shutil.copytree(server.data, tmp_path / "loot" / "data")
        keys = shutil.copytree(server.data.with_name("data.keys"), tmp_path / "loot" / "keys")
        files = (data / "zegel.sqlite3", keys / "keystore" / "keystore.sqlite3")
        database, keystore = options[1::2] or [f"sqlite:///{file}" for file in files]
        yield Loot(
            database=database,
            keystore=keystore,
            blobs=data / "blobs",
            master=keys / "secrets" / "master.key",
            login=server.user()[0],
            secret=server.user()[1],
        )


async def test_t_key_2_without_master_nothing_opens(loot: Loot, tmp_path: Path) -> None:
    """(a) Neither sealed nor guarded, by keys from the rows or by the program itself."""
    everything = await take(loot)
    values = as_they_lie(everything)
    keys, runs = ends(values), windows(values)
    keys |= derived(keys)
    assert len(keys) > 500
    assert len(runs) > 1_000
    for taken in everything:
        assert sum(open_objects(taken, key) + open_names(taken, key) for key in keys) == 0
        assert sum(unwrap_epochs(taken, key) for key in keys | runs) == 0
    # What was taken as MASTER itself; it opens no row, and so no account.
    first = everything[0]
    for key in keys | runs:
        guess = MasterKeys({1: SecretKey(key)}, 1)
        with pytest.raises(Corrupt):
            open_account(guess, first.account, first.row.sealed)
    # The whole program, with a master key of the thief's own and the right secret even.
    with pytest.raises(MailError):
        await signed_in(loot, tmp_path, thief(), loot.secret)


async def test_t_key_2_with_master_no_sealed_object_opens(loot: Loot, tmp_path: Path) -> None:
    """(b) MASTER opens rows, names and marks; of what is sealed it opens nothing.

    So T-AUTH-4: the row of a web session, without its cookie, is among what was taken.
    """
    everything = await take(loot)
    assert any(taken.sessions for taken in everything)
    master = MasterKeys.load(loot.master)
    values, inside = as_they_lie(everything), list(opened_rows(everything, master))
    assert any(loot.login.encode() in octets for octets in inside), "the rows are open"
    values += [*inside, *of_master(loot, master)]
    keys, runs = ends(values), windows(values)
    labelled = derived(keys)
    for taken in everything:
        record = open_account(master, taken.account, taken.row.sealed)
        assert open_names(taken, record.guard_key) == len(taken.mailboxes)  # guarded: it is said
        assert sum(open_objects(taken, key) for key in keys | labelled) == 0
        assert sum(unwrap_epochs(taken, key) for key in keys | labelled | runs) == 0
        assert sum(open_epochs(taken, master, key) for key in keys) == 0
    for wrong in ("", "aaaa-bbbb-cccc-dddd-eeee-ffff-gggg-hhhh", loot.secret[:-1] + "9"):
        with pytest.raises(Refused):
            await signed_in(loot, tmp_path, master, wrong)


async def test_t_key_2_with_a_secret_the_same_attempts_open_everything(
    loot: Loot, tmp_path: Path
) -> None:
    """The control: nothing above failed because it was tried the wrong way."""
    everything = await take(loot)
    master = MasterKeys.load(loot.master)
    taken = next(each for each in everything if len(each.objects) > 5)
    amk = account_key_of(taken, master, loot.secret)
    assert len(taken.objects) >= 18
    assert open_epochs(taken, master, amk) == len(taken.epochs) >= 2
    record = open_account(master, taken.account, taken.row.sealed)
    own = AccountKey(SecretKey(amk), 1, record.generations[0].suite)
    storage = bytes(hkdf(amk, b"storage" + bytes([own.suite])))
    assert unwrap_epochs(taken, storage) >= 1
    content_keys = set()
    unlocked = UnlockedAccount(taken.account, record, own, DepositMarks(master))
    unlocked.open_epochs(taken.epochs)
    for row in taken.epochs:
        content_keys.add(bytes(unlocked._opened[row.epoch].key.octets))
    assert sum(open_objects(taken, key) for key in content_keys) == len(taken.objects)
    assert await signed_in(loot, tmp_path, master, loot.secret) == 3
