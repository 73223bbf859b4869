"""Programs that send a letter or look at a mailbox and end: curl, swaks, msmtp, s-nail, mutt."""

import re
from pathlib import Path

import pytest

from tests.support.mail_clients import HOST, User, letter
from tests.support.programs import run


def contents(user: User, mailbox: str = "INBOX") -> list[bytes]:
    """Return what is in a mailbox, octet for octet."""
    with user.imapclient() as client:
        client.select_folder(mailbox, readonly=True)
        found = client.fetch(client.search("ALL"), ["BODY.PEEK[]"])
    return [found[uid][b"BODY[]"] for uid in sorted(found)]


def test_curl_reads_and_arranges(user: User, home: Path) -> None:
    user.deliver(letter("First", "One.\r\n"), letter("Second", "Two.\r\n"))
    address = f"imaps://{HOST}:{user.server.port('imaps')}"
    common = ["curl", "--silent", "--show-error", "--cacert", user.ca_file]
    common += ["--user", f"{user.address}:{user.password}"]
    assert run(*common, f"{address}/INBOX;MAILINDEX=2", home=home) == contents(user)[1]
    assert run(*common, f"{address}/INBOX;MAILINDEX=1;SECTION=TEXT", home=home) == b"One.\r\n"
    listing = run(*common, f"{address}/", home=home)
    assert b'* LIST (\\HasNoChildren \\Drafts) "/" Drafts' in listing.replace(b"\r", b"")
    found = run(*common, f"{address}/INBOX?SUBJECT%20second", home=home)
    assert found == b"* SEARCH 2\r\n"
    run(*common, f"{address}/INBOX", "--request", r"STORE 1 +FLAGS (\Flagged)", home=home)
    run(*common, f"{address}/", "--request", "CREATE Cellar", home=home)
    run(*common, f"{address}/INBOX", "--request", "MOVE 1 Cellar", home=home)
    upload = home / "upload"
    upload.write_bytes(letter("Third", "Three.\r\n"))
    run(*common, f"{address}/Cellar", "--upload-file", upload, home=home)
    moved, appended = contents(user, "Cellar")
    assert moved.endswith(letter("First", "One.\r\n"))
    assert appended == upload.read_bytes()
    run(*common, f"{address}/INBOX", "--request", r"STORE 1 +FLAGS (\Deleted)", home=home)
    run(*common, f"{address}/INBOX", "--request", "EXPUNGE", home=home)
    assert contents(user) == []


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
def test_curl_submits(user: User, other: User, home: Path, scheme: str) -> None:
    listener = "submissions" if scheme == "smtps" else "submission"
    mail = home / "mail"
    mail.write_bytes(letter("By curl", "a\r\n.\r\n..b\r\n", From=user.address))
    run(
        *("curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", user.ca_file),
        f"{scheme}://{HOST}:{user.server.port(listener)}/client.example",
        *("--user", f"{user.address}:{user.password}"),
        *("--mail-from", user.address, "--mail-rcpt", other.address, "--upload-file", mail),
        home=home,
    )
    (found,) = contents(other)
    assert found.endswith(mail.read_bytes())


def test_curl_finds_a_certificate_it_does_not_trust(user: User, home: Path) -> None:
    address = f"imaps://{HOST}:{user.server.port('imaps')}/"
    run("curl", "--silent", address, home=home, exits=[60])


@pytest.mark.parametrize("listener", ["mx", "lmtp", "submission", "submissions"])
def test_swaks_sends(user: User, other: User, home: Path, listener: str) -> None:
    options = ["--tls", "--tls-verify", "--tls-ca-path", user.ca_file]
    if listener == "submissions":
        options[0] = "--tlsc"
    if listener == "lmtp":
        options = ["--protocol", "LMTP"]
    if listener.startswith("submission"):
        options += ["--auth", "PLAIN", "--auth-user", user.address]
        options += ["--auth-password", user.password]
    run(
        *("swaks", "--server", f"{HOST}:{user.server.port(listener)}", *options),
        *("--from", user.address, "--to", other.address, "--header", "Subject: By swaks"),
        *("--body", "Words.\n.\nMore.\n", "--helo", "client.example", "--silent", "2"),
        *("--attach-name", "café.txt", "--attach", "an attachment"),
        home=home,
    )
    (found,) = contents(other)
    assert b"Subject: By swaks\r\n" in found
    assert b"Words.\r\n.\r\nMore.\r\n" in found


@pytest.mark.long
def test_swaks_is_refused_without_a_password_and_for_strangers(user: User, home: Path) -> None:
    where = f"{HOST}:{user.server.port('mx')}"
    to_stranger = run(
        *("swaks", "--server", where, "--to", "x@elsewhere.example", "--from", "a@b.example"),
        home=home,
        exits=[24],
    )
    assert re.search(rb"<\*\* 55\d 5\.7\.1", to_stranger)
    where = f"{HOST}:{user.server.port('submission')}"
    options = ("--tls", "--from", user.address, "--to", user.address)
    run("swaks", "--server", where, *options, home=home, exits=[23])


@pytest.mark.long
def test_msmtp_sends(user: User, other: User, home: Path) -> None:
    (home / ".msmtprc").write_text(
        f"account default\nhost {HOST}\nport {user.server.port('submissions')}\n"
        f"tls on\ntls_starttls off\ntls_trust_file {user.ca_file}\nauth plain\n"
        f"user {user.address}\npassword {user.password}\nfrom {user.address}\n"
    )
    (home / ".msmtprc").chmod(0o600)
    sent = letter("By msmtp", "Words.\r\n", From=user.address)
    run("msmtp", other.address, home=home, stdin=sent.replace(b"\r\n", b"\n"))
    (found,) = contents(other)
    assert found.endswith(b"\r\n\r\nWords.\r\n")
    assert b"Subject: By msmtp\r\n" in found


@pytest.mark.long
def test_s_nail_sends_and_reads(user: User, other: User, home: Path) -> None:
    def url(scheme: str, listener: str) -> str:
        name = user.address.replace("@", "%40")
        return f"{scheme}://{name}:{user.password}@{HOST}:{user.server.port(listener)}"

    (home / "rc").write_text(
        "set v15-compat ssl-verify=strict tls-verify=strict\n"
        f"set tls-ca-file={user.ca_file} tls-ca-no-defaults\n"
        f"set from={user.address} smtp-auth=plain imap-auth=login\n"
        f"set mta={url('smtps', 'submissions')}\n"
    )
    nail = ("s-nail", "-:u", "-S", "sendwait")
    environ = {"MAILRC": str(home / "rc")}
    run(
        *(*nail, "-s", "By s-nail é", other.address, user.address),
        home=home,
        stdin="Wörds.\n".encode(),
        environ=environ,
    )
    (found,) = contents(other)
    assert b"By s-nail" in found
    folder = f"{url('imaps', 'imaps')}/INBOX"
    read = run(
        *(*nail, "-R", "-f", folder),
        home=home,
        stdin=b"headers\ntype 1\nexit\n",
        environ=environ,
    )
    assert "Wörds.".encode() in read
    run(*nail, "-f", folder, home=home, stdin=b"delete 1\nquit\n", environ=environ)
    assert contents(user) == []


MUTT = """\
set imap_user="{user.address}" imap_pass="{user.password}"
set folder="imaps://localhost:{imaps}/" spoolfile="+INBOX" record="+Sent" postponed="+Drafts"
set smtp_url="smtps://{user.address}@localhost:{submissions}/" smtp_pass="{user.password}"
set certificate_file="{user.ca_file}" ssl_starttls=no ssl_usesystemcerts=no
set from="{user.address}" realname="Alice" use_envelope_from=yes copy=yes
set header_cache="{home}/cache" message_cachedir="{home}/cache" mail_check=1 timeout=1
set quit=yes delete=yes confirmappend=no confirmcreate=no move=no wait_key=no sleep_time=0
set mbox_type=Maildir pager="cat" prompt_after=no
"""


def muttrc(user: User, home: Path) -> None:
    port = user.server.port
    (home / ".muttrc").write_text(
        MUTT.format(user=user, home=home, imaps=port("imaps"), submissions=port("submissions"))
    )


@pytest.mark.long
def test_mutt_sends_and_keeps_a_copy(user: User, other: User, home: Path) -> None:
    muttrc(user, home)
    (home / "photo.png").write_bytes(bytes(range(256)) * 20)
    run(
        *("mutt", "-s", "By mutt", "-a", home / "photo.png", "--", other.address),
        home=home,
        stdin=b"Words.\n",
    )
    (found,) = contents(other)
    (kept,) = contents(user, "Sent")
    assert found.endswith(kept.partition(b"\r\n\r\n")[2])
    with other.imapclient() as client:
        client.select_folder("INBOX")
        structure = client.fetch(client.search("ALL"), ["BODYSTRUCTURE"])
    (values,) = structure.values()
    assert [part[:2] for part in values[b"BODYSTRUCTURE"][0]] == [
        (b"text", b"plain"),
        (b"image", b"png"),
    ]


@pytest.mark.long
def test_mutt_reads_flags_copies_searches_and_deletes(user: User, home: Path) -> None:
    muttrc(user, home)
    with user.imapclient() as client:
        client.create_folder("Cellar")
        client.multiappend("INBOX", [letter(f"Letter {n}", f"Word{n}.\r\n") for n in range(4)])
    keys = (
        f"<first-entry><pipe-message>cat >{home}/read<enter>"
        "<flag-message>"
        "<limit>=b word1<enter><copy-message>=Cellar<enter><limit>all<enter>"
        "<search>=b word2<enter><save-message>=Cellar<enter>"
        "<last-entry><delete-message><sync-mailbox><quit>"
    )
    run(
        *("script", "-qec", f"mutt -e 'push \"{keys}\"'", home / "typescript"),
        home=home,
        environ={"COLUMNS": "80", "LINES": "24"},
    )
    # A pipe's lines end as those of files here do; but for that, octet for octet.
    assert (home / "read").read_bytes() == contents(user)[0].replace(b"\r\n", b"\n")
    assert [found.partition(b"Subject: ")[2][:8] for found in contents(user)] == [
        b"Letter 0",
        b"Letter 1",
    ]
    assert [found[-8:-2] for found in contents(user, "Cellar")] == [b"Word1.", b"Word2."]
    with user.imapclient() as client:
        client.select_folder("INBOX", readonly=True)
        assert len(client.search("FLAGGED")) == 1
