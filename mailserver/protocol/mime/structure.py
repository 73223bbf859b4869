"""IMAP's BODYSTRUCTURE and BODY, finished octets (RFC 3501 §7.4.2, RFC 9051 §7.5.2).

Both come of one walk, since delivery wants both: BODY is BODYSTRUCTURE without extension data.
"""

from mailserver.protocol.mime.envelope import NIL, envelope, nstring, string
from mailserver.protocol.mime.headers import Parameters
from mailserver.protocol.mime.scan import Part

_NO_EXTENSIONS = b" NIL NIL NIL"
_OPAQUE = b'"application" "octet-stream"'
_US_ASCII: Parameters = ((b"charset", b"us-ascii"),)


def bodystructure(part: Part) -> bytes:
    """Write the structure of `part` with its extension data."""
    return structures(part)[0]


def body(part: Part) -> bytes:
    """Write the structure of `part` without extension data."""
    return structures(part)[1]


def structures(part: Part) -> tuple[bytes, bytes]:
    """Write (BODYSTRUCTURE, BODY) of `part`."""
    if part.children:
        pairs = [structures(child) for child in part.children]
        kind = string(part.subtype)
        return (
            b"(%b %b %b%b)"
            % (
                b"".join(long for long, _ in pairs),
                kind,
                _parameters(part.params),
                _extensions(part),
            ),
            b"(%b %b)" % (b"".join(short for _, short in pairs), kind),
        )
    basic = _basic(part)
    if part.message is not None:
        long, short = structures(part.message)
        wrapped = b"(%b %d %b" % (basic, part.body_octets, envelope(part.message.fields))
        return (
            b"%b %b %d %b%b)" % (wrapped, long, part.lines, nstring(part.md5), _extensions(part)),
            b"%b %b %d)" % (wrapped, short, part.lines),
        )
    if part.type == b"text":
        basic = b"(%b %d %d" % (basic, part.body_octets, part.lines)
    else:
        basic = b"(%b %d" % (basic, part.body_octets)
    return b"%b %b%b)" % (basic, nstring(part.md5), _extensions(part)), basic + b")"


def _basic(part: Part) -> bytes:
    """Write type, subtype and `body-fields` without the size."""
    params = part.params
    if part.type == b"message" and part.message is None and part.subtype in (b"rfc822", b"global"):
        kind = _OPAQUE  # a message in base64: clients would look for an envelope
    else:
        kind = b"%b %b" % (string(part.type), string(part.subtype))
        if not params and part.type == b"text" and part.subtype == b"plain":
            params = _US_ASCII  # RFC 2045 §5.2
    return b"%b %b %b %b %b" % (
        kind,
        _parameters(params),
        nstring(part.id),
        nstring(part.description),
        string(part.encoding),
    )


def _parameters(params: Parameters) -> bytes:
    if not params:
        return NIL
    return b"(%b)" % b" ".join([b"%b %b" % (string(name), string(value)) for name, value in params])


def _extensions(part: Part) -> bytes:
    """Write disposition, language and location, each after a space."""
    if not part.disposition and len(part.content) < 3:
        content = part.content
        if b"content-language" not in content and b"content-location" not in content:
            return _NO_EXTENSIONS
    disposition, tags = NIL, part.language
    if part.disposition:
        disposition = b"(%b %b)" % (
            string(part.disposition),
            _parameters(part.disposition_params),
        )
    return b" %b %b %b" % (
        disposition,
        b"(%b)" % b" ".join(map(string, tags)) if tags else NIL,
        nstring(part.location),
    )
