"""`zegel import`, `export` and `external`, as a person types them."""

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.command import Zegel, prepared

WHO = "noor@example.test"
PASSWORD = "seven tides under the bridge\n"
LETTER = b"From: a@b.test\r\nSubject: one\r\n\r\nwords\r\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Zegel, str, str]:
    """An account, its recovery code and an app password."""
    zegel = prepared(tmp_path_factory.mktemp("cli") / "run")
    zegel.done("domain", "add", "example.test")
    code = zegel.done("user", "add", WHO, given=PASSWORD).rpartition(": ")[2]
    app = zegel.done("app-password", "add", WHO, given=PASSWORD).rpartition(": ")[2]
    return zegel, code, app


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    directory = tmp_path / "letters"
    directory.mkdir()
    (directory / "1.eml").write_bytes(LETTER)
    return directory


def test_mail_goes_in_and_out_again(made: tuple[Zegel, str, str], letters: Path) -> None:
    zegel, _, app = made
    words = ("import", "eml", WHO, str(letters), "--into", "Letters")
    assert zegel.done(*words, given=PASSWORD).startswith("1 message brought in")
    assert zegel.done(*words, given=app).startswith("0 messages")  # it is here already
    assert zegel.done(*words, "--again", given=app).startswith("1 message ")
    for kind in ("maildir", "mbox", "eml"):
        out = letters.parent / kind
        said = zegel.done("export", kind, WHO, str(out), given=PASSWORD)
        assert "readable by you alone" in said
        manifest = json.loads((out / "manifest.json").read_text())
        assert [each["octets"] for each in manifest["messages"]] == [len(LETTER)] * 2
        assert "not empty" in zegel.refused("export", kind, WHO, str(out), given=PASSWORD)


@pytest.mark.long
def test_everything_of_a_person_is_in_one_file(
    made: tuple[Zegel, str, str], tmp_path: Path
) -> None:
    zegel, _, app = made
    out = tmp_path / "all.zip"
    assert "not right" in zegel.refused("privacy", "export", WHO, str(out), given=app)
    assert not out.exists()
    said = zegel.done("privacy", "export", WHO, str(out), given=PASSWORD)
    assert "readable by you alone" in said
    with ZipFile(out) as archive:
        settings = json.loads(archive.read("settings.json"))
        activity = json.loads(archive.read("activity.json"))
        processing = json.loads(archive.read("processing.json"))
        manifest = json.loads(archive.read("manifest.json"))
        names = set(archive.namelist())
    assert settings["addresses"] == [WHO]
    assert len(settings["appPasswords"]) == 1
    assert "exported" in {entry["event"] for entry in activity["log"]}
    assert processing["activities"]
    assert processing["complaint"]["url"]
    assert names == {each["path"] for each in manifest["files"]} | {"manifest.json"}
    assert {"contacts.vcf", "contacts.json", "consents.json", "mail/INBOX.mbox"} <= names
    refused = zegel.refused("privacy", "export", WHO, str(out), given=PASSWORD)
    assert "there already" in refused


def test_an_app_password_brings_mail_in_and_never_out(
    made: tuple[Zegel, str, str], letters: Path
) -> None:
    zegel, _, app = made
    out = letters.parent / "out"
    assert "not right" in zegel.refused("export", "eml", WHO, str(out), given=app)
    assert not out.exists()


def test_a_recovery_code_is_used_up_and_the_next_one_told(
    made: tuple[Zegel, str, str], letters: Path
) -> None:
    zegel, code, _ = made
    out = letters.parent / "out"
    said = zegel.done("export", "eml", WHO, str(out), given=code)
    next_code = said.splitlines()[0].rpartition(": ")[2]
    assert "not right" in zegel.refused("export", "eml", WHO, str(out / "x"), given=code)
    said = zegel.done("export", "eml", WHO, str(letters.parent / "next"), given=next_code)
    assert next_code not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "imap", WHO, "nobody.invalid", "x"), "there is no server nobody.invalid"),
        (("import", "imap", WHO, "127.0.0.1:9", "x"), "port 9: it cannot be reached"),
        (("import", "imap", WHO, "127.0.0.1:99999", "x"), "99999 is no port"),
        (("external", "add", WHO, "127.0.0.1", "x"), "not a server on the public internet"),
        (("external", "add", WHO, "10.0.0.1", "x", "--port", "25"), "ports 993 and 143 only"),
        (("external", "remove", WHO, "00"), "there is no such external account"),
        (("external", "fetch", WHO, "ab" * 16), "there is no such external account"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    made: tuple[Zegel, str, str], words: tuple[str, ...], said: str
) -> None:
    zegel, _, _ = made
    assert said in zegel.refused(*words, given=PASSWORD + "secret there\n")


def test_no_external_account_is_an_empty_list(made: tuple[Zegel, str, str]) -> None:
    zegel, _, _ = made
    assert len(zegel.done("external", "list", WHO).splitlines()) == 1


def test_files_of_another_kind_are_said(made: tuple[Zegel, str, str], letters: Path) -> None:
    zegel, _, _ = made
    assert "is no Maildir" in zegel.refused("import", "maildir", WHO, str(letters), given=PASSWORD)
    assert "is no mbox" in zegel.refused("import", "mbox", WHO, str(letters), given=PASSWORD)
