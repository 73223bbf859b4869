"""What the server says of mail (RFC 8621 §1.3.1)."""

from mailserver.mail.email_order import SORTS
from webui.jmap import limits
from webui.jmap.context import Context
from webui.jmap.registry import Capability, Properties


def _account(context: Context) -> Properties:
    message = context.services.settings.limits.message_octets
    return {
        "maxMailboxesPerEmail": None,
        "maxMailboxDepth": limits.MAILBOX_DEPTH,
        "maxSizeMailboxName": limits.MAILBOX_NAME_OCTETS,
        "maxSizeAttachmentsPerEmail": message * 57 // 78,  # as base64 (RFC 2045 §6.8)
        "emailQuerySortOptions": list(SORTS),
        "mayCreateTopLevelMailbox": True,
    }


MAIL = Capability("urn:ietf:params:jmap:mail", account=_account)
