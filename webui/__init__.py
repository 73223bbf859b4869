"""Zegel's webmail and console: HTTP edges over the services that SMTP and IMAP stand on.

It may import mailserver.{mail, accounts, privacy, operations, transfer, runtime, model} only,
and must never see the store, the vault or a cipher.
"""
