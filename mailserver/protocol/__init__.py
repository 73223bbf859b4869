"""Wire formats without the wire: octets in, plain values out (sans-IO).

A package a protocol: `mime` reads messages, `imap` reads commands and writes responses, `smtp`
knows replies and codes. Everything here is a function of its arguments: no socket, no clock, no
log, no randomness, so each part is fuzzed and replayed octet by octet without a network.

May import: the standard library and `mailserver.model`. Must never see: keys, ciphertext, accounts
or the store.
"""
