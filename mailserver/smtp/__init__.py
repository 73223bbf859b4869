"""The SMTP edge: mail from other servers (MX), our users (submission), this machine (LMTP).

aiosmtpd gives the connection, its stream and the table of commands; what it lacks (pipelined
replies, content in chunks, CHUNKING, strict line ends, limits) is overridden here by subclass, and
this package is the only one that imports it. A connection is built in layers: `stream` (octets,
replies, TLS, time) → `connection` (one command after another) → `commands` (EHLO to RCPT) →
`receive` (DATA, BDAT) → `sign_in` (AUTH).
`handler` makes a Transaction of what they gathered, `policy` holds the bounds, `status` says
every Condition as a reply, `retries` keeps what one reply cannot say, `listener` owns the sockets.

It may import `mail`, `runtime`, `protocol` and `model`. It must never see the store, the vault or a
cipher, nor write anything of a message, a command or an address to a log.
"""
