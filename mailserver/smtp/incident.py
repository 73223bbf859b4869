"""A bug, as the peer and the log each get to know it: the same name, and nothing of the mail."""

import secrets

from mailserver.protocol.smtp.reply import Reply
from mailserver.runtime.log import get_logger
from mailserver.smtp import status
from mailserver.smtp.policy import Service

log = get_logger(__name__)


def report(error: BaseException, *, service: Service, peer: str) -> Reply:
    """Log `error` (where it was raised, never its words) and return what to say of it."""
    name = secrets.token_hex(6)
    log.error("incident", incident=name, service=service.value, peer=peer, exc_info=error)
    return status.incident_reply(name)
