"""What the server says of submission (RFC 8621 §1.3.2)."""

from webui.jmap.context import Context
from webui.jmap.registry import Capability, Properties

LONGEST_HOLD_SECONDS = 30 * 24 * 3600  # of HOLDFOR and HOLDUNTIL (RFC 4865)


def _account(_context: Context) -> Properties:
    return {
        "maxDelayedSend": LONGEST_HOLD_SECONDS,
        "submissionExtensions": {
            "DSN": [],
            "FUTURERELEASE": [str(LONGEST_HOLD_SECONDS)],
            "REQUIRETLS": [],
            "SIZE": [],
            "8BITMIME": [],
            "SMTPUTF8": [],
        },
    }


SUBMISSION = Capability("urn:ietf:params:jmap:submission", account=_account)
