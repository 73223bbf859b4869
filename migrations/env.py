"""Alembic's entry: run the revisions on the connection that the store hands over.

The transaction is the caller's too, so that a schema is old or new and never between.
"""

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
