"""The ManageSieve edge (RFC 5804): sockets, TLS and sign-in for people who keep their own filters.

Its grammar lives in `protocol/managesieve`, the scripts behind `mail`. It must never import the
store, the vault or a cipher.
"""
