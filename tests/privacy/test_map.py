"""Every column says what it holds, why and how long (PRIVACY §4, T-MAP)."""

from typing import get_args

import pytest
from sqlalchemy import Column, Table

from mailserver.store import keystore_tables, schema, tables
from mailserver.store.columns import Class, Retention

COLUMNS = [
    pytest.param(column, id=f"{table.name}.{column.name}")
    for metadata in (schema.metadata, keystore_tables.metadata)
    for table in metadata.sorted_tables
    for column in table.columns
]
CLEAR_IN_MAIN = {
    *("account_id", "address", "state", "created_at", "quota_octets", "used_octets", "role"),
    *("recent_from", "total", "unseen", "deleted", "octets", "size_octets", "internaldate"),
    *("flags", "keywords", "saved_at", "kind", "numbers", "at", "event", "subject"),
    *("next_at", "queued_at", "expires_at"),
    *("sent", "sent_before", "notice", "sort_order"),
    *("settled", "changed_at", "asked_at", "customer"),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_t_map_each_column_is_classified(column: Column[object]) -> None:
    assert set(column.info) == {"pd", "purpose", "retention"}
    assert column.info["pd"] in get_args(Class)
    assert column.info["purpose"].strip()
    assert column.info["retention"].strip()


def test_retention_of_mail_is_one_of_those_we_have() -> None:
    used = {c.info["retention"] for t in schema.metadata.sorted_tables for c in t.columns}
    assert used <= set(get_args(Retention))


def test_what_stands_in_clear_is_what_the_notes_justify() -> None:
    clear = {
        column.name
        for table in schema.metadata.sorted_tables
        for column in table.columns
        if column.info["pd"] == "clear"
    }
    assert clear == CLEAR_IN_MAIN


@pytest.mark.parametrize("table", schema.PER_ACCOUNT, ids=lambda table: table.name)
def test_keys_of_an_accounts_rows_begin_with_the_account(table: Table) -> None:
    if (
        table is tables.addresses
    ):  # an index from outside to the account; it routes, and holds no mail
        return
    assert next(iter(table.primary_key.columns)).name == "account_id"
