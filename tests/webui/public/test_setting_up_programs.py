"""What mail programs are told of their servers, and by which names they find it."""

import plistlib
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mailserver.model.address import Address
from mailserver.model.errors import MailError
from mailserver.runtime.settings import Settings
from tests.support.house import settings_in
from tests.support.web import web_server
from webui.public import apple, autodiscover
from webui.public.autoconfig import client_config
from webui.public.mail_servers import mail_servers

OUTLOOK = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
POX = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>
http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a
</AcceptableResponseSchema></Request></Autodiscover>"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(
        tmp_path,
        hostname="mail.example.test",
        listeners__imaps__address=":9993",
        listeners__imaps__public_port=993,
        listeners__submissions__address=":465",
        listeners__submission__address=":587",
        listeners__imap__address="off",
    )


def test_programs_are_told_the_ports_that_others_reach(settings: Settings) -> None:
    told = [(one.protocol, one.host, one.port) for one in mail_servers(settings)]
    assert told == [
        ("imap", "mail.example.test", 993),
        ("smtp", "mail.example.test", 465),
        ("smtp", "mail.example.test", 587),
    ]


def test_servers_without_tls_are_told_to_nobody(tmp_path: Path) -> None:
    plain = settings_in(
        tmp_path,
        listeners__imaps__address="off",
        listeners__imap__address="127.0.0.1:143",
        listeners__imap__tls="none",
        listeners__submission__address="off",
        listeners__submissions__address="off",
    )
    assert mail_servers(plain) == []


def test_thunderbirds_file(settings: Settings) -> None:
    root = ElementTree.fromstring(client_config(settings, "example.test"))
    incoming = root.find("emailProvider/incomingServer")
    assert incoming is not None
    assert incoming.get("type") == "imap"
    assert {child.tag: child.text for child in incoming} == {
        "hostname": "mail.example.test",
        "port": "993",
        "socketType": "SSL",
        "username": "%EMAILADDRESS%",
        "authentication": "password-cleartext",
    }
    sending = root.findall("emailProvider/outgoingServer/socketType")
    assert [one.text for one in sending] == ["SSL", "STARTTLS"]


def test_outlooks_answer(settings: Settings) -> None:
    address = Address("jan", "example.test")
    root = ElementTree.fromstring(autodiscover.settings_for(settings, address))
    protocols = root.findall(f"{OUTLOOK}Response/{OUTLOOK}Account/{OUTLOOK}Protocol")
    told = [
        tuple(
            one.findtext(f"{OUTLOOK}{name}")
            for name in ("Type", "Server", "Port", "LoginName", "Encryption")
        )
        for one in protocols
    ]
    assert told == [
        ("IMAP", "mail.example.test", "993", "jan@example.test", "SSL"),
        ("SMTP", "mail.example.test", "465", "jan@example.test", "SSL"),
        ("SMTP", "mail.example.test", "587", "jan@example.test", "TLS"),
    ]


def test_apples_profile_has_no_password_and_the_same_identity_each_time(
    settings: Settings,
) -> None:
    address = Address("jan", "example.test")
    made = apple.profile(settings, address)
    assert made == apple.profile(settings, address)
    (account,) = plistlib.loads(made)["PayloadContent"]
    assert account["IncomingMailServerHostName"] == "mail.example.test"
    assert account["IncomingMailServerPortNumber"] == 993
    assert account["OutgoingMailServerPortNumber"] == 465
    assert account["OutgoingMailServerUseSSL"] is True
    assert not [name for name in account if name.endswith("Password") and account[name] != True]  # noqa: E712
    other = plistlib.loads(apple.profile(settings, Address("piet", "example.test")))
    assert other["PayloadUUID"] != plistlib.loads(made)["PayloadUUID"]


def test_nothing_that_is_written_ends_what_it_stands_in(settings: Settings) -> None:
    for local in ("a&b", "o'neil", "x]]y", "é"):
        address = Address(local, "example.test")
        answer = ElementTree.fromstring(autodiscover.settings_for(settings, address))
        assert answer.findtext(f".//{OUTLOOK}LoginName") == str(address)
        assert plistlib.loads(apple.profile(settings, address))["PayloadContent"]


@pytest.mark.parametrize(
    "request_body",
    [
        b"",
        b"<EMailAddress></EMailAddress>",
        b"<EMailAddress>nobody</EMailAddress>",
        b"<EMailAddress>a@b.test",
        b"\xff\xfe<\0E\0M\0a\0i\0l\0",
        b"<!DOCTYPE x [<!ENTITY a 'b@c.test'>]><EMailAddress>&a;</EMailAddress>",
        b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><EMailAddress>&a;</EMailAddress>",
        b"<EMailAddress>" + b"a" * 400 + b"@b.test</EMailAddress>",
        b"<EMailAddress>a@b.test\r\nX: y</EMailAddress>",
    ],
)
def test_what_holds_no_address_is_no_question(request_body: bytes) -> None:
    with pytest.raises(MailError):
        autodiscover.asked_for(request_body)


def test_an_address_is_found_whatever_surrounds_it() -> None:
    for text in (
        POX.format(address="jan@example.test"),
        "<a:EMailAddress> jan@example.test </a:EMailAddress>",
        "<EMailAddress>jan@Example.TEST</EMailAddress>",
    ):
        assert str(autodiscover.asked_for(text.encode())) == "jan@example.test"


async def test_every_name_of_a_domain_leads_to_its_settings(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server, server.client() as client:
        file = "/mail/config-v1.1.xml"
        for host, path, code in (
            ("autoconfig.example.test", file, 200),
            ("AutoConfig.Example.Test:443", file, 200),
            ("example.test", f"/.well-known/autoconfig{file}", 200),
            ("autoconfig.else.test", file, 421),
            ("else.test", file, 421),
            ("autoconfig.example.test", f"{file}?emailaddress=a@else.test", 404),
            ("autoconfig.example.test", f"{file}?emailaddress=nonsense", 422),
            ("mta-sts.example.test", "/.well-known/mta-sts.txt", 200),
            ("example.test", "/.well-known/mta-sts.txt", 404),
            ("mta-sts.else.test", "/.well-known/mta-sts.txt", 421),
            ("autodiscover.example.test", "/", 404),
            ("example.test", "/", 421),
        ):
            answer = await client.get(path, headers={"host": host})
            assert answer.status_code == code, (host, path)


async def test_outlook_is_answered_without_a_look_at_its_password(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server, server.client() as client:
        for path in ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"):
            answer = await client.post(
                path,
                content=POX.format(address="jan@example.test"),
                headers={"host": "autodiscover.example.test", "content-type": "text/xml"},
                auth=("jan@example.test", "the account password"),
            )
            assert answer.status_code == 200
            assert re.search("<LoginName>|<Action>settings</Action>", answer.text)
        nobody = await client.post(path, content=POX.format(address="jan@else.test"))
        assert "<ErrorCode>601</ErrorCode>" in nobody.text
        nothing = await client.post(path, content="what")
        assert "<ErrorCode>600</ErrorCode>" in nothing.text


async def test_the_policy_is_text_with_the_lines_of_its_standard(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server, server.client() as client:
        answer = await client.get(
            "/.well-known/mta-sts.txt", headers={"host": "mta-sts.example.test"}
        )
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.text.startswith("version: STSv1\r\nmode: testing\r\n")
