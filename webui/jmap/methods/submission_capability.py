"""What the server says of submission (RFC 8621 §1.3.2)."""

from webui.jmap.context import Context
from webui.jmap.registry import Capability, Properties


def _account(context: Context) -> Properties:
    settings = context.services.settings
    offered: Properties = {"SIZE": [str(settings.limits.message_octets)]}
    offered |= {"8BITMIME": [], "SMTPUTF8": []}
    longest = settings.queue.hold_seconds if settings.relays else 0
    if settings.relays:
        offered |= {"DSN": [], "REQUIRETLS": []}
    if longest:
        offered["FUTURERELEASE"] = [str(longest)]
    return {"maxDelayedSend": longest, "submissionExtensions": offered}


SUBMISSION = Capability("urn:ietf:params:jmap:submission", account=_account)
