"""The relay edge: takes due entries of the queue to other servers, with the TLS their domain asks.

`runner` keeps the due entries moving, `route` finds where and how, `client` speaks SMTP, `bounce`
writes what the sender must know. It may import `mail`, `mailauth`, `protocol`, `runtime` and
`model`, and is the only importer of aiosmtplib. It must never see a table or a key.
"""
