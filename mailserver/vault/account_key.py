"""The account master key of one generation (AMK), and what is derived from it.

    AK    HKDF(AMK, "zegel account pair" ‖ suite) → the HPKE pair that deposits are sealed to
    ASK   HKDF(AMK, "storage" ‖ suite)            → wraps the content keys of unlocked sessions
    link  AES-256-GCM(HKDF(AMK[n], "link"), AMK[m]), m before n

Whoever has generation n reaches those before it through the links, and none after it: a credential
that was left behind opens nothing that comes. A generation without a link was made while its
predecessor's key was out of reach.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Never, Self

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import FORMAT, FieldId, Kind, Origin, context
from mailserver.crypto.hpke import KeyPair, derive_pair
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.secret import SecretKey, overwrite
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, Locked
from mailserver.model.ids import AccountId, ObjectId
from mailserver.vault.records import Generation


class AccountKey:
    """An opened account master key; whoever holds it reads the account. Close it when done."""

    __slots__ = ("_pair", "_storage", "amk", "generation", "suite", "unproven")

    amk: SecretKey
    generation: int
    suite: Suite
    unproven: bool
    """It came from a row without a master-key layer: `prove` it first."""

    def __init__(
        self, amk: SecretKey, generation: int, suite: Suite, *, unproven: bool = False
    ) -> None:
        """Take over `amk`."""
        self.amk = amk
        self.generation = generation
        self.suite = suite
        self.unproven = unproven
        self._pair: KeyPair | None = None
        self._storage: Aead | None = None

    @classmethod
    def random(cls, suite: Suite, generation: int = 1) -> Self:
        """Make the key of a new account, or of a new generation."""
        return cls(SecretKey.random(), generation, suite)

    @property
    def pair(self) -> KeyPair:
        """The HPKE pair; derived at first use, for most sessions never open a deposit.

        Raises:
            Locked: the key was closed.
        """
        if self._pair is None:
            self._pair = derive_pair(self._live(), self.suite)
        return self._pair

    @property
    def storage(self) -> Aead:
        """The storage key.

        Raises:
            Locked: the key was closed.
        """
        if self._storage is None:
            key = hkdf(self._live(), b"storage" + bytes([self.suite]))
            self._storage = Aead(key)
            overwrite(key)
        return self._storage

    def _live(self) -> bytearray:
        """Return the account master key, unless the account was locked in the middle of work."""
        if self.amk.wiped:
            raise Locked(Condition.LOCKED, "the account is locked")
        return self.amk.octets

    def public(self, link: bytes = b"") -> Generation:
        """Describe this generation for the account record."""
        return Generation(self.generation, self.suite, self.pair.public_octets, link)

    def prove(self, public: bytes) -> None:
        """Check that this key is the one whose public half the account record names.

        Raises:
            Corrupt: KEY_MISMATCH: it is another key, planted or outdated.
        """
        if self.pair.public_octets != public:
            raise Corrupt(Condition.KEY_MISMATCH, "this key is not the account's")
        self.unproven = False

    def successor(
        self, account: AccountId, suite: Suite, *, older: "tuple[AccountKey, ...]" = ()
    ) -> tuple["AccountKey", Generation]:
        """Make the next generation and its record, linked to this one and to `older` keys."""
        new = AccountKey.random(suite, self.generation + 1)
        further = tuple((key.generation, new._link_to(account, key)) for key in older)
        record = new.public(new._link_to(account, self))
        return new, replace(record, older=further)

    def heir(
        self, account: AccountId, number: int, suite: Suite
    ) -> tuple["AccountKey", Generation]:
        """Make generation `number`, linked to this older one but not to those in between."""
        new = AccountKey.random(suite, number)
        linked = ((self.generation, new._link_to(account, self)),)
        return new, replace(new.public(), older=linked)

    def predecessor(self, account: AccountId, own: Generation, before: Generation) -> "AccountKey":
        """Open an earlier generation by the link in this one's record.

        Raises:
            Corrupt: the link is not authentic, or there is none.
        """
        links = {own.number - 1: own.link, **dict(own.older)}
        if before.number not in links:
            raise Corrupt(Condition.KEY_MISMATCH, "nothing links this key to that generation")
        link = links[before.number]
        amk = self._link_cipher().open(link, self._link_context(account, before.number))
        return AccountKey(SecretKey(amk), before.number, before.suite)

    def predecessors(
        self, account: AccountId, own: Generation, known: Mapping[int, Generation]
    ) -> "list[AccountKey]":
        """Open every generation that this one's record is linked to.

        Raises:
            Corrupt: a link is not authentic.
        """
        linked = [own.number - 1] if own.link else []
        linked += [number for number, _ in own.older]
        return [self.predecessor(account, own, known[number]) for number in linked]

    def close(self) -> None:
        """Overwrite the key and drop what was derived from it."""
        self.amk.wipe()
        self._pair = None
        self._storage = None

    def _link_cipher(self) -> Aead:
        key = hkdf(self.amk.octets, b"link")
        try:
            return Aead(key)
        finally:
            overwrite(key)

    def _link_to(self, account: AccountId, older: "AccountKey") -> bytes:
        context_of_link = self._link_context(account, older.generation)
        return self._link_cipher().seal(older.amk.octets, context_of_link)

    def _link_context(self, account: AccountId, number: int) -> bytes:
        opened = ObjectId(number.to_bytes(16))
        return context(
            Kind.GENERATION_LINK,
            Origin.OWNER,
            account,
            opened,
            FieldId.MASTER_KEY,
            FORMAT,
            self.generation,
            self.suite,
        )

    def __repr__(self) -> str:
        """Name the generation, never the key."""
        return f"<account key, generation {self.generation}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("an account key is not pickled or copied")
