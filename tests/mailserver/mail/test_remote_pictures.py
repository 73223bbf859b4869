"""Pictures from elsewhere: those that the message names, from the internet, and nothing else.

T-READ-3 as far as pictures go; the rest is `test_web_client`.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from mailserver.mail.account import Account
from mailserver.mail.remote_pictures import (
    AT_ONCE,
    KEPT_OCTETS,
    KEPT_SECONDS,
    PICTURE_OCTETS,
    NoPicture,
    Picture,
    RemotePictures,
    Why,
)
from mailserver.model.errors import Absent
from mailserver.model.ids import EmailId
from tests.support.dns import DnsServer, standing_zone
from tests.support.internet import INSIDE, OUTSIDE, Internet, internet
from tests.support.mail import MailNode, append
from tests.support.web_host import answer, redirect

NAMES = {"pictures.test": [f"A {OUTSIDE}"], "inside.test": [f"A {INSIDE}"]}
HERE = "https://pictures.test"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
LETTER = f"""\
From: news@else.test
Subject: News
Content-Type: text/html; charset=utf-8

<img src="{HERE}/a.png"><img src="{HERE}/b"><a href="{HERE}/leave">leave</a>
<p style="background: url({HERE}/c?x=1&amp;y=2)"><img src="https://inside.test/">
<img src="https://127.0.0.1/"><img src="{HERE}/d">
""".replace("\n", "\r\n").encode()


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(NAMES) as server:
        yield server


@dataclass
class Reader:
    """Somebody with one letter, and the internet around."""

    pictures: RemotePictures
    there: Internet
    account: Account
    email: EmailId

    async def get(self, path: str) -> Picture:
        url = HERE + path if path.startswith("/") else path
        return await self.pictures.get(self.account, self.email, url)

    async def why(self, path: str) -> Why:
        with pytest.raises(NoPicture) as none:
            await self.get(path)
        return none.value.why


async def newest(account: Account) -> EmailId:
    catalogue = await account.emails.catalogue()
    return EmailId(next(catalogue.newest_first(catalogue.living())))


@pytest.fixture
async def reader(mail: MailNode, dns: DnsServer) -> AsyncIterator[Reader]:
    account = await mail.account()
    await append(account, LETTER)
    email = await newest(account)
    async with internet(dns.resolver(), NAMES) as there:
        there.outside.answers = {"/a.png": answer(PNG, "text/html")}
        pictures = RemotePictures(there.client, mail.node.clock, mail.node.offload)
        yield Reader(pictures, there, account, email)
    await account.close()


async def test_what_the_letter_names_is_fetched_once(reader: Reader) -> None:
    assert await reader.get("/a.png") == Picture("image/png", PNG)
    assert await reader.get("HTTPS://Pictures.test:443/a.png#x") == Picture("image/png", PNG)
    assert reader.there.outside.targets == ["/a.png"]
    assert reader.pictures.kept_octets == len(PNG)


async def test_nothing_else_is_asked_for(reader: Reader) -> None:
    for path in ("/leave", "/other", "/a.png?secret", "https://else.test/a.png", "http://a.test/"):
        assert await reader.why(path) is Why.NOT_IN_MESSAGE, path
    for path in ("https://127.0.0.1/", "https://noor@pictures.test/a.png", "file:///etc/passwd"):
        assert await reader.why(path) is Why.BAD_URL, path
    assert reader.there.outside.connections == 0


async def test_a_url_is_the_same_in_whichever_way_it_is_written(reader: Reader) -> None:
    reader.there.outside.answers["/c?x=1&y=2"] = answer(PNG)
    assert (await reader.get("/c?x=1&y=2")).type == "image/png"


async def test_t_read_3_a_machine_within_is_not_reached(reader: Reader) -> None:
    assert await reader.why("https://inside.test/") is Why.FORBIDDEN_ADDRESS
    reader.there.outside.answers["/b"] = redirect("https://inside.test/b")
    assert await reader.why("/b") is Why.FORBIDDEN_ADDRESS
    reader.there.outside.answers["/b"] = redirect("http://169.254.169.254/latest/meta-data/")
    assert await reader.why("/b") is Why.BAD_URL


async def test_only_pictures_are_passed_on(reader: Reader) -> None:
    answers = reader.there.outside.answers
    assert await reader.why("/b") is Why.DECLINED
    answers["/b"] = answer(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
    assert await reader.why("/b") is Why.NOT_A_PICTURE
    answers["/b"] = answer(b"<html>", "image/png")
    assert await reader.why("/b") is Why.NOT_A_PICTURE
    answers["/b"] = answer(PNG + b"\x00" * PICTURE_OCTETS)
    assert await reader.why("/b") is Why.TOO_LARGE
    answers["/b"] = answer(PNG, status="500 Internal Server Error")
    assert await reader.why("/b") is Why.DECLINED
    answers["/b"] = redirect("/a.png")
    assert (await reader.get("/b")).octets == PNG
    assert reader.pictures.kept_octets == len(PNG)


async def test_a_letter_of_somebody_else_is_none(reader: Reader, mail: MailNode) -> None:
    other = await mail.account("bob@example.org")
    with pytest.raises(Absent):
        await reader.pictures.get(other, EmailId(reader.email), HERE + "/a.png")
    await append(other, LETTER)
    email = await newest(other)
    await reader.get("/a.png")
    await reader.pictures.get(other, email, HERE + "/a.png")
    assert reader.there.outside.targets == ["/a.png", "/a.png"]  # nobody is told what others saw
    await other.close()


async def test_what_is_kept_goes_after_a_while_and_with_the_account(
    reader: Reader, mail: MailNode
) -> None:
    await reader.get("/a.png")
    mail.node.clock.advance(timedelta(seconds=KEPT_SECONDS))
    await reader.get("/a.png")
    assert reader.there.outside.targets == ["/a.png", "/a.png"]
    mail.node.sessions.close()  # every account is locked
    assert reader.pictures.kept_octets == 0


async def test_what_is_kept_is_bounded(reader: Reader, mail: MailNode) -> None:
    large = PNG + b"\x00" * (1_000 - len(PNG))
    node, client = mail.node, reader.there.client
    reader.pictures = RemotePictures(client, node.clock, node.offload, most_kept=2_500)
    for path in ("/a.png", "/b", "/d"):
        reader.there.outside.answers[path] = answer(large)
        await reader.get(path)
    assert reader.pictures.kept_octets == 2_000
    assert AT_ONCE * PICTURE_OCTETS < KEPT_OCTETS
