"""What is stored of people, by class, read from the schema: the list of PRIVACY §4."""

from typing import NamedTuple

from mailserver.store import keystore_tables, schema

READABLE = ("clear", "pseudonym", "guarded")
"""What the running server reads without anybody's password."""


class Held(NamedTuple):
    """A column that tells something of people."""

    pd: str
    """Its class: `clear`, `pseudonym`, `guarded` or `sealed`."""
    table: str
    column: str
    purpose: str


def held(*classes: str) -> list[Held]:
    """Return the columns of some classes, by class and table."""
    found = [
        Held(str(column.info["pd"]), table.name, column.name, str(column.info["purpose"]))
        for metadata in (schema.metadata, keystore_tables.metadata)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info["pd"] in classes
    ]
    return sorted(found, key=lambda one: (classes.index(one.pd), one.table, one.column))
