"""Matching regular expressions in time that is linear in the subject, whatever the pattern.

The theory. All threads of the program are followed at once, character by character (Thompson
1968), so a subject of n characters costs at most n times the program, and nothing is tried twice.
Whether there is a match is asked first, on sets of threads whose transitions are remembered: the
usual subject costs one look-up a character. Only where the script uses what was matched, the
threads are followed again, each with its marks, in the order of preference (Pike 2007).

Of all matches the leftmost counts, and of those the longest (POSIX.1 §9.1). Deviates: POSIX wants
each group in turn as long as may be; here a group takes what its first alternative that leads there
takes, as most people expect. It shows in `${1}`…`${9}` only.
"""

from collections.abc import Callable
from functools import lru_cache

from mailserver.protocol.sieve.glob import Spans
from mailserver.protocol.sieve.regex_syntax import Op, compiled

TRANSITIONS = 2_000
"""Remembered of one expression."""

_THREAD = 10  # what following one of them costs, where a remembered look-up costs two

Spend = Callable[[int], None]
Threads = tuple[int, ...]
"""Places in the program that wait for a character or the end, in order of preference."""

Marks = tuple[int, ...]


class Regex:
    """One expression. Threads may share it: what one remembers, any other would have found."""

    __slots__ = ("_before_first", "_cases", "_code", "_groups", "_next")

    def __init__(self, pattern: str, *, ignore_case: bool) -> None:
        """Compile `pattern`. Raises RegexFault."""
        self._code, self._groups = compiled(pattern, ignore_case=ignore_case)
        self._next: dict[tuple[Threads, str], Threads] = {}

    def search(self, subject: str, spend: Spend) -> bool:
        """Say whether it matches anywhere in `subject`; `spend` is told what that costs."""
        start = self._reach((0,), first=True, last=not subject)
        rest = self._reach((0,), first=False, last=False)
        threads, done = start, False
        spend(2 * len(subject) + 1)
        for at, character in enumerate(subject):
            if self._matches(threads):
                return True
            key = (threads, character)
            following = self._next.get(key)
            if following is None:
                spend(_THREAD * (len(threads) + 1))
                following = self._step(threads, character, rest)
                if len(self._next) >= TRANSITIONS:
                    self._next.clear()
                self._next[key] = following
            threads, done = following, at + 1 == len(subject)
        if self._matches(threads):
            return True
        return done and self._matches(self._reach(threads, first=False, last=True))

    def spans(self, subject: str, spend: Spend) -> Spans | None:
        """Return where the leftmost match and its groups are; (-1, -1) for a group without one."""
        empty: Marks = (-1,) * (2 * self._groups + 2)
        threads: dict[int, Marks] = {}  # in order of where they began
        best: Marks | None = None
        for at in range(len(subject) + 1):
            if best is None:  # a later start is preferred least
                self._follow(threads, 0, empty, at, len(subject))
            spend(_THREAD * (len(threads) + 1))
            following: dict[int, Marks] = {}
            for place, marks in threads.items():
                instruction = self._code[place]
                if best is not None and best[0] < marks[0]:
                    break  # it began further right
                if instruction.op is Op.MATCH:
                    best = marks  # it began no later than the one before, and ends later
                elif (
                    at < len(subject)
                    and instruction.accepts is not None
                    and instruction.accepts(subject[at])
                ):
                    self._follow(following, place + 1, marks, at + 1, len(subject))
            threads = following
            if not threads and best is not None:
                break
        if best is None:
            return None
        return [(best[n], best[n + 1]) for n in range(0, len(best), 2)]

    def _matches(self, threads: Threads) -> bool:
        return any(self._code[place].op is Op.MATCH for place in threads)

    def _step(self, threads: Threads, character: str, rest: Threads) -> Threads:
        taken = [
            place + 1
            for place in threads
            if (accepts := self._code[place].accepts) is not None and accepts(character)
        ]
        reached = self._reach(tuple(taken), first=False, last=False)
        return tuple(dict.fromkeys(reached + rest))

    def _reach(self, places: Threads, *, first: bool, last: bool) -> Threads:
        """Follow everything that takes no character; what waits for the end stays."""
        found: dict[int, None] = {}
        seen: set[int] = set()
        waiting = list(reversed(places))
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            instruction = self._code[place]
            match instruction.op:
                case Op.TAKE | Op.MATCH:
                    found[place] = None
                case Op.FORK:
                    waiting += (place + instruction.y, place + instruction.x)
                case Op.GO:
                    waiting.append(place + instruction.x)
                case Op.END if not last:
                    found[place] = None
                case Op.BEGIN if not first:
                    continue
                case _:
                    waiting.append(place + 1)
        return tuple(found)

    def _follow(
        self, threads: dict[int, Marks], start: int, marks: Marks, at: int, size: int
    ) -> None:
        """Add what is reached from `start` without taking a character, with its marks."""
        waiting = [(start, marks)]
        seen: set[int] = set()
        while waiting:
            place, marks = waiting.pop()
            if place in seen or place in threads:
                continue
            seen.add(place)
            instruction = self._code[place]
            match instruction.op:
                case Op.TAKE | Op.MATCH:
                    threads[place] = marks
                case Op.FORK:
                    waiting += (
                        (place + instruction.y, marks),
                        (place + instruction.x, marks),
                    )
                case Op.GO:
                    waiting.append((place + instruction.x, marks))
                case Op.MARK:
                    marked = (*marks[: instruction.x], at, *marks[instruction.x + 1 :])
                    waiting.append((place + 1, marked))
                case Op.BEGIN if at != 0:
                    continue
                case Op.END if at != size:
                    continue
                case _:
                    waiting.append((place + 1, marks))


@lru_cache(maxsize=256)
def regex(pattern: str, *, ignore_case: bool) -> Regex:
    """Return the expression, compiled once. Raises RegexFault."""
    return Regex(pattern, ignore_case=ignore_case)
