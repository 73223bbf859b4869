"""Migrations: forward and back on both engines, and no serving on another schema."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect

from mailserver.model.errors import Misconfigured
from mailserver.store import keystore_tables, schema
from mailserver.store.driver import Sql, fetch, run
from mailserver.store.engine import Database, open_database
from mailserver.store.migrate import Which, current, head, migrate, require_current

SCHEMAS = {Which.MAIN: schema.metadata, Which.KEYSTORE: keystore_tables.metadata}


def differences(connection: Connection, metadata: MetaData) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


async def refusal(database: Database, which: Which) -> str:
    with pytest.raises(Misconfigured) as refused:
        await require_current(database, which)
    return refused.value.text


@pytest.mark.parametrize("which", Which)
async def test_forward_is_what_the_tables_say_and_back_is_nothing(
    database_url: str, which: Which
) -> None:
    await migrate(database_url, which)
    await migrate(database_url, which)
    database = await open_database(database_url)
    try:
        await require_current(database, which)
        found = await database.read(lambda c: differences(c, SCHEMAS[which]))
        assert found == []
        assert await database.read(table_names) == set(SCHEMAS[which].tables)
    finally:
        await database.close()
    await migrate(database_url, which, to="base")
    await migrate(database_url, which, to="base")
    database = await open_database(database_url)
    try:
        assert await database.read(table_names) == set()
        assert "empty: run `zegel migrate`" in await refusal(database, which)
    finally:
        await database.close()
    await migrate(database_url, which, to="0001")


async def test_emails_outlive_their_tables_other_layout(database_url: str) -> None:
    values = ", ".join(["?"] * 9)
    put = Sql(f"INSERT INTO emails VALUES ({values})")
    rows = [(b"a" * 16, n, b"o" * 16, 1, 2, 3, 4, 5, b"sealed %d" % n) for n in (2, 1, 3)]
    await migrate(database_url, Which.MAIN, to="0001")
    for target in ("0002", "0001", "head"):
        database = await open_database(database_url)
        try:
            if target == "0002":
                await database.write(lambda c: [run(c, put, row) for row in rows])
            everything = Sql("SELECT * FROM emails ORDER BY email_id")
            assert await database.read(lambda c: fetch(c, everything)) == sorted(rows)  # noqa: B023
        finally:
            await database.close()
        await migrate(database_url, Which.MAIN, to=target)
    database = await open_database(database_url)
    try:
        found = await database.read(lambda c: fetch(c, Sql("SELECT summary FROM emails")))
        assert sorted(found) == [(b"sealed 1",), (b"sealed 2",), (b"sealed 3",)]
    finally:
        await database.close()


async def test_a_newer_schema_is_refused_and_left_alone(mail_url: str) -> None:
    database = await open_database(mail_url)
    try:
        change = Sql("UPDATE alembic_version SET version_num = ?")
        await database.write(lambda c: run(c, change, ("9999",)))
        assert "newer than this program" in await refusal(database, Which.MAIN)
        with pytest.raises(Misconfigured, match="newer"):
            await migrate(mail_url, Which.MAIN)
        assert await database.read(current) == "9999"
    finally:
        await database.close()


async def test_a_migration_that_fails_leaves_the_old_schema(database_url: str) -> None:
    database = await open_database(database_url)
    try:
        await database.write(lambda c: c.exec_driver_sql("CREATE TABLE audit (x INTEGER)"))
        with pytest.raises(Exception, match="audit"):
            await migrate(database_url, Which.MAIN)
        assert await database.read(table_names) == {"audit"}
    finally:
        await database.close()


async def test_each_step_of_a_database_in_use_is_told(mail_url: str) -> None:
    told: list[str] = []
    await migrate(mail_url, Which.MAIN, to="0012")
    await migrate(mail_url, Which.MAIN, tell=told.append)
    assert [line[:6] for line in told[:2]] == ["0013: ", "0014: "]
    assert "uploaded" in told[0]
    again: list[str] = []
    await migrate(mail_url, Which.MAIN, tell=again.append)
    assert again == []


def test_there_is_one_head_each() -> None:
    assert head(Which.MAIN) is not None
    assert head(Which.KEYSTORE) is not None


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_ciphertext_is_not_compressed_again(mail_url: str) -> None:
    stored = Sql(
        "SELECT attrelid::regclass::text FROM pg_attribute WHERE attstorage = 'e' AND attnum > 0"
        " AND attrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r') ORDER BY 1"
    )
    database = await open_database(mail_url)
    try:
        rows = await database.read(lambda c: fetch(c, stored))
    finally:
        await database.close()
    assert [name for (name,) in rows] == [
        *("blobs", "emails", "list_blocks", "queue_messages", "search_segments", "search_tails")
    ]
