"""Blob ids: a message, an upload, or a part of either; and the octets behind them.

    B12          the message of email 12
    U0f3a…       what was uploaded
    Z7e11…       a Sieve script as it stands
    B12-1_2      part 1.2 of it, decoded; parts of an attached message go on behind: B12-3-1

Source: RFC 8620 §1.2, §6; RFC 8621 §4.1.4.
"""

import re

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import EmailId
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.transfer import decoded
from webui.jmap import bodies
from webui.jmap.context import Context

_ID = re.compile(r"(?:B([1-9][0-9]{0,17})|U([0-9a-f]{32}))((?:-[0-9_]{1,200}){0,20})\Z")


def of_email(email_id: EmailId) -> str:
    """Write the blob id of an email's message."""
    return f"B{email_id}"


def of_upload(upload: bytes) -> str:
    """Write the blob id of an upload."""
    return f"U{upload.hex()}"


def of_script(name: bytes) -> str:
    """Write the blob id of a script; `name` changes with its content."""
    return f"Z{name.hex()}"


def email_of(blob_id: str) -> EmailId | None:
    """Return the email whose message, or a part of it, the blob is."""
    found = _ID.match(blob_id)
    return EmailId(int(found.group(1))) if found and found.group(1) else None


async def octets_of(context: Context, blob_id: str) -> Plaintext:
    """Return the octets of a blob, or of what was made of them as `#creation-id`.

    Raises:
        Absent: NO_SUCH_MESSAGE, nobody has it.
        Corrupt: DAMAGED.
    """
    if blob_id.startswith("#"):  # made in this request (RFC 9404 §4.1)
        blob_id = context.created_ids.get(blob_id[1:], "")
    if blob_id.startswith("Z"):
        return await _script(context, blob_id)
    found = _ID.match(blob_id)
    if found is None:
        raise _absent()
    number, upload, parts = found.groups()
    if number is not None:
        whole = await context.account.emails.content(EmailId(int(number)))
    else:
        whole = await context.account.uploads.get(bytes.fromhex(upload))
    octets = whole.reveal()
    for path in parts.split("-")[1:]:
        octets = _part(octets, path.replace("_", "."))
    return Plaintext(octets)


async def _script(context: Context, blob_id: str) -> Plaintext:
    scripts = context.services.rules_of(context.account).scripts
    for each in await scripts.listing():
        if of_script(each.id) == blob_id:
            return await scripts.get(each.name)
    raise _absent()


def _part(octets: bytes, path: str) -> bytes:
    for node in bodies.leaves(bodies.tree(scan(octets))):
        if node.path == path:
            return decoded(node.part, octets)
    raise _absent()


def _absent() -> Absent:
    return Absent(Condition.NO_SUCH_MESSAGE, "there is no such blob")
