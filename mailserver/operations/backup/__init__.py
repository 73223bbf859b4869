"""Copies of everything that stands in the databases and beside them, sealed to an offline key.

`sets` is what lies in a target, `create` makes a set while the server serves, `verify` proves one
without any secret, `restore` fills an empty place. Mail and keystore have sets of their own, in
targets of their own: the keystore's live for days, so that an erased account ends with them
(PRIVACY §5, §19; ADR 26). The master key is in none.
"""
