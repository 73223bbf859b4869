"""What each reader calls junk: his model, opened where mail for him is judged.

A model is guarded, so that it can be asked while its reader is away; it holds keyed hashes of
words, never words. It changes only while he is there (`lessons`).
"""

from dataclasses import dataclass

from mailserver.model.errors import Corrupt
from mailserver.model.ids import AccountId, new_object_id
from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.text import texts
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.screening import classifier
from mailserver.screening.classifier import HASH_OCTETS, Model
from mailserver.store.junk_models import JunkModels, ModelRow
from mailserver.vault.guard import AccountGuard, Kind

KEPT_SECONDS = 120.0
KEPT = 256  # models in memory, 2 MB each at the most
LARGE_OCTETS = 32 * 1024  # of a model, which is then read in a thread

log = get_logger("mail")


def words_of(message: bytes) -> list[str]:
    """Return the words of a message that count."""
    text, _ = texts(scan(message), message)
    return classifier.words(text.subject, text.from_, text.body)


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    model: Model | None


class Junk:
    """The models of all accounts."""

    def __init__(self, rows: JunkModels, offload: Offload, clock: Clock) -> None:
        """Keep them in `rows`."""
        self._rows = rows
        self._offload = offload
        self._clock = clock
        self._kept: dict[AccountId, _Kept] = {}

    async def ready(self, account_id: AccountId, guard: AccountGuard) -> Model | None:
        """Return the model of an account if it has learned enough to say anything."""
        now = self._clock.monotonic()
        kept = self._kept.get(account_id)
        if kept is None or kept.until <= now:
            model = await self.load(account_id, guard)
            ready = model if model is not None and model.is_ready else None
            kept = _Kept(now + KEPT_SECONDS, ready)
            if len(self._kept) >= KEPT and account_id not in self._kept:
                self._kept.pop(next(iter(self._kept)))
            self._kept[account_id] = kept
        return kept.model

    async def load(self, account_id: AccountId, guard: AccountGuard) -> Model | None:
        """Read the model of an account; what was altered counts as nothing, and is logged."""
        row = await self._rows.get(account_id)
        if row is None:
            return None
        try:
            octets = guard.open(Kind.JUNK_MODEL, row.object_id, row.model)
            if len(octets) > LARGE_OCTETS:
                return await self._offload(Model.decode, octets)
            return Model.decode(octets)
        except Corrupt as error:
            log.error("junk model damaged", condition=error.condition.name)
            return None

    async def save(self, account_id: AccountId, guard: AccountGuard, model: Model) -> None:
        """Write a model down in the place of what there was."""
        object_id = new_object_id()
        sealed = guard.seal(Kind.JUNK_MODEL, object_id, model.encode())
        await self._rows.put(account_id, ModelRow(object_id, sealed))
        self.forget(account_id)

    def forget(self, account_id: AccountId) -> None:
        """Read the account's model again when it is asked next."""
        self._kept.pop(account_id, None)


def likeness(model: Model, guard: AccountGuard, words: list[str]) -> float | None:
    """Return how much a message of these words is like the account's junk."""
    return model.likeness(guard.word_hashes(words, HASH_OCTETS))
