"""Who receives, from the command line."""

import pytest

from tests.support.command import Zegel, prepared

PASSWORD = "seven tides under the bridge\n"
ADMIN = "two herons on a frozen canal\n"


@pytest.fixture(scope="module")
def zegel(tmp_path_factory: pytest.TempPathFactory) -> Zegel:
    ready = prepared(tmp_path_factory.mktemp("cli") / "run")
    ready.done("domain", "add", "example.test", "--postmaster", "noor@example.test")
    ready.done("user", "add", "noor@example.test", "--language", "nl", given=PASSWORD)
    ready.done("user", "add", "bram@example.test", given=PASSWORD)
    return ready


def test_a_domain_without_a_postmaster_is_told_of(zegel: Zegel) -> None:
    said = zegel.done("domain", "add", "other.test")
    assert "postmaster@other.test" in said
    assert "450" in said
    assert "450" not in zegel.done(
        "domain", "role", "other.test", "postmaster", "noor@example.test"
    )
    row = zegel.done("domain", "list").splitlines()[-1].split()
    assert (row[0], row[2:4]) == ("other.test", ["noor@example.test", "-"])
    assert "is no role" in zegel.refused(
        "domain", "role", "other.test", "king", "noor@example.test"
    )


def test_an_alias_is_given_listed_and_taken_away(zegel: Zegel) -> None:
    zegel.done("alias", "add", "noor@example.test", "n.dewit@example.test")
    assert zegel.done("alias", "list", "noor@example.test").split() == [
        "noor@example.test",
        "n.dewit@example.test",
    ]
    assert "already" in zegel.refused("alias", "add", "bram@example.test", "N.deWit@example.test")
    zegel.done("alias", "remove", "n.dewit@example.test")
    assert "own name" in zegel.refused("alias", "remove", "noor@example.test")


def test_a_former_address_needs_a_second_administrator(zegel: Zegel) -> None:
    zegel.done("alias", "add", "noor@example.test", "desk@example.test")
    zegel.done("alias", "remove", "desk@example.test")
    words = ("alias", "add", "bram@example.test", "desk@example.test")
    assert "--second-admin" in zegel.refused(*words)
    zegel.done("admin", "create", "joris", given=ADMIN)
    assert "not right" in zegel.refused(*words, "--second-admin", "joris", given="something else\n")
    zegel.done(*words, "--second-admin", "joris", given=ADMIN)
    assert "desk@example.test" in zegel.done("alias", "list", "bram@example.test")


def test_a_group_and_its_members(zegel: Zegel) -> None:
    zegel.done("group", "add", "team@example.test", "noor@example.test", "--posting", "members")
    zegel.done("group", "join", "team@example.test", "bram@example.test", "ext@elsewhere.test")
    zegel.done("group", "leave", "team@example.test", "ext@elsewhere.test")
    assert zegel.done("group", "list", "team@example.test").split() == [
        "noor@example.test",
        "bram@example.test",
    ]
    zegel.done("group", "posting", "team@example.test", "domain")
    row = zegel.done("group", "list").splitlines()[-1]
    assert row.split() == ["team@example.test", "2", "domain"]
    assert "already" in zegel.refused("group", "add", "team@example.test", "noor@example.test")
    zegel.done("domain", "forwarding", "example.test", "--inside-only")
    assert "policy" in zegel.refused("group", "join", "team@example.test", "ext@elsewhere.test")
    zegel.done("domain", "forwarding", "example.test", "--anywhere")
    zegel.done("group", "remove", "team@example.test")
    assert "no group" in zegel.refused("group", "list", "team@example.test")


def test_forwarding_is_approved_listed_and_ended(zegel: Zegel) -> None:
    zegel.done("forward", "approve", "noor@example.test", "noor@home.test")
    assert zegel.done("forward", "list", "noor@example.test").split() == ["noor@home.test"]
    zegel.done("forward", "remove", "noor@example.test", "noor@home.test")
    assert zegel.done("forward", "list", "noor@example.test") == ""
    assert "not sent on" in zegel.refused("forward", "remove", "noor@example.test", "a@b.test")


def test_a_catch_all_is_an_account(zegel: Zegel) -> None:
    zegel.done("domain", "catch-all", "example.test", "bram@example.test")
    assert "there is no" in zegel.refused("domain", "catch-all", "example.test", "x@example.test")
    zegel.done("domain", "catch-all", "example.test")


def test_an_account_is_written_to_in_the_language_that_is_asked_for(zegel: Zegel) -> None:
    assert "in fr" in zegel.done("user", "language", "bram@example.test", "fr")
    assert "en, nl, de, fr" in zegel.refused("user", "language", "bram@example.test", "tlh")
    assert zegel.refused("user", "language", "nobody@example.test", "fr")


def test_only_who_is_frozen_is_unfrozen(zegel: Zegel) -> None:
    assert "not frozen" in zegel.refused("user", "unfreeze", "noor@example.test")
    assert "en, nl, de, fr" in zegel.refused(
        "user", "add", "x@example.test", "--language", "tlh", given=PASSWORD
    )
