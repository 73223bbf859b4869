"""Ciphertext and metadata, durably: the only package that imports SQLAlchemy.

It may import `runtime` and `model`. It must never see a key, readable mail or a cipher: whatever
a caller wants kept secret arrives here as `Sealed` or `Guarded` octets, and leaves as such. It
ignores the vault, its neighbour on this layer; `mail` and `accounts` above carry rows from one to
the other.

One schema serves two engines. A query is a plain function over a SQLAlchemy Core `Connection`: on
SQLite it runs in a reader thread or on the one writer thread, on PostgreSQL inside
`AsyncConnection.run_sync` (`engine.py`). Every write is one job of a *group*, all of which share
a commit (`group.py`): a method returns when that is durable.
"""
