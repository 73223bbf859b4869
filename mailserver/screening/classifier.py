"""What one reader calls junk, learned word by word; pure, and blind to the words themselves.

A word comes in as a keyed hash of the account's own. For each hash the model counts in how many
messages of either kind it stood; a message is judged by its most telling words, whose probabilities
are combined by Fisher's method. Below a number of messages of each kind the model says nothing, so
that the first mistake does not cost anybody a letter.

Invariants: a model never has more than `WORDS` words, a count never exceeds 255, and learning the
same message again changes nothing: the last `REMEMBERED` messages are known by their numbers, and
one that turns out to be of the other kind is unlearned first.

Source: G. Robinson, "A Statistical Approach to the Spam Problem", Linux Journal 107 (2003).
"""

import math
import re
import struct
from collections.abc import Iterable, Sequence

from mailserver.model.errors import Condition, Corrupt

HASH_OCTETS = 6
WORDS = 16_384
REMEMBERED = 1_000
ENOUGH = 15  # messages of each kind before the model says anything
TELLING = 100  # words of a message that decide
WORDS_OF_A_MESSAGE = 500

_VERSION = 1
_COUNT_AT_MOST = 255
_STRENGTH, _ASSUMED = 0.5, 0.5  # what a word says that was hardly ever seen
_INDIFFERENT = 0.1  # words this close to even say nothing
_HEAD = struct.Struct(">BIIHI")
_LEARNED = struct.Struct(">QB")
_WORD = struct.Struct(f">{HASH_OCTETS}sBB")
_SPLIT = re.compile(r"[^\W_](?:[\w'’-]{1,22}[^\W_])", re.UNICODE)


def words(subject: str, author: str, body: str, hosts: Iterable[str] = ()) -> list[str]:
    """Return the words of a message, each once, by where they stand; bounded."""
    found: dict[str, None] = {}
    for prefix, text in (("f:", author[:1_000]), ("s:", subject[:1_000]), ("", body[:20_000])):
        for match in _SPLIT.finditer(text.casefold()):
            found[prefix + match[0]] = None
            if len(found) >= WORDS_OF_A_MESSAGE:
                break
    for host in sorted(hosts)[:20]:
        found["h:" + host] = None
    return list(found)


class Model:
    """What was learned for one account."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.junk = 0
        self.wanted = 0
        self._words: dict[bytes, tuple[int, int]] = {}
        self._learned: dict[int, bool] = {}

    @property
    def is_ready(self) -> bool:
        """Whether enough was learned to say anything."""
        return self.junk >= ENOUGH and self.wanted >= ENOUGH

    def knows(self, number: int) -> bool:
        """Say whether a message was learned of late, as whatever kind."""
        return number in self._learned

    def learn(self, number: int, hashes: Sequence[bytes], *, junk: bool) -> bool:
        """Learn message `number`; return whether that changed anything."""
        before = self._learned.pop(number, None)
        if before is junk:
            self._learned[number] = junk
            return False
        if before is not None:
            self._add(hashes, -1, junk=before)
        self._add(hashes, 1, junk=junk)
        self._learned[number] = junk
        if len(self._learned) > REMEMBERED:
            del self._learned[next(iter(self._learned))]
        if len(self._words) > WORDS:
            self._make_room()
        return True

    def likeness(self, hashes: Iterable[bytes]) -> float | None:
        """Return how much a message is like junk, 0 to 1; None where too little was learned."""
        if not self.is_ready:
            return None
        chances = [self._chance(*self._words[word]) for word in hashes if word in self._words]
        telling = sorted(chances, key=lambda chance: -abs(chance - 0.5))[:TELLING]
        telling = [chance for chance in telling if abs(chance - 0.5) >= _INDIFFERENT]
        if not telling:
            return 0.5
        like = _fisher(telling)
        unlike = _fisher([1.0 - chance for chance in telling])
        return (1.0 + like - unlike) / 2.0

    def _chance(self, junk: int, wanted: int) -> float:
        """Return the chance that a message with this word is junk, drawn to even by rarity."""
        in_junk, in_wanted = junk / max(self.junk, 1), wanted / max(self.wanted, 1)
        if not in_junk and not in_wanted:
            return _ASSUMED
        seen, share = junk + wanted, in_junk / (in_junk + in_wanted)
        return (_STRENGTH * _ASSUMED + seen * share) / (_STRENGTH + seen)

    def _add(self, hashes: Iterable[bytes], by: int, *, junk: bool) -> None:
        if junk:
            self.junk = max(self.junk + by, 0)
        else:
            self.wanted = max(self.wanted + by, 0)
        full = False
        for word in hashes:
            in_junk, in_wanted = self._words.get(word, (0, 0))
            if junk:
                in_junk = max(in_junk + by, 0)
            else:
                in_wanted = max(in_wanted + by, 0)
            if in_junk or in_wanted:
                self._words[word] = (in_junk, in_wanted)
            else:
                self._words.pop(word, None)
            full = full or max(in_junk, in_wanted) > _COUNT_AT_MOST
        if full:
            self._halve()

    def _halve(self) -> None:
        """Let everything learned so far count half, so that there is room for what is new."""
        self.junk, self.wanted = (self.junk + 1) // 2, (self.wanted + 1) // 2
        halved = {word: (one // 2, other // 2) for word, (one, other) in self._words.items()}
        self._words = {word: counts for word, counts in halved.items() if any(counts)}

    def _make_room(self) -> None:
        """Forget the rarest words, the oldest of them first, until a quarter is free."""
        rarest = sorted(self._words, key=lambda word: sum(self._words[word]))
        for word in rarest[: len(self._words) - WORDS * 3 // 4]:
            del self._words[word]

    def encode(self) -> bytes:
        """Write it down; `decode` reads it."""
        head = _HEAD.pack(_VERSION, self.junk, self.wanted, len(self._learned), len(self._words))
        learned = b"".join(_LEARNED.pack(*one) for one in self._learned.items())
        return (
            head
            + learned
            + b"".join(_WORD.pack(word, *counts) for word, counts in self._words.items())
        )

    @classmethod
    def decode(cls, octets: bytes) -> "Model":
        """Read what `encode` wrote.

        Raises:
            Corrupt: DAMAGED, it is something else.
        """
        model = cls()
        try:
            version, model.junk, model.wanted, learned, count = _HEAD.unpack_from(octets)
            if version != _VERSION:
                raise Corrupt(Condition.DAMAGED, "a junk model of an unknown version")
            middle = _HEAD.size + learned * _LEARNED.size
            if len(octets) != middle + count * _WORD.size:
                raise Corrupt(Condition.DAMAGED, "a junk model of another length")
            model._learned = {
                number: bool(junk)
                for number, junk in _LEARNED.iter_unpack(octets[_HEAD.size : middle])
            }
            model._words = {
                word: (junk, wanted) for word, junk, wanted in _WORD.iter_unpack(octets[middle:])
            }
        except struct.error:
            raise Corrupt(Condition.DAMAGED, "a junk model that is cut short") from None
        return model


def _fisher(chances: Sequence[float]) -> float:
    """Return how likely chances so small come together by accident: chi-square of 2n freedoms."""
    half = -sum(math.log(max(chance, 1e-12)) for chance in chances)
    term = total = math.exp(-half) if half < 700 else 0.0
    if not total:
        return 0.0
    for number in range(1, len(chances)):
        term *= half / number
        total += term
    return min(total, 1.0)
