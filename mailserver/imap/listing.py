r"""LIST, LSUB: which names match, and what is said of each (RFC 9051 §6.3.9, RFC 5258, RFC 6154).

The hierarchy is in the names. A name that has children and does not exist itself is told of as
\NonExistent, so that a client that lists level by level finds the way down.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailserver.model.mailbox import INBOX, SEPARATOR, Mailbox, Role
from mailserver.protocol.imap.command import List, ListReturn, ListSelection

ROLE_ATTRIBUTES = {
    Role.ARCHIVE: b"\\Archive",
    Role.DRAFTS: b"\\Drafts",
    Role.FLAGGED: b"\\Flagged",
    Role.JUNK: b"\\Junk",
    Role.SENT: b"\\Sent",
    Role.TRASH: b"\\Trash",
}
"""RFC 6154 §2; INBOX needs none, its name says it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One LIST response: the name, its attributes, and whether it is there for what is below it.

    `mailbox` is None where the name is only part of a path, or only subscribed.
    """

    name: str
    attributes: tuple[bytes, ...]
    mailbox: Mailbox | None
    child_subscribed: bool = False
    """RFC 5258 §3.5 CHILDINFO: something below it is subscribed that is not listed itself."""


class Pattern:
    """A mailbox pattern: `*` matches anything, `%` anything but the separator; INBOX in any case.

    Matching takes at most its length times the name's, whatever stars a stranger strings together;
    a regular expression would go back and forth over them.
    """

    __slots__ = ("_elements",)

    def __init__(self, text: str) -> None:
        first, separator, rest = text.partition(SEPARATOR)
        if first.upper() == INBOX:
            text = INBOX + separator + rest
        elements: list[str] = []
        for character in text:
            if character == "*":  # next to each other wildcards are as one
                if elements and elements[-1] == "%":
                    elements.pop()
                if not elements or elements[-1] != "*":
                    elements.append("*")
            elif character == "%":
                if not elements or elements[-1] not in ("*", "%"):
                    elements.append("%")
            elif elements and elements[-1] not in ("*", "%"):
                elements[-1] += character
            else:
                elements.append(character)
        self._elements = tuple(elements)

    def matches(self, name: str) -> bool:
        """Whether `name` fits, INBOX being compared without case (RFC 9051 §6.3.9)."""
        if self._elements == ("*",):
            return True
        return self._fits(name) or (name == INBOX and self._inbox())

    def _inbox(self) -> bool:
        upper = tuple(element.upper() for element in self._elements)
        return upper != self._elements and _fits(upper, INBOX)

    def _fits(self, name: str) -> bool:
        return _fits(self._elements, name)


def _fits(elements: Sequence[str], name: str) -> bool:
    reached = {0}  # how far into the name the elements so far may have come
    for element in elements:
        if element == "*":
            reached = set(range(min(reached), len(name) + 1))
        elif element == "%":
            covered = -1
            for start in sorted(reached):
                if start > covered:
                    end = name.find(SEPARATOR, start)
                    covered = len(name) if end < 0 else end
                    reached.update(range(start, covered + 1))
        else:
            reached = {at + len(element) for at in reached if name.startswith(element, at)}
        if not reached:
            return False
    return len(name) in reached


def wants_subscriptions(command: List) -> bool:
    """Whether `command` chooses by subscription or wants to be told of it."""
    return ListSelection.SUBSCRIBED in command.selection or (
        ListReturn.SUBSCRIBED in command.returned
    )


def listed(
    command: List, mailboxes: Sequence[Mailbox], subscriptions: Iterable[str]
) -> list[Listed]:
    """Return what `command` is to be told, INBOX first, the rest by name.

    `subscriptions` may name mailboxes that do not exist (RFC 5258 §3.1).
    """
    existing = {mailbox.name: mailbox for mailbox in mailboxes}
    parents = _ancestors(existing)
    subscribed = set(subscriptions)
    recursive = ListSelection.RECURSIVEMATCH in command.selection
    above_subscribed = _ancestors(subscribed) if recursive else set()
    patterns = [Pattern(command.reference + pattern) for pattern in command.patterns]
    by_subscription = ListSelection.SUBSCRIBED in command.selection
    names: set[str] = {*existing, *parents}
    if by_subscription:
        names = subscribed | above_subscribed
    tell_subscribed = by_subscription or ListReturn.SUBSCRIBED in command.returned
    found = []
    for name in sorted(names, key=lambda name: (name != INBOX, name)):
        mailbox = existing.get(name)
        if ListSelection.SPECIAL_USE in command.selection and (
            mailbox is None or mailbox.role not in ROLE_ATTRIBUTES
        ):
            continue
        if any(pattern.matches(name) for pattern in patterns):
            attributes = _attributes(
                mailbox,
                has_children=name in parents,
                subscribed=tell_subscribed and name in subscribed,
                extended=command.extended,
            )
            found.append(Listed(name, attributes, mailbox, name in above_subscribed))
    return found


def lsub(reference: str, pattern: str, subscriptions: Iterable[str]) -> list[Listed]:
    """Return what LSUB tells: subscribed names, and with `%` the missing levels above them.

    Source: RFC 3501 §6.3.9.
    """
    subscribed = set(subscriptions)
    wanted = Pattern(reference + pattern)
    found = [Listed(name, (), None) for name in subscribed if wanted.matches(name)]
    if pattern.endswith("%"):
        found += [
            Listed(name, (b"\\Noselect",), None)
            for name in _ancestors(subscribed) - subscribed
            if wanted.matches(name)
        ]
    return sorted(found, key=lambda listed: (listed.name != INBOX, listed.name))


def _ancestors(names: Iterable[str]) -> set[str]:
    above: set[str] = set()
    for name in names:
        end = name.rfind(SEPARATOR)
        while end > 0 and name[:end] not in above:
            above.add(name[:end])
            end = name.rfind(SEPARATOR, 0, end)
    return above


def _attributes(
    mailbox: Mailbox | None, *, has_children: bool, subscribed: bool, extended: bool
) -> tuple[bytes, ...]:
    attributes = []
    if mailbox is None:
        attributes.append(b"\\NonExistent")
        if not extended:  # a client that only knows RFC 3501 knows only this word
            attributes.append(b"\\Noselect")
    attributes.append(b"\\HasChildren" if has_children else b"\\HasNoChildren")
    if subscribed:
        attributes.append(b"\\Subscribed")
    if mailbox is not None and mailbox.role in ROLE_ATTRIBUTES:
        attributes.append(ROLE_ATTRIBUTES[mailbox.role])
    return tuple(attributes)
