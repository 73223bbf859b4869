"""Messages as octets (RFC 5322, RFC 2045 to 2049): where parts lie, what headers and texts say.

The theory. A message is scanned once, at delivery, into a tree of byte offsets (`scan`); nothing
is copied, and nothing decoded that is not asked for. From the tree come the finished IMAP answers
(`envelope`, `structure`, `section`), the sealed list data (`summary`) and the text that search
reads (`text`). `headers` holds the small languages of header fields: folding, encoded words,
parameters, addresses, dates and message ids.

Two promises hold for every function here. No octets whatsoever make it raise: mail is written by
strangers, and what cannot be understood is kept as opaque octets. And none costs more than a
constant times the octets it is given: the worst message a stranger can write is no more work than
a long one.

May import: the standard library, and the errors of `mailserver.model`. Must never see: I/O, a
clock, a key, an account.
"""
