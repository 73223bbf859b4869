"""The registers over a node whose clock stands still."""

from typing import Any

from sqlalchemy import text

from mailserver.app.registers import Books, open_books
from mailserver.mail.tracing import Tracer
from mailserver.runtime.settings import load
from tests.support.accounts import Node


def books_of(node: Node, tracer: Tracer | None = None, **settings: Any) -> Books:
    """Open the registers of a node; `__` in the name of a setting stands for a dot."""
    wanted = {name.replace("__", "."): value for name, value in settings.items()}
    return open_books(
        load(None, {}, wanted),
        node.store,
        node.keystore,
        node.master,
        node.chain,
        node,
        node.clock,
        node.offload,
        node.tell,
        tracer or Tracer(node.clock),
    )


async def count(node: Node, table: str, where: str = "1 = 1") -> int:
    """Count rows of a table of the mail database."""
    query = text(f"SELECT COUNT(*) FROM {table} WHERE {where}")
    return int(await node.store.database.read(lambda c: c.execute(query).scalar_one()))
