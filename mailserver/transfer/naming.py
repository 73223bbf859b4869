r"""Which mailbox of ours each mailbox of another server becomes.

Levels are carried over as people read them; what our names cannot hold is replaced, and what would
then be one name twice is numbered. A mailbox for a special use becomes ours of that use, whatever
it is called there, and those below it come below ours. Mailboxes that only show messages of others
(RFC 6154: \All, \Flagged) are left out, and so are other people's.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mailserver.model.mailbox import HIERARCHY_DEPTH, INBOX, NAME_OCTETS, SEPARATOR, Role
from mailserver.transfer.imap_session import Namespaces
from mailserver.transfer.imap_values import Listed, read_name

USUAL_NAMES = {
    Role.ARCHIVE: "Archive",
    Role.DRAFTS: "Drafts",
    Role.JUNK: "Junk",
    Role.SENT: "Sent",
    Role.TRASH: "Trash",
}
"""What a mailbox for a special use is called where the account has none."""

_USES = {
    "\\archive": Role.ARCHIVE,
    "\\drafts": Role.DRAFTS,
    "\\junk": Role.JUNK,
    "\\sent": Role.SENT,
    "\\trash": Role.TRASH,
}
_VIRTUAL = {"\\all", "\\flagged", "\\important"}
_KNOWN_AS = {
    Role.ARCHIVE: {"archive", "archives", "archief", "archiv"},
    Role.DRAFTS: {"drafts", "draft", "concepten", "entwürfe", "brouillons"},
    Role.JUNK: {"junk", "spam", "junk e-mail", "junk email", "ongewenste e-mail", "indésirables"},
    Role.SENT: {
        *("sent", "sent items", "sent messages", "sent mail", "verzonden items", "verzonden"),
        *("gesendet", "gesendete elemente", "gesendete objekte", "éléments envoyés", "envoyés"),
    },
    Role.TRASH: {
        *("trash", "deleted items", "deleted messages", "prullenbak", "verwijderde items"),
        *("papierkorb", "gelöschte elemente", "corbeille", "éléments supprimés"),
    },
}
"""What servers without SPECIAL-USE call them, in the languages of our users."""

_LABELS: dict[bytes, Role] = {
    b"\\inbox": Role.INBOX,
    b"\\sent": Role.SENT,
    b"\\draft": Role.DRAFTS,
    b"\\drafts": Role.DRAFTS,
    b"\\trash": Role.TRASH,
    b"\\junk": Role.JUNK,
    b"\\spam": Role.JUNK,
}
IMPORTANT = b"\\important"
IMPORTANT_KEYWORD = "$Important"  # RFC 8457


@dataclass(frozen=True, slots=True)
class Target:
    """A mailbox of ours: found by its use where it has one, else by its name."""

    name: str
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A mailbox to be brought over."""

    source: Listed
    target: Target
    by_labels: bool = False
    """Gmail's mailbox of everything: each message's labels say where it goes."""


@dataclass(slots=True)
class Plan:
    """What is brought over, what is made but holds nothing of its own, and what is left out."""

    mailboxes: list[Planned] = field(default_factory=list)
    empty: list[Target] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """Names as people read them, with the reason."""
    subscribed: list[Target] = field(default_factory=list)
    _names: dict[bytes, Target] = field(default_factory=dict)
    _below: dict[tuple[str, ...], Target] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=lambda: {INBOX, *USUAL_NAMES.values()})

    def labelled(self, labels: Iterable[bytes]) -> list[Target]:
        """Return where a message of Gmail's belongs: nowhere else is the archive."""
        targets: dict[Target, None] = {}
        for label in labels:
            role = _LABELS.get(label.lower())
            if role is not None:
                targets[_of_role(role)] = None
            elif not label.startswith(b"\\"):
                targets[self._label(label)] = None
        return list(targets) or [_of_role(Role.ARCHIVE)]

    def _label(self, label: bytes) -> Target:
        known = self._names.get(label)
        if known is None:  # a label that is not shown as a mailbox
            levels = read_name(label).split("/")
            known = self._names[label] = Target(self._free(_clean(levels)))
        return known

    def _free(self, levels: Sequence[str]) -> str:
        """Return a name for `levels` that nothing else has been given."""
        name = wanted = SEPARATOR.join(levels)
        count = 1
        while name in self._taken:
            count += 1
            name = f"{wanted} ({count})"
        self._taken.add(name)
        return name


def plan(
    found: Sequence[Listed],
    namespaces: Namespaces,
    *,
    gmail: bool = False,
    subscribed: frozenset[bytes] = frozenset(),
    only: Sequence[str] = (),
) -> Plan:
    """Plan where the mailboxes of another server go.

    Args:
        found: its mailboxes.
        namespaces: where one's own names begin, and others'.
        gmail: messages have labels, and one mailbox holds them all.
        subscribed: raw names.
        only: where there are any, nothing else is brought over; names as people read them.
    """
    made = Plan()
    everything = next((one for one in found if gmail and "\\all" in one.attributes), None)
    roles = _roles(found, namespaces)
    missing = set(only) - {one.name for one in found}
    made.left_out += [(name, "the other server has no such mailbox") for name in sorted(missing)]
    for one in sorted(found, key=lambda each: (len(each.levels), each.levels)):
        if only and one.name not in only:
            continue
        if _is_others(one, namespaces):
            made.left_out.append((one.name, "it is other people's"))
        elif one is everything:
            made.mailboxes.append(Planned(one, _of_role(Role.ARCHIVE), by_labels=True))
        elif one.attributes & _VIRTUAL:
            made.left_out.append((one.name, "it shows messages that are in other mailboxes"))
        elif one.selectable:
            target = _target(made, one, roles, namespaces)
            _add(made, one, target, everything_elsewhere=everything is not None)
            if one.raw in subscribed:
                made.subscribed.append(made._names[one.raw])
    return made


def _add(made: Plan, one: Listed, target: Target, *, everything_elsewhere: bool) -> None:
    made._names[one.raw] = made._below[one.levels] = target
    if everything_elsewhere and target.role not in (Role.JUNK, Role.TRASH):
        made.empty.append(target)
    else:
        made.mailboxes.append(Planned(one, target))


def _is_others(one: Listed, namespaces: Namespaces) -> bool:
    text = one.delimiter.join(one.levels)
    return any(prefix and text.startswith(prefix) for prefix in namespaces.others)


def _target(made: Plan, one: Listed, roles: dict[bytes, Role], namespaces: Namespaces) -> Target:
    role = roles.get(one.raw)
    if role is not None:
        return _of_role(role)
    levels = _own(one, namespaces)
    for depth in range(len(levels) - 1, 0, -1):  # below a mailbox for a special use
        parent = made._below.get(one.levels[: len(one.levels) - len(levels) + depth])
        if parent is not None and parent.role is not None:
            below = _clean(levels[depth:])
            return Target(made._free((*parent.name.split(SEPARATOR), *below)))
    return Target(made._free(_clean(levels)))


def _own(one: Listed, namespaces: Namespaces) -> tuple[str, ...]:
    """Return a mailbox's levels without the beginning that all of one's own names have."""
    text = one.delimiter.join(one.levels)
    for prefix in sorted(namespaces.own, key=len, reverse=True):
        rest = text.removeprefix(prefix)
        if prefix and rest != text and rest:
            return tuple(rest.split(one.delimiter)) if one.delimiter else (rest,)
    return one.levels


def _roles(found: Sequence[Listed], namespaces: Namespaces) -> dict[bytes, Role]:
    """Give each special use to at most one mailbox: by what the server says, else by its name."""
    roles: dict[bytes, Role] = {}
    for one in found:
        for attribute, role in _USES.items():
            if attribute in one.attributes and one.selectable and role not in roles.values():
                roles.setdefault(one.raw, role)
        if one.name.upper() == INBOX:
            roles[one.raw] = Role.INBOX
    for one in found:
        levels = _own(one, namespaces)
        for role, names in _KNOWN_AS.items():
            alone = len(levels) == 1 or (len(levels) == 2 and levels[0].upper() == INBOX)
            known = alone and levels[-1].casefold() in names and one.selectable
            if known and role not in roles.values():
                roles.setdefault(one.raw, role)
    return roles


def _of_role(role: Role) -> Target:
    return Target(INBOX if role is Role.INBOX else USUAL_NAMES[role], role)


def _clean(levels: Sequence[str]) -> tuple[str, ...]:
    """Return levels that a name of ours can have."""
    cleaned = [_clean_level(level) for level in levels if level]
    if len(cleaned) >= HIERARCHY_DEPTH:  # one fewer, for the mailbox it may be put below
        cleaned = [*cleaned[: HIERARCHY_DEPTH - 2], "-".join(cleaned[HIERARCHY_DEPTH - 2 :])]
    if cleaned and cleaned[0].upper() == INBOX:
        cleaned[0] = INBOX
    octets = NAME_OCTETS // max(1, len(cleaned)) - 16
    return tuple(_cut(level, max(8, octets)) for level in cleaned) or ("-",)


def _clean_level(level: str) -> str:
    level = unicodedata.normalize("NFC", level).replace(SEPARATOR, "-")
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(each) in ("Cc", "Cs") else each
        for each in level
    )


def _cut(level: str, octets: int) -> str:
    return level.encode()[:octets].decode("utf-8", "ignore")
