"""Alembic revisions: `main/versions` for the mail database, `keystore/versions` for the keystore.

Run by `mailserver.store.migrate`, on a connection that is handed over, in one transaction a
database. A revision declares what it makes by itself and never imports `tables.py`, which moves
on. Each goes forward and back on SQLite and PostgreSQL; a step over data notes how far it came
and resumes there.
"""
