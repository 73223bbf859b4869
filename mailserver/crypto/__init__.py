"""Every cipher, hash and signature of the server, composed from `cryptography`; we invent none.

Pure: octets in, octets out, no clock, no file, no event loop, and safe to call from several
threads. It may import `mailserver.model`, `cryptography`, `argon2`, `joserfc` and `zstandard`, and
is the only importer of those for ciphers (`runtime/tls.py` aside, for certificates). It must never
see an account's records, a database row or a socket: which key opens what is the vault's knowledge.

Authentication that fails raises `Corrupt`; nothing here returns False for "forged", and no error
carries key or text.

Source: `docs/architecture.md`, "Keys"; RFC 5116, 5869, 9106, 9180.
"""
