"""The patch of an Email: its mailboxes and keywords, which is all that ever changes; pure.

Source: RFC 8620 §5.3; RFC 8621 §4.6.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mailserver.mail.arranging import Marks, Order, SetChange
from mailserver.model.ids import EmailId, MailboxId
from mailserver.model.message import KEYWORDS_PER_ACCOUNT
from webui.jmap import ids
from webui.jmap.errors import SetError
from webui.jmap.keywords import marks
from webui.jmap.setting import wrong

RealId = Callable[[str], str]


def order_of(email_id: EmailId, patch: Mapping[str, Any], real_id: RealId) -> Order:
    """Return what a patch asks of an email.

    Raises:
        SetError: invalidProperties, invalidPatch.
    """
    whole: dict[str, Any] = {}
    parts: dict[str, dict[str, bool]] = {"mailboxIds": {}, "keywords": {}}
    for path, value in patch.items():
        name, slash, key = path.partition("/")
        if name not in parts:
            raise wrong(path, "this never changes")
        if not slash:
            whole[name] = value
            continue
        key = key.replace("~1", "/").replace("~0", "~")
        if value is not None and value is not True:
            raise wrong(path, "this is true or null")
        parts[name][key] = value is True
    if any(parts[name] for name in whole):
        raise SetError("invalidPatch", "one pointer lies in what another sets")
    added, removed = _split(parts["keywords"])
    return Order(
        email_id,
        _places(whole, parts["mailboxIds"], real_id),
        marks_of(whole["keywords"]) if "keywords" in whole else None,
        marks(added),
        marks(removed),
    )


def mailboxes_of(value: Any, real_id: RealId) -> list[MailboxId]:
    """Read a whole `mailboxIds`. Raises SetError (invalidProperties)."""
    if not isinstance(value, dict) or not value:
        raise wrong("mailboxIds", "an email is in one mailbox at least")
    if any(each is not True for each in value.values()):
        raise wrong("mailboxIds", "each is true")
    return [_mailbox(each, real_id) for each in value]


def marks_of(value: Any) -> Marks:
    """Read a whole `keywords`. Raises SetError (invalidProperties, tooManyKeywords)."""
    value = {} if value is None else value
    if not isinstance(value, dict) or any(each is not True for each in value.values()):
        raise wrong("keywords", "each is true")
    if len(value) > KEYWORDS_PER_ACCOUNT:
        raise SetError("tooManyKeywords")
    return marks(value)


def _places(whole: Mapping[str, Any], parts: Mapping[str, bool], real_id: RealId) -> SetChange:
    if "mailboxIds" in whole:
        return SetChange(frozenset(mailboxes_of(whole["mailboxIds"], real_id)))
    added, removed = _split(parts)
    return SetChange(
        more=frozenset(_mailbox(each, real_id) for each in added),
        fewer=frozenset(_mailbox(each, real_id) for each in removed),
    )


def _split(parts: Mapping[str, bool]) -> tuple[list[str], list[str]]:
    return [k for k, set_ in parts.items() if set_], [k for k, set_ in parts.items() if not set_]


def _mailbox(text: str, real_id: RealId) -> MailboxId:
    found = ids.mailbox(real_id(text))
    if found is None:
        raise wrong("mailboxIds", "there is no such mailbox")
    return found
