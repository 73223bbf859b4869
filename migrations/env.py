"""Alembic's entry: run the revisions on the connection that the store hands over.

The transaction is the caller's too, so that a schema is old or new and never between.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]
applied: Callable[[str], None] = context.config.attributes["applied"]


def tell(
    ctx: MigrationContext,
    step: MigrationInfo,
    heads: Collection[Any],
    run_args: Mapping[str, Any],
) -> None:
    """Name the revision that was applied, or taken back."""
    applied(str(step.up_revision_id))


context.configure(
    connection=connection,
    transactional_ddl=True,
    render_as_batch=True,
    on_version_apply=tell,
)
with context.begin_transaction():
    context.run_migrations()
