"""Reports and observations: counted together, kept for a while, dropped when reported."""

from datetime import timedelta

import pytest

from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import ManualClock
from mailserver.store.ageing import Aged
from mailserver.store.reports import (
    OBSERVATIONS_KEPT,
    REPORTS_KEPT,
    Day,
    NewReport,
    Observed,
    ReportKind,
    day_of,
)
from mailserver.store.store import Store

DOMAIN, OTHER = b"d" * 16, b"e" * 16


def report(number: int, kind: ReportKind = ReportKind.DMARC) -> NewReport:
    name = number.to_bytes(16, "big")
    return NewReport("example.org", name, kind, True, 20, 3, Guarded(b"x" * 100))


def seen(name: int, times: int = 1, *, day: int = 20_000, domain: bytes = DOMAIN) -> Observed:
    detail = Guarded(b"line %d" % name)
    return Observed(ReportKind.DMARC, day, domain, name.to_bytes(16, "big"), times, detail)


async def test_a_report_that_comes_twice_is_kept_once(
    store: Store, store_clock: ManualClock
) -> None:
    assert await store.reports.add(report(1))
    assert not await store.reports.add(report(1))
    since = store_clock.now() - timedelta(days=1)
    assert await store.reports.volume("example.org", since) == (1, 100)
    assert await store.reports.volume("example.net", since) == (0, 0)


async def test_reports_are_read_in_pages_by_kind(store: Store, store_clock: ManualClock) -> None:
    for number in (3, 1, 2):
        await store.reports.add(report(number))
    await store.reports.add(report(9, ReportKind.TLS))
    since = store_clock.now() - timedelta(days=1)
    first = await store.reports.page("example.org", ReportKind.DMARC, since, 2)
    rest = await store.reports.page("example.org", ReportKind.DMARC, since, 2, first[-1])
    assert [int.from_bytes(row.name, "big") for row in (*first, *rest)] == [1, 2, 3]
    assert first[0].proven
    assert (first[0].total, first[0].failed) == (20, 3)


async def test_reports_go_after_thirty_days(store: Store, store_clock: ManualClock) -> None:
    await store.reports.add(report(1))
    at = store_clock.now()
    for age, left in ((REPORTS_KEPT - timedelta(seconds=1), 1), (REPORTS_KEPT, 0)):
        await store.ageing.end(Aged.REPORTS, at + age - REPORTS_KEPT)
        assert (await store.reports.volume("example.org", at - timedelta(days=1)))[0] == left


async def test_what_is_observed_again_is_counted_together(store: Store) -> None:
    await store.reports.observe([seen(1, 5), seen(2)])
    await store.reports.observe([seen(2, 10), seen(1, domain=OTHER)])
    (mine, theirs) = await store.reports.days(20_001, 10)
    assert {mine.domain, theirs.domain} == {DOMAIN, OTHER}
    rows = await store.reports.of_day(Day(ReportKind.DMARC, 20_000, DOMAIN), 10)
    assert [(row.times, bytes(row.detail)) for row in rows] == [(11, b"line 2"), (5, b"line 1")]


async def test_a_day_that_is_not_over_is_not_due(store: Store) -> None:
    await store.reports.observe([seen(1), seen(1, day=20_001)])
    assert [day.day for day in await store.reports.days(20_001, 10)] == [20_000]


async def test_what_is_reported_is_dropped_and_the_rest_stays(store: Store) -> None:
    await store.reports.observe([seen(1), seen(1, day=20_001), seen(1, domain=OTHER)])
    await store.reports.settle(Day(ReportKind.DMARC, 20_000, DOMAIN))
    left = await store.reports.days(30_000, 10)
    assert {(day.day, day.domain) for day in left} == {(20_001, DOMAIN), (20_000, OTHER)}


async def test_what_nobody_could_report_is_dropped(store: Store, store_clock: ManualClock) -> None:
    today = day_of(store_clock.now())
    kept = [seen(1, day=today - OBSERVATIONS_KEPT), seen(1, day=today - OBSERVATIONS_KEPT - 1)]
    await store.reports.observe(kept)
    await store.ageing.end(Aged.OBSERVATIONS, store_clock.now() - timedelta(days=OBSERVATIONS_KEPT))
    assert [day.day for day in await store.reports.days(today, 10)] == [today - OBSERVATIONS_KEPT]


@pytest.mark.parametrize("rows", [0, 1, 2_000])
async def test_a_batch_of_any_size_is_one_write(store: Store, rows: int) -> None:
    await store.reports.observe([seen(number) for number in range(rows)])
    day = Day(ReportKind.DMARC, 20_000, DOMAIN)
    assert len(await store.reports.of_day(day, 5_000)) == rows
