"""The limits a client is told and held to (RFC 8620 §2, RFC 8621 §1.3.1)."""

from mailserver.model.mailbox import HIERARCHY_DEPTH, NAME_OCTETS

REQUEST_OCTETS = 10 * 1024 * 1024  # `bounds` refuses more before it is read
REQUESTS_AT_ONCE = 8
"""Of one account; WEBUI §2 asks for at most four."""
UPLOADS_AT_ONCE = 4
CALLS = 64
OBJECTS_IN_GET = 1_000
OBJECTS_IN_SET = 1_000
NESTING = 100
"""How deep filters may nest: recursion over a stranger's tree is bounded by it."""
JSON_NESTING = 250
"""How deep a request may nest; each of its calls can put what it refers to one level deeper."""
REFERRED_OCTETS = REQUEST_OCTETS
"""Of what all references of a request stand for: each could be of one that has two of its own."""
QUERY_LIMIT = 10_000
"""Of ids one /query returns; `limit` says so where it was less than asked for."""
BLOB_OCTETS = 50 * 1024 * 1024
"""Of a blob that is made of pieces."""
MAILBOX_DEPTH = HIERARCHY_DEPTH
MAILBOX_NAME_OCTETS = NAME_OCTETS
