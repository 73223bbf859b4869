import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailserver.cli.program import program
from tests.support.command import ROOT, Zegel, prepared
from tests.support.waiting import wait_until

PASSWORD = "seven tides under the bridge\n"


@pytest.fixture(scope="module")
def zegel(tmp_path_factory: pytest.TempPathFactory) -> Zegel:
    ready = prepared(tmp_path_factory.mktemp("cli") / "run")
    ready.done("domain", "add", "Example.Test")
    ready.done("user", "add", "noor@example.test", given=PASSWORD)
    return ready


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("serve",),
        ("init",),
        ("migrate",),
        ("health",),
        ("check",),
        ("demo",),
        ("domain", "add"),
        ("user", "add"),
        ("app-password", "add"),
        ("admin", "create"),
        ("keys", "status"),
        ("keys", "rotate"),
        ("keys", "retire"),
        ("dkim", "list"),
        ("dkim", "rotate"),
        ("audit", "verify"),
    ],
)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(program, [*words, "--help"], prog_name="zegel")
    assert shown.exit_code == 0
    assert shown.output.startswith(f"Usage: {' '.join(['zegel', *words])} ")


def test_domain_is_listed_and_added_only_once(zegel: Zegel) -> None:
    assert "example.test" in zegel.done("domain", "list")
    assert "exists already" in zegel.refused("domain", "add", "example.test")
    assert "not a domain name" in zegel.refused("domain", "add", "under a bridge")


def test_domain_can_be_removed(zegel: Zegel) -> None:
    zegel.done("domain", "add", "gone.test")
    zegel.done("domain", "remove", "gone.test")
    assert "gone.test" not in zegel.done("domain", "list")
    assert "no domain" in zegel.refused("domain", "remove", "gone.test")


def test_user_gets_a_recovery_code_once(zegel: Zegel) -> None:
    said = zegel.done("user", "add", "bram@example.test", "--quota-mib", "5", given=PASSWORD)
    assert "Recovery code, shown only now: " in said
    listed = zegel.done("user", "list")
    row = next(line for line in listed.splitlines() if line.startswith("bram@example.test"))
    assert row.split()[1:4] == ["active", "0.0", "5"]
    assert "already" in zegel.refused("user", "add", "BRAM@example.test", given=PASSWORD)


def test_user_can_be_erased(zegel: Zegel) -> None:
    zegel.done("user", "add", "eve@example.test", given=PASSWORD)
    zegel.done("user", "remove", "eve@example.test", "--yes")
    assert "eve@" not in zegel.done("user", "list")
    assert "no such user" in zegel.refused("user", "remove", "eve@example.test", "--yes")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("short\n", "15 characters"),
        ("aaaaaaaaaaaaaaaaaaaaaaa\n", "repeats"),
        ("\n", "no password"),
        ("", "no password"),
    ],
)
def test_weak_password_is_refused_in_one_line(zegel: Zegel, given: str, says: str) -> None:
    assert says in zegel.refused("user", "add", "weak@example.test", given=given)


def test_user_of_a_domain_that_is_not_ours_is_refused(zegel: Zegel) -> None:
    assert "no domain" in zegel.refused("user", "add", "a@elsewhere.test", given=PASSWORD)
    assert "not a mail address" in zegel.refused("user", "add", "nobody", given=PASSWORD)


def test_app_password_is_made_listed_and_revoked(zegel: Zegel) -> None:
    add = ("app-password", "add", "noor@example.test")
    said = zegel.done(*add, "--label", "phone", "--scope", "imap", "--days", "3", given=PASSWORD)
    secret = said.rpartition(" ")[2].strip()
    assert len(secret.replace("-", "")) == 32
    listed = zegel.done("app-password", "list", "noor@example.test")
    assert secret not in listed
    row = next(line for line in listed.splitlines() if "phone" in line)
    identifier = row.split()[0]
    zegel.done("app-password", "revoke", "noor@example.test", identifier)
    assert "phone" not in zegel.done("app-password", "list", "noor@example.test")
    revoke = ("app-password", "revoke", "noor@example.test")
    assert "no such app password" in zegel.refused(*revoke, identifier)
    assert "no such app password" in zegel.refused(*revoke, "nonsense")


def test_app_password_needs_the_account_password(zegel: Zegel) -> None:
    add = ("app-password", "add", "noor@example.test")
    assert "not right" in zegel.refused(*add, given="not the password at all\n")
    assert "no network" in zegel.refused(*add, "--cidr", "somewhere", given=PASSWORD)
    assert "no nobody@" in zegel.refused("app-password", "list", "nobody@example.test")


def test_password_is_changed_with_the_old_one(zegel: Zegel) -> None:
    zegel.done("user", "add", "otto@example.test", given=PASSWORD)
    change, new = ("user", "password", "otto@example.test"), "the ferry leaves at nine\n"
    assert "not right" in zegel.refused(*change, given="not the password at all\n" + new)
    assert "15 characters" in zegel.refused(*change, given=PASSWORD + "short\n")
    zegel.done(*change, given=PASSWORD + new)
    zegel.done("app-password", "add", "otto@example.test", given=new)
    assert "not right" in zegel.refused("app-password", "add", "otto@example.test", given=PASSWORD)


def test_recovery_code_opens_the_account_once(zegel: Zegel) -> None:
    said = zegel.done("user", "add", "anna@example.test", given=PASSWORD)
    code = said.split()[-1] + "\n"
    zegel.done("app-password", "add", "anna@example.test", "--label", "phone", given=PASSWORD)
    recover, new = ("user", "recover", "anna@example.test"), "the ferry leaves at nine\n"
    assert "mistyped" in zegel.refused(*recover, given="AAAA-BBBB\n" + new)
    following = zegel.done(*recover, given=code + new).split()[-1]
    assert following + "\n" != code
    assert "phone" not in zegel.done("app-password", "list", "anna@example.test")
    assert "not right" in zegel.refused(*recover, given=code + new)


def test_administrators_have_no_mailbox(zegel: Zegel) -> None:
    made = ("admin", "create", "Piet.Beheer")
    zegel.done(*made, "--role", "auditor", given=PASSWORD)
    assert "Piet.Beheer  auditor" in zegel.done("admin", "list")
    assert "piet" not in zegel.done("user", "list").lower()
    assert "of that name" in zegel.refused("admin", "create", "piet.beheer", given=PASSWORD)
    assert "letters, digits" in zegel.refused("admin", "create", "a b", given=PASSWORD)
    zegel.done("admin", "remove", "piet.beheer")
    assert "of that name" in zegel.refused("admin", "remove", "piet.beheer")


def test_what_is_wrong_with_the_settings_is_told_in_one_line(zegel: Zegel, tmp_path: Path) -> None:
    assert "nearest" in zegel.refused("user", "list", ZEGEL_KEYSTORE_ULR="x")
    assert "no such file" in zegel.refused("user", "list", ZEGEL_CONFIG=str(tmp_path / "none"))
    elsewhere = {"ZEGEL_DATA_DIR": str(tmp_path), "ZEGEL_DATABASE_URL": ""}
    assert "zegel migrate" in zegel.refused("user", "list", **elsewhere)


def test_missing_master_key_is_told_in_one_line(zegel: Zegel, tmp_path: Path) -> None:
    said = zegel.refused("user", "list", ZEGEL_KEYS_MASTER_FILE=str(tmp_path / "none.key"))
    assert "master key" in said


def test_directory_that_cannot_be_made_is_told_in_one_line(zegel: Zegel) -> None:
    assert "/proc/nothing" in zegel.refused("migrate", ZEGEL_DATA_DIR="/proc/nothing")


def test_usage_error_is_no_traceback(zegel: Zegel) -> None:
    said = zegel.process("user", "ad")
    assert said.status == 2
    assert "Traceback" not in said.err


def test_health_fails_where_nobody_listens(zegel: Zegel) -> None:
    said = zegel.refused("health", ZEGEL_LISTENERS_MX_ADDRESS="127.0.0.1:9")
    assert "listeners.mx: nobody answers" in said


def test_version_is_said(zegel: Zegel) -> None:
    assert zegel.done("--version").startswith("zegel ")


def test_store_and_audit_log_are_in_order(zegel: Zegel) -> None:
    zegel.done("check")
    assert "completeness not proved" in zegel.done("audit", "verify")


def test_a_checkpoint_kept_elsewhere_proves_completeness(zegel: Zegel, tmp_path: Path) -> None:
    head, noise = tmp_path / "head.json", tmp_path / "noise"
    head.write_text(zegel.done("audit", "head"))
    assert "complete up to entry" in zegel.done("audit", "verify", "--head", str(head))
    forged = json.loads(head.read_text()) | {"hash": "00" * 32}
    noise.write_text(json.dumps(forged))
    assert "checkpoint" in zegel.refused("audit", "verify", "--head", str(noise))
    noise.write_text("{}")
    assert "no audit checkpoint" in zegel.refused("audit", "verify", "--head", str(noise))
    assert "cannot be read" in zegel.refused("audit", "verify", "--head", str(tmp_path / "none"))


def test_demo_makes_two_people_with_mail_once(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    said = zegel("demo")
    assert said.status == 0
    assert "12 letters delivered" in said.err
    assert "noor@demo.test" in said.out
    assert "already" in zegel.refused("demo")
    zegel.done("check")


def test_t_obj_3_check_finds_one_flipped_bit(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    assert zegel("demo").status == 0
    (database,) = tmp_path.rglob("zegel.sqlite3")
    with sqlite3.connect(database) as store:
        (name, number, sealed) = store.execute(
            "SELECT account_id, blob_id, data FROM blobs WHERE data IS NOT NULL LIMIT 1"
        ).fetchone()
        flipped = sealed[:100] + bytes([sealed[100] ^ 1]) + sealed[101:]
        store.execute(
            "UPDATE blobs SET data = ? WHERE account_id = ? AND blob_id = ?",
            (flipped, name, number),
        )
    said = zegel("check")
    assert said.status == 1
    assert f"blob {number}: it is not what was stored" in said.out


def test_whoever_is_asked_for_a_password_leaves_no_core_file(zegel: Zegel) -> None:
    """PRIVACY §1, "Memory": every command, not the server alone."""
    command = [sys.executable, "-m", "mailserver", "user", "add", "noor@example.test"]
    environ = {**os.environ, "ZEGEL_CONFIG": str(zegel.config)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env=environ
    ) as process:
        bounds = Path(f"/proc/{process.pid}/limits")
        wait_until(lambda: "core file size 0 0 bytes" in " ".join(bounds.read_text().split()))
        process.communicate(b"")
    assert process.returncode == 1


def test_bug_becomes_an_incident_and_never_a_traceback(zegel: Zegel, tmp_path: Path) -> None:
    # A keystore whose tables are gone is nothing that any command foresees.
    broken = prepared(tmp_path / "run")
    with sqlite3.connect(tmp_path / "run" / "keystore" / "keystore.sqlite3") as keystore:
        keystore.execute("DROP TABLE admins")
    said = broken.process("admin", "list")
    assert said.status != 0
    assert "Traceback" not in said.err
    for line in said.err.splitlines():
        assert line.startswith("zegel: ") or json.loads(line)["level"] == "error"
