"""Programs that carry mail to and fro: mbsync and offlineimap, fetchmail and getmail."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.corpus import OWN, letters
from tests.support.mail_clients import HOST, User, letter
from tests.support.programs import run

MARKS = (b"X-TUID:", b"X-OfflineIMAP:", b"X-getmail-", b"Return-Path: <unknown>")
LETTERS = [letter(f"Letter {number}", f"Word{number}.\r\n") for number in range(4)]


def as_file(octets: bytes) -> bytes:
    """Return a message as these programs keep it: lines end in LF."""
    return octets.replace(b"\r\n", b"\n")


def files(maildir: Path) -> dict[str, bytes]:
    """Return the messages of a Maildir by the flags that their names have, and their content."""
    found = [*(maildir / "cur").iterdir(), *(maildir / "new").iterdir()]
    return {path.name: path.read_bytes() for path in found}


def without_marks(octets: bytes) -> bytes:
    """Leave out the fields that these programs add."""
    lines = octets.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(MARKS))


def texts(maildir: Path) -> list[bytes]:
    return sorted(without_marks(octets) for octets in files(maildir).values())


def the_one(maildir: Path, words: bytes) -> Path:
    (found,) = [
        path
        for folder in ("cur", "new")
        for path in (maildir / folder).iterdir()
        if words in path.read_bytes()
    ]
    return found


def put(maildir: Path, octets: bytes, flags: str) -> None:
    """Write a message into a Maildir as a mail program does."""
    path = maildir / "cur" / f"1772442000.{abs(hash(octets))}.here:2,{flags}"
    path.write_bytes(as_file(octets))


def mbsync_round(home: Path) -> None:
    run("mbsync", "-c", home / "mbsyncrc", "-a", home=home)


def offlineimap_round(home: Path) -> None:
    run("offlineimap", "-c", home / "offlineimaprc", "-o", "-u", "quiet", home=home)


def mbsyncrc(user: User, home: Path) -> None:
    (home / "mbsyncrc").write_text(
        f"IMAPStore far\nHost {HOST}\nPort {user.server.port('imaps')}\nSSLType IMAPS\n"
        f"User {user.address}\nPass {user.password}\nAuthMechs PLAIN\nSystemCertificates no\n"
        f"CertificateFile {user.ca_file}\n\n"
        f"MaildirStore near\nPath {home}/mail/\nInbox {home}/mail/INBOX\nSubFolders Verbatim\n\n"
        "Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\n"
        "Remove Both\nSyncState *\nCopyArrivalDate yes\n"
    )
    (home / "mail").mkdir()


def offlineimaprc(user: User, home: Path) -> None:
    (home / "offlineimaprc").write_text(
        "[general]\naccounts = all\nsocktimeout = 30\n"
        f"metadata = {home}/state\n\n"
        "[Account all]\nlocalrepository = near\nremoterepository = far\n\n"
        f"[Repository near]\ntype = Maildir\nlocalfolders = {home}/mail\n\n"
        f"[Repository far]\ntype = IMAP\nremotehost = {HOST}\n"
        f"remoteport = {user.server.port('imaps')}\nssl = yes\nsslcacertfile = {user.ca_file}\n"
        f"remoteuser = {user.address}\nremotepass = {user.password}\nauth_mechanisms = PLAIN\n"
    )
    (home / "mail").mkdir()


def subjects(user: User, mailbox: str = "INBOX", *criteria: str) -> list[str]:
    with user.imapclient() as client:
        client.select_folder(mailbox, readonly=True)
        found = client.fetch(client.search([*criteria] or "ALL"), ["ENVELOPE"])
    return sorted(values[b"ENVELOPE"].subject.decode() for values in found.values())


@pytest.mark.parametrize(
    ("configure", "synchronise"),
    [
        pytest.param(mbsyncrc, mbsync_round, id="mbsync"),
        pytest.param(offlineimaprc, offlineimap_round, id="offlineimap", marks=pytest.mark.long),
    ],
)
def test_both_sides_become_alike(
    user: User,
    home: Path,
    configure: Callable[[User, Path], None],
    synchronise: Callable[[Path], None],
) -> None:
    """New mail, flags, deletions and new mailboxes, first on one side and then on the other."""
    configure(user, home)
    inbox = home / "mail" / "INBOX"
    with user.imapclient() as client:
        client.multiappend("INBOX", LETTERS[:3])
    synchronise(home)
    assert texts(inbox) == sorted(map(as_file, LETTERS[:3]))

    with user.imapclient() as client:
        client.select_folder("INBOX")
        one, two, _ = client.search("ALL")
        client.add_flags([one], [b"\\Flagged"])
        client.delete_messages([two])
        client.expunge()
        client.create_folder("Far")
        client.append("Far", LETTERS[3])
    synchronise(home)
    assert texts(inbox) == [as_file(LETTERS[0]), as_file(LETTERS[2])]
    assert the_one(inbox, b"Word0").name.partition(":2,")[2] == "F"
    assert texts(home / "mail" / "Far") == [as_file(LETTERS[3])]

    seen = the_one(inbox, b"Word0")
    seen.rename(inbox / "cur" / f"{seen.name.partition(':')[0]}:2,FRS")
    the_one(inbox, b"Word2").unlink()
    put(inbox, LETTERS[1], "S")
    for folder in ("cur", "new", "tmp"):
        (home / "mail" / "Near" / folder).mkdir(parents=True)
    put(home / "mail" / "Near", LETTERS[2], "")
    synchronise(home)
    assert subjects(user) == ["Letter 0", "Letter 1"]
    assert subjects(user, "INBOX", "SEEN") == ["Letter 0", "Letter 1"]
    assert subjects(user, "INBOX", "FLAGGED", "ANSWERED") == ["Letter 0"]
    assert subjects(user, "Near") == ["Letter 2"]

    before = files(inbox)
    synchronise(home)
    assert files(inbox) == before
    assert subjects(user) == ["Letter 0", "Letter 1"]


@pytest.mark.long
def test_mbsync_carries_our_corpus_both_ways(user: User, other: User, home: Path) -> None:
    """Down from one account and up to another: only line ends and its own mark may differ."""
    own = [one.for_smtp for one in letters() if one.name.startswith(OWN.name)]
    with user.imapclient() as client:
        client.multiappend("INBOX", own)
    mbsyncrc(user, home)
    mbsync_round(home)
    inbox = home / "mail" / "INBOX"
    assert texts(inbox) == sorted(map(as_file, own))

    second = home / "second"
    second.mkdir()
    mbsyncrc(other, second)
    for folder in ("cur", "new", "tmp"):
        (second / "mail" / "INBOX" / folder).mkdir(parents=True)
    for number, octets in enumerate(files(inbox).values()):
        (second / "mail" / "INBOX" / "cur" / f"{number}.1.here:2,S").write_bytes(octets)
    mbsync_round(second)
    with other.imapclient() as client:
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search("SEEN"), ["BODY.PEEK[]"])
    came = sorted(without_marks(values[b"BODY[]"]) for values in found.values())
    assert came == sorted(own)


@pytest.mark.long
def test_fetchmail_takes_everything_away(user: User, home: Path) -> None:
    user.deliver(*LETTERS)
    settings = home / ".fetchmailrc"
    settings.write_text(
        f"poll {HOST} proto IMAP port {user.server.port('imaps')}\n"
        f'  user "{user.address}" password "{user.password}"\n'
        f'  ssl sslproto TLS1.2+ sslcertck sslcertfile "{user.ca_file}" no keep fetchall\n'
        f"  mda \"cat >> '{home}/taken'\"\n"
    )
    settings.chmod(stat.S_IRUSR | stat.S_IWUSR)
    run("fetchmail", "--fetchmailrc", settings, "--nodetach", home=home)
    taken = (home / "taken").read_bytes()
    assert [taken.count(f"Word{number}.\n".encode()) for number in range(4)] == [1, 1, 1, 1]
    assert subjects(user) == []
    run("fetchmail", "--fetchmailrc", settings, "--nodetach", home=home, exits=[1])  # no mail


@pytest.mark.long
def test_getmail_takes_what_is_new(user: User, home: Path) -> None:
    for folder in ("cur", "new", "tmp"):
        (home / "mail" / folder).mkdir(parents=True)
    (home / "getmailrc").write_text(
        "[retriever]\ntype = SimpleIMAPSSLRetriever\n"
        f"server = {HOST}\nport = {user.server.port('imaps')}\n"
        f"username = {user.address}\npassword = {user.password}\nca_certs = {user.ca_file}\n"
        'mailboxes = ("INBOX", "Archive")\n'
        # Its own Maildir refuses to be root, which a container's tests are.
        "[destination]\ntype = MDA_external\nallow_root_commands = true\npath = /bin/sh\n"
        f"arguments = ('-c', 'cat > {home}/mail/new/$$.1.here')\n"
        "[options]\nread_all = false\ndelete = false\nverbose = 1\n"
        "delivered_to = false\nreceived = false\n"
    )
    with user.imapclient() as client:
        client.multiappend("INBOX", LETTERS[:2])
        client.multiappend("Archive", LETTERS[2:3])
    getmail = ("getmail", "--getmaildir", home, "--rcfile", home / "getmailrc")
    run(*getmail, home=home)
    assert texts(home / "mail") == sorted(map(as_file, LETTERS[:3]))
    user.deliver(LETTERS[3])
    run(*getmail, home=home)
    assert len(texts(home / "mail")) == 4
    assert len(subjects(user)) == 3
