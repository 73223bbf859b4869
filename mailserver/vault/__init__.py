"""The plaintext boundary: the one package that opens what is sealed and seals what is readable.

`master` holds the server's keys, `records` the authenticated rows of the keystore, `credentials`
turns a person's or device's secret into the account's key, `session` is the unlocked account (the
one thing that opens mail), `epochs` keeps the running content keys of readers who are away, `guard`
seals what the server itself must read.

It may import `crypto`, `runtime` and `model`. It must never see a database: rows come in and go out
as plain values, which `accounts` (keystore) and `mail` (epochs, objects) carry. No key, password or
text appears in its errors, representations or pickles.

Source: `docs/architecture.md`, "Keys".
"""
