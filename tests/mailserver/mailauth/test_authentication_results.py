"""Our verdicts are written so that others read them; nobody else's pass for ours (T-AUTHN-2)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailserver.mailauth.arc import Arc, ArcResult
from mailserver.mailauth.authentication_results import Finding, strip, write, write_findings
from mailserver.mailauth.dkim import DkimResult, DkimSignature
from mailserver.mailauth.dmarc import Dmarc, DmarcResult, Policy
from mailserver.mailauth.dmarc_record import parse_record
from mailserver.mailauth.spf import Spf, SpfResult
from mailserver.mailauth.verdict import Verdict

US = "mx.zegel.test"
REST = b"From: a@b.test\r\nSubject: x\r\n\r\nAuthentication-Results: mx.zegel.test; spf=pass\r\n"
RSA = DkimSignature(
    DkimResult.PASS,
    domain="author.test",
    selector="one",
    identity="@news.author.test",
    algorithm="rsa-sha256",
    key_bits=1024,
    signature="abcdefghijkl",
)
BROKEN = DkimSignature(DkimResult.NEUTRAL, "the tag b= is missing")
FAILED = DkimSignature(
    DkimResult.FAIL,
    "the body was changed",
    domain="list.test",
    selector="two",
    identity='"odd\r\n one"@list.test',
    algorithm="ed25519-sha256",
    key_bits=256,
    signature="ab/d+fg=",
)


SENT = Spf(SpfResult.PASS, "author.test", "mailfrom", "ip4")
NO_CHAIN = Arc(ArcResult.NONE)


def a_verdict(
    *signatures: DkimSignature, dmarc: Dmarc, spf: Spf = SENT, arc: Arc = NO_CHAIN
) -> Verdict:
    return Verdict(spf, signatures, arc, dmarc, "alice@author.test", "author.test")


def test_all_methods_are_written_with_what_they_looked_at() -> None:
    record = parse_record(b"v=DMARC1; p=reject")
    assert record is not None
    verdict = a_verdict(
        RSA,
        FAILED,
        BROKEN,
        arc=Arc(ArcResult.PASS, instances=2, sealers=("a.test", "b.test")),
        dmarc=Dmarc(DmarcResult.PASS, "author.test", Policy.REJECT, record=record),
    )
    assert write(verdict, US).decode() == (
        "Authentication-Results: mx.zegel.test;\r\n"
        "\tspf=pass smtp.mailfrom=author.test;\r\n"
        "\tdkim=pass (1024-bit key) header.d=author.test header.i=@news.author.test\r\n"
        "\t header.s=one header.a=rsa-sha256 header.b=abcdefgh;\r\n"
        '\tdkim=fail reason="the body was changed" header.d=list.test\r\n'
        '\t header.i="\\"odd one\\"@list.test" header.s=two header.a=ed25519-sha256\r\n'
        '\t header.b="ab/d+fg=";\r\n'
        '\tdkim=neutral reason="the tag b= is missing";\r\n'
        "\tdmarc=pass (p=reject) header.from=author.test;\r\n"
        "\tarc=pass (i=2)\r\n"
    )


def test_what_there_is_none_of_is_said() -> None:
    helo = Spf(SpfResult.NONE, "client.test", "helo", "")
    verdict = a_verdict(spf=helo, dmarc=Dmarc(DmarcResult.NONE, ""))
    assert write(verdict, US).decode() == (
        "Authentication-Results: mx.zegel.test;\r\n"
        "\tspf=none smtp.helo=client.test;\r\n"
        "\tdkim=none;\r\n"
        "\tdmarc=none;\r\n"
        "\tarc=none\r\n"
    )
    assert write_findings(US, []) == b"Authentication-Results: mx.zegel.test;\r\n\tnone\r\n"


@given(st.text(max_size=30), st.text(max_size=30))
@example('a";\r\nFrom: x', "\\")
def test_nothing_that_a_stranger_wrote_breaks_out_of_its_value(one: str, other: str) -> None:
    found = [Finding("dkim", "fail", properties=(("header.i", one), ("header.s", other)))]
    field = write_findings(US, found).decode()
    lines = field.removesuffix("\r\n").split("\r\n")
    assert all(line.startswith("\t") for line in lines[1:])
    assert "\r" not in "".join(lines)
    assert "\n" not in "".join(lines)
    assert strip(field.encode() + b"A: b\r\n\r\n", US) == b"A: b\r\n\r\n"


FORGED = [
    b"Authentication-Results: mx.zegel.test; spf=pass",
    b"authentication-results:mx.zegel.test;spf=pass",
    b"AUTHENTICATION-RESULTS : MX.Zegel.TEST; spf=pass",
    b"Authentication-Results\t:\r\n\tmx.zegel.test 1;\r\n\tdkim=pass",
    b"Authentication-Results: (a comment) mx.zegel.test; spf=pass",
    b"Authentication-Results: (a (nested \\) one)) (and) mx.zegel.test/1; spf=pass",
    b"Authentication-Results: (folded\r\n too)\r\n mx.zegel.test (v) 1 (w); spf=pass",
    b'Authentication-Results: "mx.zegel.test"; spf=pass',
    b'Authentication-Results: "mx.z\\egel.test" 1; spf=pass',
    b"Authentication-Results: mx.zegel.test",
    b"Authentication-Results: mx.zegel.test.; spf=pass",
    b"Authentication-Results: mx.zegel.test@evil.test; spf=pass",
    b"Authentication-Results: mx.zegel.test=x; spf=pass",
    b"Authentication-Results: (never closed mx.zegel.test; spf=pass",
    b'Authentication-Results: "never closed mx.zegel.test; spf=pass',
    b"Authentication-Results: ; spf=pass",
    b"Authentication-Results:",
    b"Authentication-Results: \xff\xfe\0",
    b"Authentication-Results: mx.zegel.test\0; spf=pass",
]
FOREIGN = [
    b"Authentication-Results: mx.other.test; spf=pass",
    b"Authentication-Results: notmx.zegel.test; spf=pass",
    b"Authentication-Results: zegel.test; spf=pass",
    b'Authentication-Results: "no domain at all"; spf=pass',
    b"Authentication-Results: mx.other.test (mx.zegel.test); spf=pass",
    b"Authentication-Results: mx.zegel.test.evil.test; spf=pass",
    b"ARC-Authentication-Results: i=1; mx.zegel.test; spf=pass",
    b"X-Authentication-Results: mx.zegel.test; spf=pass",
    b"Subject: Authentication-Results: mx.zegel.test; spf=pass",
]


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_what_could_pass_for_ours_is_taken_out(forged: bytes, end: bytes) -> None:
    message = b"Received: x\r\n" + forged + end + REST
    assert strip(message, US) == b"Received: x\r\n" + REST
    assert strip(forged + end + REST, US) == REST
    assert strip(forged, US) == b""


@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_others_say_in_their_own_name_stays(foreign: bytes) -> None:
    message = foreign + b"\r\n" + REST
    assert strip(message, US) is message


def test_each_of_several_is_taken_out() -> None:
    message = b"".join(forged + b"\r\n" for forged in FORGED * 20)
    assert strip(message + REST, US) == REST


def test_names_that_are_not_ascii_are_one_name() -> None:
    forged = "Authentication-Results: mx.bücher.test; spf=pass\r\n".encode()
    assert strip(forged + REST, "mx.xn--bcher-kva.test") == REST


@given(st.binary(max_size=200))
@example(b"Authentication-Results: " + b"(" * 100_000)
@example(b"Authentication-Results: " + b"()" * 100_000)
@example(b"Authentication-Results:" + b" " * 100_000)
@example(b'Authentication-Results: "' + b"\\" * 100_000)
@example(b"\r\n" * 100_000)
@example(b"\n" + b"\r" * 100_000)
def test_any_octets_are_taken(message: bytes) -> None:
    once = strip(message, US)
    assert strip(once, US) == once
