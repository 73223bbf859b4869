"""ManageSieve's grammar (RFC 5804): octets in, commands out, replies written; no sockets.

Lines and literals are IMAP's (RFC 5804 §1.2), so `machine` reads them with what `protocol/imap`
reads its own with.
"""
