"""The ManageSieve edge (RFC 5804): sockets, TLS and sign-in for people who keep their own filters.

`listener` owns the sockets, `connection` moves octets between one of them and the sans-IO machine,
`session` carries out commands, `status` is the one place where a `Condition` becomes a reply.

Its grammar lives in `protocol/managesieve`, the scripts behind `mail`. It must never import the
store, the vault or a cipher.
"""
