"""T-CANARY (PRIVACY §2): nothing that was mailed, said, typed or refused is on a disk to be read.

A server made and run by the commands an operator types, at log level DEBUG; each of its tasks done
and undone with a canary in every field; killed in the middle of a message; then everything it and
its databases wrote is looked through.
"""

import asyncio
import base64
import hashlib
import imaplib
import secrets
import smtplib
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import zstandard

from mailserver.index.document import Framer, SearchText
from tests.support import cage_web, postgres
from tests.support.cage import WHO, Cage, a_cage, canary, letter
from tests.support.imap_script import Box, Held, Script, pretending
from tests.support.scanner import Scanner, postgres_values, sqlite_values
from tests.support.wire import quoted, raw, signed_in


def deliver(cage: Cage) -> None:
    """By each way in; one message of each fits into a row and one does not."""
    tls = cage.tls()
    sender = cage.named("envelope") + "@elsewhere.test"
    mx, lmtp, submissions = (cage.product.port(name) for name in ("mx", "lmtp", "submissions"))
    for octets in (0, 200_000):
        with smtplib.SMTP("localhost", mx, local_hostname=cage.named("helo")) as client:
            client.sendmail(sender, [WHO], letter(cage, octets))
        with smtplib.SMTP("localhost", mx) as client:
            client.starttls(context=tls)
            client.sendmail(sender, [WHO], letter(cage, octets))
        lmtp_client = smtplib.LMTP("localhost", lmtp, local_hostname=cage.named("lhlo"))
        lmtp_client.sendmail(sender, [WHO], letter(cage, octets))
        lmtp_client.quit()
        with smtplib.SMTP_SSL("localhost", submissions, context=tls) as client:
            client.login(WHO, cage.app_password)
            client.sendmail(WHO, [WHO], letter(cage, octets, own=True))


def send_elsewhere(cage: Cage) -> None:
    """Leave mail in the queue, with whatever its parameters can carry, and steer it."""
    submissions = cage.product.port("submissions")
    for octets in (0, 200_000):
        with smtplib.SMTP_SSL("localhost", submissions, context=cage.tls()) as client:
            client.login(WHO, cage.app_password)
            client.sendmail(
                WHO,
                [f"{cage.named('away')}@elsewhere.test", f"{cage.named('other')}@there.test"],
                letter(cage, octets, own=True),
                mail_options=[f"ENVID={cage.named('envid')}", "RET=FULL", "HOLDFOR=1"],
                rcpt_options=["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{cage.named('orcpt')}"],
            )
    time.sleep(2)  # they are tried, and put off
    listed = cage.product.zegel("queue", "list")
    assert listed.count("elsewhere.test") == listed.count("there.test") == 2
    for line in listed.splitlines()[1:]:
        listed += cage.product.zegel("queue", "explain", line.split()[0])
    assert cage.word not in listed
    cage.product.zegel("queue", "hold", line.split()[0])


def misbehave_smtp(cage: Cage) -> None:
    """Say what is refused, with canaries in it."""
    with raw(cage.product.address("mx")) as wire:
        wire.reply()
        for line in (
            f"{cage.named('verb')} argument",
            f"HELO {cage.named('helo')}",
            f"MAIL FROM:<{cage.named('sender')}",
            f"MAIL FROM:<{cage.named('sender')}@elsewhere.test> {cage.named('parameter')}=1",
            f"MAIL FROM:<{cage.named('sender')}@elsewhere.test>",
            f"RCPT TO:<{cage.named('nobody')}@example.test>",
            f"RCPT TO:<{cage.named('relay')}@elsewhere.test>",
            f"VRFY {cage.named('vrfy')}",
            f"RCPT TO:<{WHO}>",
        ):
            answer = wire.ask(line.encode())
        assert answer.startswith(b"250"), answer
        assert wire.ask(b"DATA").startswith(b"354")
        broken = f"Subject: {cage.named('refused')}\r\n\r\nbare \n newline, NUL \0".encode()
        assert wire.ask(broken + b"\r\n.").startswith(b"5")
    with raw(cage.product.address("submissions"), cage.tls()) as wire:
        wire.reply()
        wire.ask(b"EHLO localhost")
        wrong = f"\0{cage.named('login')}@example.test\0{cage.named('secret')}".encode()
        answer = wire.ask(b"AUTH PLAIN " + base64.b64encode(wrong))
        assert answer.startswith(b"535"), answer


def misbehave_imap(cage: Cage) -> None:
    """Ask what is refused, with canaries in it."""
    with raw(cage.product.address("imap")) as wire:
        wire.line()
        name, secret = cage.named("login"), cage.named("secret")
        assert wire.tagged(f"LOGIN {name}@example.test {secret}".encode()).startswith(b"t NO")
        # Our user's account password is on no mail protocol.
        typed = b"LOGIN " + WHO.encode() + b" " + quoted(cage.password)
        assert wire.tagged(typed).startswith(b"t NO")
        assert wire.tagged(cage.named("verb").encode()).startswith(b"t BAD")
    with signed_in(cage.product.address("imap"), (WHO, cage.app_password)) as wire:
        for command in (
            f"SELECT {cage.named('missing')}",
            f"RENAME {cage.named('missing')} {cage.named('other')}",
            f"FETCH 1 BODY[{cage.named('section')}]",
            f"SEARCH CHARSET {cage.named('charset')} TEXT {cage.named('term')}",
            f"STORE 1 +FLAGS (\\{cage.named('systemflag')})",
            f"COPY 1 {cage.named('missing')}",
        ):
            answer = wire.tagged(command.encode())
            assert answer.startswith((b"t NO", b"t BAD")), (command, answer)


def arrange(cage: Cage) -> None:
    """Use a mailbox for everything mailboxes are for."""
    host, port = cage.product.address("imap")
    first, second = cage.named("mailbox"), cage.named("renamed")
    keyword = cage.named("keyword")
    with imaplib.IMAP4(host, port) as client:
        said = _expect_ok
        client.login(WHO, cage.app_password)
        assert client.append(cage.named("missing"), "", "", letter(cage))[0] == "NO"
        said(*client.xatom("ID", f'("name" "{cage.named("client")}")'))
        said(*client.create(first))
        said(*client.subscribe(first))
        for octets in (0, 200_000):
            said(*client.append(first, f"({keyword} \\Seen)", "", letter(cage, octets)))
        said(*client.rename(first, second))
        said(*client.subscribe(cage.named("subscription")))
        said(*client.status(second, "(MESSAGES UNSEEN)"))
        said(*client.list('""', f"{cage.word}*"))
        said(*client.select(second))
        said(*client.store("1:*", "+FLAGS", f"({cage.named('another')} {keyword})"))
        for key in ("TEXT", "SUBJECT", "BODY", "FROM"):
            typed, found = client.search(None, key, cage.word)
            assert typed == "OK"
            assert found[0].split(), f"{key} found nothing"
        client.search(None, "KEYWORD", keyword, "HEADER", "Message-ID", cage.named("term"))
        said(*client.fetch("1:*", "(FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE)"))
        said(*client.copy("1:*", "INBOX"))
        said(*client.select("INBOX"))
        said(*client.search(None, "TEXT", cage.named("term")))  # makes segments of what came
        said(*client.xatom("MOVE", "1", second))
        said(*client.store("1", "+FLAGS", "(\\Deleted)"))
        said(*client.expunge())
        _, parts = client.fetch("1:*", "(BODY.PEEK[])")
        for part in parts:
            if isinstance(part, tuple):
                assert cage.word.encode() in part[1]
                digest = hashlib.sha256(part[1]).digest()
                cage.digests |= {digest, digest.hex().encode()}


async def move_in(cage: Cage) -> None:
    """Bring mail over from another server, by hand and as an external account."""
    theirs = cage.named("theirs")
    held = [Held(1, letter(cage), cage.named("kw")), Held(2, letter(cage, 200_000))]
    secrets_typed = f"{cage.password}\n{cage.named('secret')}\n"
    async with pretending(Script({theirs: Box(held)})) as script:
        where, user = f"127.0.0.1:{script.port}", cage.named("user")
        zegel = partial(asyncio.to_thread, cage.product.zegel)
        await zegel("import", "imap", WHO, where, user, "--tls", "none", typed=secrets_typed)
        said = await zegel(
            *("external", "add", WHO, "127.0.0.1", user, "--port", str(script.port)),
            *("--tls", "none", "--all", "--into", cage.named("into")),
            typed=secrets_typed,
        )
        assert "2 messages" in await zegel("external", "fetch", WHO, said.split()[-1])


def _expect_ok(kind: str, data: object) -> None:
    assert kind == "OK", data


def die_in_data(cage: Cage) -> None:
    """Kill it when half a message is there, and another has just been ended."""
    whole = letter(cage, 300_000)
    with raw(cage.product.address("mx")) as half, raw(cage.product.address("lmtp")) as ended:
        for wire, greeting in ((half, b"EHLO x"), (ended, b"LHLO x")):
            wire.reply()
            for command in (greeting, b"MAIL FROM:<>", f"RCPT TO:<{WHO}>".encode(), b"DATA"):
                wire.ask(command)
        half.send(whole[: len(whole) // 2])
        time.sleep(0.2)  # it has what came
        ended.send(whole + b"\r\n.\r\n")
        time.sleep(0.002)
        cage.product.kill()


def die_in_append(cage: Cage) -> None:
    """Kill it when half a literal is there, and another has just been ended."""
    whole = letter(cage, 300_000)
    user, address = (WHO, cage.app_password), cage.product.address("imap")
    with signed_in(address, user) as half, signed_in(address, user) as ended:
        half.send(b"a APPEND INBOX {%d}\r\n" % len(whole))
        half.until(b"+")
        half.send(whole[: len(whole) // 2])
        time.sleep(0.2)
        ended.send(b"a APPEND INBOX (%s) {%d+}\r\n" % (cage.named("kw").encode(), len(whole)))
        ended.send(whole + b"\r\n")
        time.sleep(0.002)
        cage.product.kill()


@dataclass(frozen=True)
class Databases:
    """Where the two databases are, for the one who looks through them."""

    environ: dict[str, str]
    urls: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


@pytest.fixture(params=["sqlite", "postgresql"])
async def databases(request: pytest.FixtureRequest) -> Databases:
    """The product's own SQLite files, or an empty database in each of two new instances."""
    if request.param == "sqlite":
        return Databases({})
    # Instances of its own: other tests' leavings would only make more to look through.
    main, keystore = postgres.server("canary-main"), postgres.server("canary-keystore")
    urls = (await main.create_database(), await keystore.create_database())
    environ = {"ZEGEL_DATABASE_URL": urls[0], "ZEGEL_KEYSTORE_URL": urls[1]}
    return Databases(environ, urls, (main.directory, keystore.directory))


def look(cage: Cage, *others: Path) -> tuple[set[str], int]:
    """Look through all files of the product, and `others`; return what was found, and octets."""
    scanner = Scanner(cage.word.encode(), *cage.secrets)
    roots = [cage.product.directory, *others]
    found, octets = scanner.tree(*roots), 0
    for path in cage.product.home.rglob("*.sqlite3"):
        found |= scanner.values(sqlite_values(path))
    for path in (path for root in roots for path in root.rglob("*") if path.is_file()):
        held = path.read_bytes()
        octets += len(held)
        found |= {f"{path}: SHA-256 of a message" for digest in cage.digests if digest in held}
    return found, octets


async def look_everywhere(cage: Cage, databases: Databases) -> tuple[set[str], int]:
    """Look through the files of the product and of its databases, and through every value."""
    found, octets = look(cage, *databases.files)
    scanner = Scanner(cage.word.encode(), *cage.secrets)
    for url in databases.urls:
        found |= scanner.values(await postgres_values(url))
    return found, octets


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_t_canary(databases: Databases, tmp_path: Path) -> None:
    cage = a_cage(tmp_path, databases.environ)
    product = cage.product
    try:
        await move_in(cage)
        product.start()
        code = cage_web.take_over(cage)
        cage_web.keep_scripts(cage)
        deliver(cage)
        send_elsewhere(cage)
        misbehave_smtp(cage)
        misbehave_imap(cage)
        arrange(cage)
        cage_web.keep_house(cage)
        cage_web.settle_in(cage, code)
        assert len(cage.digests) >= 16
        die_in_data(cage)
        assert look(cage)[0] == set()
        product.start()
        die_in_append(cage)
        assert look(cage)[0] == set()
        product.start()
        with signed_in(product.address("imap"), (WHO, cage.app_password)) as wire:
            assert wire.tagged(b"FETCH 1:* (BODY.PEEK[HEADER])").startswith(b"t OK")
        assert product.stop() == 0
        found, octets = await look_everywhere(cage, databases)
        assert octets > 1_000_000
        assert not found, "\n".join(sorted(found))
        assert cage.planted > 300
        assert product.words().count('"event":"connection"') >= 10  # something was logged
    finally:
        product.kill()


def encodings(word: str) -> dict[str, bytes]:
    """Return what a careless server might have written."""
    text = f"Subject: {word}subject and more"
    octets = text.encode()
    compressor = zstandard.ZstdCompressor()
    frame = compressor.compress(octets * 3)
    cut = compressor.compress(octets + secrets.token_bytes(300_000))
    return {
        "raw": octets,
        "upper case": octets.upper(),
        **{f"base64 at {n}": base64.b64encode(bytes(n) + octets) for n in range(3)},
        "base64 in lines": base64.encodebytes(octets * 9),
        "quoted-printable": b"".join(b"=%02X" % octet for octet in octets),
        "quoted-printable, soft line break": octets[:14] + b"=\r\n" + octets[14:],
        "UTF-16 LE": text.encode("utf-16-le"),
        "UTF-16 BE": text.encode("utf-16-be"),
        "hexadecimal": octets.hex().encode(),
        "zstd": frame,
        "zstd, cut short": cut[: len(cut) // 2],
        "zstd of base64": compressor.compress(base64.b64encode(octets)),
        "search document": Framer().frame(SearchText(subject=text)),
    }


def test_the_scanner_finds_a_planted_canary_in_each_encoding(tmp_path: Path) -> None:
    """The negative control: what finds nothing above finds everything here."""
    word = canary()
    scanner, missed = Scanner(word.encode(), block_octets=1 << 16), []
    for name, octets in encodings(word).items():
        path = tmp_path / "planted"
        for before in (
            0,
            1,
            4095,
            (1 << 16) - 9,
            (1 << 16) + 4000,
        ):  # also across the end of a block
            path.write_bytes(bytes(before) + octets + secrets.token_bytes(3000))
            if not scanner.tree(tmp_path):
                missed.append((name, before))
    assert not missed
    path.write_bytes(secrets.token_bytes(1 << 20))
    assert scanner.tree(tmp_path) == set()
    (tmp_path / f"{word}.eml").touch()
    assert scanner.tree(tmp_path)
