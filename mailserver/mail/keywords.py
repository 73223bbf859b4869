"""The keywords of one account: numbers in its entries, guarded names in a table of their own.

Names are guarded, not sealed, so that mail can be given keywords while its owner is away.
"""

import unicodedata
from collections.abc import Iterable

from mailserver.model.errors import Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.model.message import KEYWORD_OCTETS, KEYWORDS_PER_ACCOUNT, Keywords
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, Kind


class KeywordTable:
    """What has been read of an account's keywords; a number once given stays."""

    def __init__(self, store: Store, account_id: AccountId, guard: AccountGuard) -> None:
        """Begin with nothing read."""
        self._store = store
        self._account_id = account_id
        self._guard = guard
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._sets: dict[tuple[int, ...], Keywords] = {(): frozenset()}

    async def numbers(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the numbers of keywords, in order; new ones are entered in the account's table.

        Raises:
            Refused: a name is too long, or the account has too many.
        """
        numbers = []
        for name in (unicodedata.normalize("NFC", name) for name in names):
            key = name.casefold()
            if key not in self._numbers:
                await self._read()
            if key not in self._numbers:
                await self._add(name)
            numbers.append(self._numbers[key])
        return tuple(sorted(set(numbers)))

    async def known(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the numbers of those keywords that the account has."""
        wanted = [unicodedata.normalize("NFC", name).casefold() for name in names]
        if any(name not in self._numbers for name in wanted):
            await self._read()
        return tuple(sorted({self._numbers[n] for n in wanted if n in self._numbers}))

    async def all(self) -> Keywords:
        """Return every keyword of the account, read now: another node may have added some."""
        await self._read()
        return frozenset(self._names.values())

    async def names(self, numbers: tuple[int, ...]) -> Keywords:
        """Return the names behind the numbers an entry holds."""
        names = self._sets.get(numbers)
        if names is None:
            if any(number not in self._names for number in numbers):
                await self._read()
            names = frozenset(self._names[number] for number in numbers)
            self._sets[numbers] = names
        return names

    def at_hand(self, numbers: tuple[int, ...]) -> Keywords | None:
        """Return what `names` does where it need not look; else None."""
        return self._sets.get(numbers)

    async def _read(self) -> None:
        rows = await self._store.keyword_names.listing(self._account_id)
        for number, row in rows.items():
            name = self._guard.open_name(Kind.KEYWORD_NAME, row.name_hash, row.name)
            self._names[number] = name
            self._numbers[name.casefold()] = number

    async def _add(self, name: str) -> None:
        if len(name.encode()) > KEYWORD_OCTETS:
            raise Refused(Condition.LIMIT, "this keyword is too long")
        if len(self._numbers) >= KEYWORDS_PER_ACCOUNT:
            raise Refused(Condition.LIMIT, "this account has too many keywords")
        number = await self._store.keyword_names.add(
            self._account_id,
            self._guard.seal_name(Kind.KEYWORD_NAME, name),
            self._guard.name_hash(name),
        )
        self._names[number] = name
        self._numbers[name.casefold()] = number
