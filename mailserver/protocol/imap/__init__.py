"""IMAP4rev1 and IMAP4rev2 on the wire (RFC 3501, RFC 9051): octets to commands, values to octets.

`machine.Machine.feed` turns whatever octets came into events (`event`), one of which carries a
parsed command (`command`); `response` writes what goes back. It may import the standard library,
`mailserver.model` and the `Section` of `protocol.mime`; it must never see asyncio, a socket, a log,
a clock, the store or a key.
"""
