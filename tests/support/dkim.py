"""Signed messages: the published ones, keys to sign with, and dkimpy as a second opinion."""

import base64
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import dkim as dkimpy
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from mailserver.crypto.dkim import KeyType, PrivateKey
from mailserver.mailauth.dkim import SigningKey
from mailserver.mailauth.dkim_fields import key_record
from mailserver.mailauth.dkim_key import record_name
from tests.support.dns import Records, txt

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def lines(text: str) -> bytes:
    """Write text as it travels: its line ends CRLF."""
    return text.encode().replace(b"\n", b"\r\n")


RFC_8463 = lines("""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""")
"""Source: RFC 8463, appendix A.3."""

RFC_8463_SEED = base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
"""Source: RFC 8463, appendix A.1."""

RFC_6376 = lines("""\
DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game. Are you hungry yet?

Joe.
""")
"""Source: RFC 6376, appendix A.2, without the indentation of the page."""

RFC_KEYS = {
    "brisbane._domainkey.football.example.com": (
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    ),
    "test._domainkey.football.example.com": (
        "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3id"
        "Y6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj"
        "+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
    ),
    "brisbane._domainkey.example.com": (
        "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQ"
        "g1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gb"
        "to/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
    ),
}
"""Source: RFC 8463, appendix A.2; RFC 6376, appendix C."""


@cache
def private_key(kind: KeyType, bits: int = 2048, number: int = 0) -> PrivateKey:
    """Make a key, always the same in one run for the same arguments."""
    if kind is KeyType.RSA:
        return PrivateKey(rsa.generate_private_key(65537, bits))
    return PrivateKey.generate(kind)


def signing_key(
    kind: KeyType = KeyType.RSA, *, domain: str = "example.org", bits: int = 2048
) -> SigningKey:
    """Make a key of a domain, under the selector `rsa2048`, `ed255192048` and the like."""
    return SigningKey(domain, f"{kind.value}{bits}", private_key(kind, bits))


def both_keys(domain: str = "example.org") -> list[SigningKey]:
    """Make the two keys that a domain of ours signs with."""
    return [signing_key(kind, domain=domain) for kind in (KeyType.ED25519, KeyType.RSA)]


def published(keys: Iterable[SigningKey]) -> dict[str, str]:
    """Write the key records of `keys` by name."""
    return {record_name(key.domain, key.selector): key_record(key.private.public) for key in keys}


def zone(records: dict[str, str]) -> Records:
    """Put key records into a zone for `dns_zone`."""
    return {name: [txt(text)] for name, text in records.items()}


def asked(records: dict[str, str]) -> Callable[..., bytes | None]:
    """Answer dkimpy's questions from `records`."""

    def answer(name: bytes, timeout: int = 5) -> bytes | None:
        found = records.get(name.decode().rstrip("."))
        return found.encode() if found is not None else None

    return answer


def pem(key: SigningKey) -> bytes:
    """Write a private key as dkimpy reads it."""
    octets = key.private.encode()
    if key.private.kind is KeyType.ED25519:
        return base64.b64encode(octets[-32:])
    loaded: Any = load_der_private_key(octets, None)
    written: bytes = loaded.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    return written


def dkimpy_verifies(message: bytes, records: dict[str, str], index: int = 0) -> bool:
    """Ask dkimpy whether the signature at `index` from the top holds; clocks are left out."""
    judge = dkimpy.DKIM(message, minkey=1024)
    return bool(judge.verify(idx=index, dnsfunc=asked(records)))


def dkimpy_signs(
    message: bytes, key: SigningKey, *, canon: tuple[bytes, bytes], length: bool = False
) -> bytes:
    """Let dkimpy sign `message`; return its field."""
    signed: bytes = dkimpy.sign(
        message,
        key.selector.encode(),
        key.domain.encode(),
        pem(key),
        canonicalize=canon,
        signature_algorithm=f"{key.private.kind.value}-sha256".encode(),
        length=length,
    )
    return signed
