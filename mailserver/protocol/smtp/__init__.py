"""SMTP and LMTP on the wire (RFC 5321, RFC 2033): commands, replies, content, trace fields.

Every part is a function of its arguments: the edge brings the octets, the instant and the random
token. It may import the standard library, `mailserver.model` and the header reading of
`protocol.mime`; it must never see asyncio, a socket, a log, a clock, the store or a key.
"""
