r"""JMAP's keywords and IMAP's flags: one thing under two names (RFC 8621 §4.1.1, §10.4).

\Deleted has no keyword: what has it does not exist here.
"""

import re
from collections.abc import Iterable

from mailserver.mail.arranging import Marks
from mailserver.model.message import KEYWORD_OCTETS, Flag
from webui.jmap.setting import wrong

_FLAGS = {
    "$seen": Flag.SEEN,
    "$answered": Flag.ANSWERED,
    "$flagged": Flag.FLAGGED,
    "$draft": Flag.DRAFT,
}
_KEYWORD = re.compile(r"[!#$&'+-\[^-z|}~]+\Z")
_NOBODYS = frozenset({"$recent", "$deleted"})


def marks(keywords: Iterable[str], where: str = "keywords") -> Marks:
    """Return what keywords say.

    Raises:
        SetError: invalidProperties: one is no keyword.
    """
    flags, names = Flag.NONE, set[str]()
    for each in keywords:
        name = each.lower()
        if not _KEYWORD.match(each) or len(each) > KEYWORD_OCTETS or name in _NOBODYS:
            raise wrong(where, "this is not a keyword")
        if name in _FLAGS:
            flags |= _FLAGS[name]
        else:
            names.add(name)
    return Marks(flags, frozenset(names))
