"""Alerts: each thing that may be wrong, told once a state, again each day, and when it is over."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from mailserver.accounts.ending import everything_of
from mailserver.app import alarms
from mailserver.app.alarms import ERASURE
from mailserver.audit.entry import OPERATOR, Event
from mailserver.mail.parcels import Origin, Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Onward, RemoteReply
from mailserver.model.sealed import Plaintext
from mailserver.operations.alerts import AGAIN, KEPT, PATIENCE
from mailserver.operations.backup.sets import new_name
from mailserver.operations.doctor.finding import failure, good, warning
from mailserver.privacy.breach import Detector, Risk
from mailserver.privacy.request import Right, Source
from mailserver.store.registers import Register
from tests.support.alert_desk import IT, NOW, OFFICER, OTHER, TAKEN, Desk, certify, desk_in
from tests.support.house import add_person

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GONE = RemoteReply("no such user", 550)


@pytest.fixture
async def desk(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path, **databases) as opened:
        yield opened


async def test_nothing_is_wrong_and_nobody_is_written_to(desk: Desk) -> None:
    desk.findings = [good("disk", "/", "room")]
    assert await desk.look() == []
    assert await desk.look(DAY) == []
    assert desk.letters == {}


async def test_a_certificate_is_told_once_then_daily_then_over(desk: Desk, tmp_path: Path) -> None:
    certify(tmp_path, NOW - timedelta(days=365 - 14))
    assert await desk.look() == [("certificate", "new")]
    letters = desk.letters
    assert list(letters) == [IT]
    assert letters[IT]["Subject"] == ("[localhost] the certificate ends in 13 days, on 2026-03-16")
    assert letters[IT]["Auto-Submitted"] == "auto-generated"
    assert await desk.look(HOUR) == []
    assert await desk.look(AGAIN) == [("certificate", "still")]
    assert "STILL" in desk.letters[IT].get_content()
    assert await desk.look(13 * DAY) == [("certificate", "changed")]
    certify(tmp_path, desk.clock.now())
    assert await desk.over() == [("certificate", "over")]
    assert "OVER" in desk.letters[IT]["Subject"]
    assert await desk.look(DAY) == []


async def test_what_comes_and_goes_is_one_letter(desk: Desk, tmp_path: Path) -> None:
    old = NOW - timedelta(days=360)
    certify(tmp_path, old)
    assert await desk.look() == [("certificate", "new")]
    for _ in range(5):
        certify(tmp_path, NOW)
        assert await desk.look(timedelta(minutes=10)) == []
        certify(tmp_path, old)
        assert await desk.look(timedelta(minutes=10)) == []


async def test_little_room_on_a_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "DISK_PERCENT", 101)
    told = await desk.look()
    assert set(told) == {("disk", "new")}
    assert "is free" in desk.letters[IT].get_content()
    monkeypatch.undo()
    assert set(await desk.over()) == {("disk", "over")}


async def queued(desk: Desk) -> None:
    origin = Origin(None, desk.house.master.instance_guard)
    message = Plaintext(b"Subject: canary-subject\r\n\r\nx\r\n")
    to = [Onward(Address("canary", "slow.test"))]
    await desk.house.outgoing.enqueue(Parcel(origin, Envelope(None), message, to))


async def test_mail_that_waits_for_hours(desk: Desk) -> None:
    await queued(desk)
    assert await desk.look(3 * HOUR) == []
    assert await desk.look(HOUR) == [("queue", "new")]
    assert "waited in the queue for 4 hours" in desk.letters[IT]["Subject"]
    assert b"canary" not in desk.letters[IT].as_bytes()
    ((due, _),) = await desk.waiting()
    await desk.house.outgoing.delivered(due, TAKEN)
    assert await desk.over() == [("queue", "over")]


async def test_mail_that_is_held_back_on_purpose_is_not_late(desk: Desk) -> None:
    await queued(desk)
    (row,) = await desk.house.store.queue.rows(10)
    await desk.house.queue_desk.hold([row.queue_id])
    assert await desk.look(2 * DAY) == []


async def test_backups_that_are_late_and_drills_that_fail(
    tmp_path: Path, databases: dict[str, str]
) -> None:
    one, two, keys = tmp_path / "one", tmp_path / "two", tmp_path / "keys"
    for place in (one, two, keys):
        place.mkdir()
    targets = {"backup__targets": [one, two], "backup__keystore_targets": [keys]}
    async with desk_in(tmp_path, **databases, **targets) as desk:
        assert await desk.look() == []  # it is new
        for place, kind in ((one, "mail"), (two, "mail"), (keys, "keystore")):
            (place / kind / new_name(desk.clock.now())).mkdir(parents=True)
        assert await desk.look(2 * DAY) == []
        (one / "mail" / new_name(desk.clock.now())).mkdir()
        (keys / "keystore" / new_name(desk.clock.now())).mkdir()
        assert await desk.look(HOUR) == [("backup", "new")]  # the second target is behind
        assert "(mail) is of 2026-03-02" in desk.letters[IT]["Subject"]
        shutil.rmtree(two)  # its mount went away
        (one / "mail" / new_name(desk.clock.now())).mkdir()
        (keys / "keystore" / new_name(desk.clock.now())).mkdir()
        assert await desk.look(DAY) == [("backup", "still")]
        (two / "mail" / new_name(desk.clock.now())).mkdir(parents=True)
        assert await desk.over() == [("backup", "over")]
        for outcome, told in (("failed", "new"), ("done", None)):
            facts = {"drill": outcome}
            await desk.house.chain.record(Event.BACKUP_RUN, actor=OPERATOR, facts=facts)
            assert await desk.look() == ([("drill", told)] if told else [])
        assert await desk.look(HOUR) == [("drill", "over")]


@pytest.mark.parametrize("sparing", [False, True])
async def test_t_br_reminders_of_a_breach_reach_the_officer(desk: Desk, *, sparing: bool) -> None:
    breaches = desk.house.books.breaches
    number = await breaches.open("canary-nature of somebody's letters")
    assert await desk.look() == [("breach", "new")]
    letters = desk.letters
    assert set(letters) == {IT, OFFICER}
    assert all(b"canary" not in letter.as_bytes() for letter in letters.values())
    assert f"breach {number} waits" in letters[OFFICER]["Subject"]
    aware = await breaches.become_aware(number)
    assert await desk.look() == [("breach", "changed")]
    assert f"{aware.deadline:%Y-%m-%d %H:%M} UTC" in desk.letters[IT]["Subject"]
    for hours in (24, 24, 12, 10):
        assert await desk.look(timedelta(hours=hours) - 2 * timedelta(seconds=1)) == []
        assert await desk.look(timedelta(seconds=2)) == [("breach", "changed")]
    assert await desk.look(3 * HOUR) == [("breach", "changed")]  # too late
    assert await desk.look(DAY) == [("breach", "still")]
    if sparing:
        await breaches.assess(number, Risk.NONE, "Nobody read it.")
        assert await desk.look() == [("breach", "changed")]
        await breaches.spare_authority(number, "There is no risk.")
        assert await desk.over() == [("breach", "over")]


async def test_t_dsr_requests_are_told_at_14_7_2_days_and_on_the_day(desk: Desk) -> None:
    books = desk.house.books
    request = await books.requests.receive(
        Right.ACCESS, Source.FORM, "canary-person@example.org", at=desk.clock.now()
    )
    ends = request.term(books.profile, desk.clock.now()).ends_at
    assert await desk.look() == []
    for days in (14, 7, 2, 1):
        at = ends - timedelta(days=days) - desk.clock.now()
        assert await desk.look(at - timedelta(minutes=1)) == []
        told = "new" if days == 14 else "changed"
        assert await desk.look(timedelta(minutes=1)) == [("request", told)]
        letters = desk.letters
        assert set(letters) == {IT, OFFICER}
        assert b"canary" not in letters[OFFICER].as_bytes()
    assert await desk.look(DAY) == [("request", "changed")]
    assert await desk.look(DAY) == [("request", "still")]
    await books.requests.answer(request.number, late="The officer was ill.")
    assert await desk.over() == [("request", "over")]


async def test_what_the_scrubber_found_stands_until_the_entry_is_over(desk: Desk) -> None:
    suspicions, breaches = desk.house.books.suspicions, desk.house.books.breaches
    await suspicions.damaged(["account 00: blob 1: altered"])
    assert await desk.look() == [("scrub", "new"), ("breach", "new")]
    assert set(desk.letters) == {IT, OFFICER}
    (found,) = await breaches.listing()
    assert found.detector is Detector.SCRUB
    await breaches.dismiss(found.number, "A failing disk.")
    assert sorted(await desk.over()) == [("breach", "over"), ("scrub", "over")]


async def test_an_audit_log_that_somebody_altered(desk: Desk) -> None:
    await add_person(desk.house, "noor")
    assert await desk.house.books.verify_log()
    change = text("UPDATE audit SET event = 'other' WHERE seq = 2")
    await desk.house.store.database.write(lambda connection: connection.execute(change))
    assert not await desk.house.books.verify_log()
    assert await desk.look() == [("audit", "new"), ("breach", "new")]
    assert "zegel audit verify" in desk.letters[IT].get_content()


async def test_what_is_kept_too_long_is_told_after_two_days(desk: Desk) -> None:
    state = {"trash": {"done": "", "failing": desk.clock.now().isoformat(), "told": False}}
    await desk.house.books.ledger.note(Register.RETENTION, 1, state)
    assert await desk.look(timedelta(hours=48) - timedelta(seconds=1)) == []
    assert await desk.look(timedelta(seconds=1)) == [("retention", "new")]
    letters = desk.letters
    assert set(letters) == {IT, OFFICER}
    assert "trash" in letters[IT]["Subject"]
    await desk.house.books.ledger.note(Register.RETENTION, 1, {"trash": {"done": "x"}})
    assert await desk.over() == [("retention", "over")]


async def test_an_erasure_that_stopped_half_way_is_told_after_a_day(desk: Desk) -> None:
    await add_person(desk.house, "noor")
    account_id = await desk.house.store.accounts.by_address("noor@example.test")
    assert account_id is not None
    assert await desk.look(DAY) == []
    await desk.house.keyring.apply(everything_of(account_id))
    assert await desk.look() == []
    assert await desk.look(DAY) == [("erasure", "new")]
    assert set(desk.letters) == {IT, OFFICER}
    await desk.house.provisioning.remove_user(Address("noor", "example.test"))
    assert await desk.over() == [("erasure", "over")]


async def test_an_erasure_that_fails_is_told_after_a_day_but_not_one_that_is_held(
    desk: Desk,
) -> None:
    await add_person(desk.house, "noor")
    account_id = await desk.house.store.accounts.by_address("noor@example.test")
    assert account_id is not None
    books = desk.house.books
    _, at = await books.erasure.ask(account_id, "noor@example.test", None)
    assert at is not None
    assert await desk.look(at + ERASURE - desk.clock.now() - HOUR / 60) == []
    assert await desk.look(HOUR / 60) == [("erasure", "new")]
    assert set(desk.letters) == {IT, OFFICER}
    assert b"noor" not in desk.letters[IT].as_bytes()
    await books.holds.add("order of the court", desk.clock.now(), account_id=account_id)
    assert await desk.over() == [("erasure", "over")]


async def test_keys_that_came_to_lie_with_the_mail(desk: Desk, tmp_path: Path) -> None:
    assert await desk.look() == []
    (tmp_path / "secrets").rename(tmp_path / "data" / "secrets")
    (tmp_path / "secrets").symlink_to(tmp_path / "data" / "secrets")
    assert await desk.look() == [("separation", "new")]
    assert "keys.master_file" in desk.letters[IT].get_content()


async def test_the_doctor_writes_once_a_day_and_when_something_else_is_wrong(desk: Desk) -> None:
    desk.findings = [warning("spf", "example.test", "none", "add it"), good("mx", "x", "y")]
    assert await desk.look() == [("doctor", "new")]
    letter = desk.letters[IT]
    assert "found 1 things" in letter["Subject"]
    assert "WARNING: spf example.test: none" in letter.get_content()
    desk.findings.append(failure("dane", "mail.example.test", "not ours", "mend it"))
    assert await desk.look(HOUR) == []  # it looks once a day
    assert await desk.look(DAY) == [("doctor", "changed")]
    desk.findings = []
    assert await desk.look(HOUR) == []
    assert await desk.look(DAY) == [("doctor", "over")]


async def test_what_cannot_be_looked_at_is_not_over(desk: Desk, tmp_path: Path) -> None:
    desk.findings = [failure("mx", "example.test", "none", "add it")]
    assert await desk.look() == [("doctor", "new")]

    async def away() -> list[object]:
        raise TimeoutError

    desk.watch.examine = away  # type: ignore[assignment]
    assert await desk.look(3 * DAY) == []
    assert await desk.look(3 * DAY) == []
    assert list(await desk.watch.alerts.standing()) == ["doctor:"]


async def test_a_letter_that_does_not_arrive_goes_to_the_second_contact(
    tmp_path: Path, databases: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    async with desk_in(tmp_path, alerts__fallback=[OTHER], **databases) as desk:
        desk.findings = [failure("mx", "example.test", "none", "add it")]
        await desk.look(arrive=False)
        ((due, letter),) = await desk.waiting()
        await desk.house.outgoing.failed(due, GONE)
        assert '"event":"an alert did not arrive"' in capsys.readouterr().err
        ((second, passed),) = await desk.waiting()
        assert str(second.recipient.address) == OTHER
        assert passed["Subject"] == letter["Subject"]
        assert "did not reach its first readers" in passed.get_content()
        assert "FAILURE: mx example.test: none" in passed.get_content()
        await desk.house.outgoing.failed(second, GONE)
        assert await desk.waiting() == []  # there is no third
        assert '"event":"an alert did not arrive"' in capsys.readouterr().err


async def test_a_letter_that_waits_for_hours_goes_to_the_second_contact_once(
    tmp_path: Path, databases: dict[str, str]
) -> None:
    wanted = {"alerts__fallback": [OTHER], "alerts__queue_hours": 120}
    async with desk_in(tmp_path, **wanted, **databases) as desk:
        desk.findings = [failure("mx", "example.test", "none", "add it")]
        await desk.look(arrive=False)
        await desk.look(PATIENCE, arrive=False)
        assert len(await desk.house.store.queue.rows(10)) == 1
        for _ in range(2):
            await desk.look(arrive=False)
            assert len(await desk.house.store.queue.rows(10)) == 2
        for due, _ in await desk.waiting():
            await desk.house.outgoing.delivered(due, TAKEN)
        await desk.look(KEPT + HOUR)
        left = await desk.house.books.ledger.noted(Register.ALERT, alarms.LETTERS)
        assert len(left["letters"]) == 1  # the daily one of this look


async def test_letters_are_guarded_and_a_test_reaches_everybody(desk: Desk) -> None:
    assert list(map(str, await desk.watch.alerts.test())) == [IT, OFFICER]
    rows = await desk.house.store.registers.rows(Register.ALERT)
    assert rows
    assert all(b"elsewhere" not in bytes(row.entry) for row in rows)
    subjects = {str(due.recipient.address): one["Subject"] for due, one in await desk.waiting()}
    assert subjects == dict.fromkeys((IT, OFFICER), "[localhost] Test: alerts arrive here")


async def test_the_privacy_contact_alone_hears_of_what_concerns_people(
    tmp_path: Path, databases: dict[str, str]
) -> None:
    async with desk_in(tmp_path, alerts__to=[], alerts__language="nl", **databases) as desk:
        desk.findings = [failure("mx", "example.test", "none", "add it")]
        await desk.look()
        assert desk.letters == {}
        await desk.house.books.breaches.open("A laptop is gone.")
        await desk.look()
        assert list(desk.letters) == [OFFICER]
        assert "datalek 1 wacht op antwoord" in desk.letters[OFFICER]["Subject"]
        assert "doctor" not in desk.letters[OFFICER].get_content()


async def test_who_names_nobody_is_left_in_peace(tmp_path: Path, databases: dict[str, str]) -> None:
    nobody = {"alerts__to": [], "organisation__contact": "Ask at the desk"}
    async with desk_in(tmp_path, **nobody, **databases) as desk:
        desk.findings = [failure("mx", "example.test", "none", "add it")]
        assert await desk.look() == []
        assert await desk.watch.alerts.test() == []
        assert desk.letters == {}
