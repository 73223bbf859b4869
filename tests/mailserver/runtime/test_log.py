import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.log import Redactor, cut_ip

KEY = b"k" * 32


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(KEY, ManualClock())


def redact(redactor: Redactor, **event: object) -> dict[str, Any]:
    return dict(redactor(logging.getLogger(), "info", dict(event)))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::77", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("::1", "::/48"),
        ("12:34:56", "12:34:56"),
        ("300.1.1.1", "300.1.1.1"),
    ],
)
def test_addresses_are_cut_to_their_network(redactor: Redactor, address: str, network: str) -> None:
    assert cut_ip(address) == network
    assert redactor.text(f"from [{address}] at once") == f"from [{network}] at once"


def test_local_part_becomes_a_name_that_holds_for_the_week(redactor: Redactor) -> None:
    said = redactor.text("to <Jan.Jansen@Example.ORG>")
    assert said == f"to <{redactor.pseudonym('jan.jansen')}@example.org>"
    assert redactor.text("jan.jansen@example.org") in said
    assert "ansen" not in redactor.text('"jan jansen"@example.org')


def test_text_passes_only_under_listed_names(redactor: Redactor) -> None:
    event = redact(redactor, event="kept", reason="greylisted", subject="canary", mailbox="canary")
    assert event == {
        "event": "kept",
        "reason": "greylisted",
        "subject": "<6 characters>",
        "mailbox": "<6 characters>",
    }


def test_numbers_and_instants_pass_and_containers_do_not(redactor: Redactor) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    event = redact(redactor, n=3, ok=True, at=at, octets=b"canary", items=["canary"], why={"a": 1})
    assert event == {
        "n": 3,
        "ok": True,
        "at": "2026-03-01T00:00:00+00:00",
        "octets": "<bytes>",
        "items": "<list>",
        "why": "<dict>",
    }


def test_types_of_ours(redactor: Redactor) -> None:
    event = redact(
        redactor,
        condition=Condition.OVER_QUOTA,
        sender=Address("jan", "example.org"),
        reason=Plaintext(b"canary"),
        error=ValueError("canary"),
    )
    assert event["condition"] == "over_quota"
    assert event["sender"] == f"{redactor.pseudonym('jan')}@example.org"
    assert event["reason"] == "<Plaintext>"
    assert "canary" not in json.dumps(event)


def test_long_text_is_cut(redactor: Redactor) -> None:
    assert len(redact(redactor, reason="x" * 10_000)["reason"]) == 201


def test_error_is_told_by_class_and_place_never_by_its_words(redactor: Redactor) -> None:
    try:
        try:
            raise ValueError("canary")
        except ValueError as first:
            raise Absent(Condition.NO_SUCH_USER, "canary") from first
    except Absent as error:
        event = redact(redactor, event="failed", exc_info=error)
    assert event["error"] == "Absent"
    assert event["condition"] == "no_such_user"
    assert event["cause"] == "ValueError"
    assert event["trace"][-1].startswith("test_log.py:")
    assert "canary" not in json.dumps(event)


def test_no_error_leaves_no_trace(redactor: Redactor) -> None:
    assert redact(redactor, event="a", exc_info=None) == {"event": "a"}
    assert redact(redactor, event="a", exc_info=True) == {"event": "a"}


def test_pseudonyms_change_with_the_week_and_the_key() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    first = Redactor(KEY, clock)
    name = first.pseudonym("jan")
    clock.advance(timedelta(days=3, hours=23))
    assert first.pseudonym("jan") == name  # 4 January 2026 is the Sunday of the same ISO week
    clock.advance(timedelta(hours=2))
    assert first.pseudonym("jan") != name
    assert Redactor(b"x" * 32, clock).pseudonym("jan") != first.pseudonym("jan")
