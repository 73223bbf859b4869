"""The worst that strangers write is no more work than a long message: everything is linear.

Each case would take minutes or for ever if any step were quadratic. The bound is far above what a
slow machine needs (all cases take under a second on a small one), and far below that.
"""

import time
from collections.abc import Callable

import pytest

from mailserver.protocol.mime.scan import DEPTH, PARTS
from mailserver.protocol.mime.summary import Summary, build

BOUND_SECONDS = 10.0
MILLION = 1 << 20


def field(name: bytes, *values: bytes) -> bytes:
    return name + b": " + b"".join(values) + b"\r\n\r\n"


def html(body: bytes) -> bytes:
    return b"Content-Type: text/html\r\n\r\n" + body


def encoded(encoding: bytes, body: bytes) -> bytes:
    return b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body


def nested(depth: int, tail: bytes = b"") -> bytes:
    levels = (
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(depth)
    )
    return b"".join(levels) + b"Content-Type: text/plain\r\n\r\n" + tail


def wide(part: bytes, count: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + (b"--b\r\n" + part) * count


CASES: dict[str, Callable[[], bytes]] = {
    "a bomb of 100 levels": lambda: nested(DEPTH, b"x" * 4 * MILLION),
    "a bomb of 5,000 levels": lambda: nested(5_000),
    "5,000 messages in each other": lambda: b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
    "100,000 parts": lambda: wide(b"\r\nx\r\n", 100_000),
    "headers that never end": lambda: wide(b"A: b\r\n" * 20_000, 20),
    "lines of hyphens": lambda: wide(b"--\n" * 2 * MILLION, 1),
    "lines of hyphens, deep inside": lambda: nested(DEPTH, b"--b\n" * MILLION),
    "beginnings of a boundary": lambda: nested(DEPTH, b"--b1x\n" * (MILLION // 2)),
    "50,000 addresses": lambda: field(
        b"To", b", ".join(b"u%d@example.com" % number for number in range(50_000))
    ),
    "50,000 addresses that are hard to read": lambda: field(
        b"From", b"(c)a b <u@ex ample.com>, " * 50_000
    ),
    "commas": lambda: field(b"From", b"a," * 125_000),
    "groups": lambda: field(b"From", b"a:;" * 80_000),
    "nested comments": lambda: field(b"From", b"(" * 125_000, b")" * 125_000, b"a@b"),
    "open comments": lambda: field(b"From", b"(" * 250_000),
    "comments": lambda: field(b"From", b"(a)" * 80_000),
    "comments in a type": lambda: field(b"Content-Type", b"(" * 125_000, b")" * 125_000),
    "parameters": lambda: field(b"Content-Type", b"text/plain", b";a=b" * 60_000),
    "semicolons": lambda: field(b"Content-Type", b"text/plain", b"; " * 125_000),
    "quotes": lambda: field(b"Content-Type", b"text/plain", b';a="' * 60_000),
    "a long name": lambda: field(b"Content-Type", b"text/plain;", b"a" * 250_000),
    "sections": lambda: field(
        b"Content-Type", b"a/b", *(b";a*%d*=%%20" % number for number in range(9_999))
    ),
    "millions of folds": lambda: field(b"Subject", b"\r\n " * 3 * MILLION, b"x"),
    "fields": lambda: b"a:\r\n" * 65_000 + b"\r\n",
    "lines that are no fields": lambda: b"aaaa bbbb\r\n" * 20_000 + b"\r\n",
    "a name without colon": lambda: b"a " * 125_000 + b"\r\n\r\n",
    "encoded words": lambda: field(b"Subject", b"=?utf-8?b?YWFh?= " * 15_000),
    "beginnings of encoded words": lambda: field(b"Subject", b"=?a*q?b?" * 30_000),
    "references": lambda: field(b"References", b"<a@b>" * 50_000),
    "open references": lambda: field(b"References", b"<" * 250_000),
    "days": lambda: field(b"Date", b"1 jan " * 40_000),
    "line feeds": lambda: b"\n" * 4 * MILLION,
    "carriage returns": lambda: b"\r" * 4 * MILLION,
    "NUL": lambda: b"\0" * 4 * MILLION,
    "HTML: less than": lambda: html(b"<" * 4 * MILLION),
    "HTML: scripts": lambda: html(b"<script></scrip" * (MILLION // 4)),
    "HTML: styles": lambda: html(b"<style>a{}" * (MILLION // 4)),
    "HTML: comments": lambda: html(b"<!--" * MILLION),
    "HTML: hyphens": lambda: html(b"<!--" + b"-" * 4 * MILLION),
    "HTML: quotes": lambda: html(b"<a \"'" * MILLION),
    "HTML: quotes in inline tags": lambda: html(b'<a ="' * MILLION),
    "HTML: open inline tags": lambda: html(b"<a " * MILLION),
    "HTML: tags": lambda: html(b"<p>x</p>" * (MILLION // 2)),
    "HTML: entities": lambda: html(b"&amp;" * MILLION),
    "HTML: no entities": lambda: html(b"&" * 4 * MILLION),
    "HTML: long entities": lambda: html((b"&" + b"a" * 40) * (MILLION // 10)),
    "HTML: long numbers": lambda: html(b"&#" + b"9" * MILLION),
    "base64: padding": lambda: encoded(b"base64", b"A=\n" * MILLION),
    "quoted-printable: equals": lambda: encoded(b"quoted-printable", b"=" * 4 * MILLION),
    "quoted-printable: spaces": lambda: encoded(b"quoted-printable", b" " * 4 * MILLION),
}


@pytest.mark.parametrize("case", CASES)
def test_hostile_messages_take_linear_time(case: str) -> None:
    message = CASES[case]()
    started = time.process_time()
    built = build(message)
    assert time.process_time() - started < BOUND_SECONDS
    assert len(built.summary) < 16 * MILLION
    assert 1 <= len(Summary(built.summary).parts) <= PARTS
