"""The header of a message as it came."""

from mailserver.protocol.mime.headers import Field, header_fields
from mailserver.protocol.mime.scan import header_only


def header_of(message: bytes) -> list[Field]:
    """Return the fields of a message's header, in order."""
    return header_fields(message[: header_only(message).header_end])
