"""The vocabulary that SMTP, IMAP and JMAP share: delivering, reading and arranging mail.

It joins the store's rows with the vault's keys, so it is where ciphertext and plaintext meet; what
it hands to an edge is a `Plaintext` or a row without content.

It may import vault, store, audit, index, protocol and everything below. It must never see a socket
or a protocol's reply, and it ignores `accounts`: who may open an account is decided there, and the
opened account is handed in.
"""
