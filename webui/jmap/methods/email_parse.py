"""Email/parse: a message that is attached or uploaded, shown as an Email (RFC 8621 §4.9)."""

from mailserver.model.errors import Absent
from mailserver.protocol.mime.summary import Summary, build
from webui.jmap import blobs, email_objects
from webui.jmap.context import Context
from webui.jmap.email_objects import LISTED, METADATA, Bodily, Plan
from webui.jmap.getting import wanted
from webui.jmap.header_forms import CONVENIENT
from webui.jmap.message_header import header_of
from webui.jmap.methods.mail_capability import MAIL
from webui.jmap.registry import Method, Module, Properties

_DEFAULT = (*CONVENIENT, *LISTED, *email_objects.BODIES[1:])


class Parse(Bodily, kw_only=True):
    """The arguments of Email/parse."""

    blob_ids: list[str]


async def _parse(context: Context, arguments: Parse) -> Properties:
    plan = Plan(arguments, _DEFAULT)
    parsed: dict[str, Properties] = {}
    not_parsable, not_found = list[str](), list[str]()
    for blob_id in wanted(arguments.blob_ids):
        try:
            octets = (await blobs.octets_of(context, blob_id)).reveal()
        except Absent:
            not_found.append(blob_id)
            continue
        if header_of(octets):
            parsed[blob_id] = _shown(plan, arguments, octets, blob_id)
        else:
            not_parsable.append(blob_id)
    return {
        "accountId": context.account_id,
        "parsed": parsed or None,
        "notParsable": not_parsable or None,
        "notFound": not_found or None,
    }


def _shown(plan: Plan, arguments: Parse, octets: bytes, blob_id: str) -> Properties:
    """Return what was asked for; what only an email in a mailbox has is null."""
    known: Properties = dict.fromkeys(METADATA)
    known |= {"blobId": blob_id, "size": len(octets)}
    known |= email_objects.content(plan, octets, blob_id)
    if not set(LISTED).isdisjoint(plan.names):
        listed = Summary(build(octets).summary)
        known |= {"hasAttachment": listed.has_attachment, "preview": listed.preview}
    names = plan.names if arguments.properties is None else arguments.properties
    return {name: known[name] for name in dict.fromkeys(names)}


MODULE = Module(MAIL, (Method("Email/parse", Parse, _parse),))
