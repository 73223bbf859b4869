"""A product to be looked through afterwards, and the word that goes into everything it is told."""

import secrets
import ssl
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

from tests.support.product import Product

WHO = "ada@example.test"
SENDING = {"ZEGEL_RELAY_ENABLED": "true", "ZEGEL_DNS_NAMESERVERS": "127.0.0.1:1"}
"""The relay is on, and nobody answers it: what is sent elsewhere waits in the queue."""
FETCHING = {"ZEGEL_EXTERNAL_PRIVATE_SERVERS": "true"}  # the test's own server is on loopback
SCRIPTS = {"ZEGEL_LISTENERS_MANAGESIEVE_ADDRESS": "127.0.0.1:0"}


def canary() -> str:
    """Return the word of a run: what it is planted in every time is part of no other word."""
    return "kanarie" + secrets.token_hex(6)


@dataclass
class Cage:
    """A product, the word that goes into everything, and what else must never be seen."""

    product: Product
    word: str
    password: str
    app_password: str = ""
    secrets: list[bytes] = field(default_factory=list)
    digests: set[bytes] = field(default_factory=set)
    """SHA-256 of messages as they are stored: in clear they would confirm a known document."""
    planted: int = 0

    def named(self, where: str) -> str:
        """Return the canary for one place."""
        self.planted += 1
        return f"{self.word}{where}"

    def tls(self) -> ssl.SSLContext:
        """Return a context that believes the product's certificate."""
        return ssl.create_default_context(cafile=self.product.home / "tls" / "certificate.pem")

    def keep_secret(self, *words: str) -> None:
        """Add what was made for its owner alone, as shown and as typed."""
        for word in words:
            self.secrets += [word.lower().encode(), word.lower().replace("-", "").encode()]


def a_cage(directory: Path, environ: dict[str, str]) -> Cage:
    """Make a product with one user, a canary in all that its commands take."""
    chosen = {"ZEGEL_LOG_LEVEL": "debug", **SENDING, **FETCHING, **SCRIPTS}
    product = Product(directory, {**chosen, **environ})
    word = canary()
    cage = Cage(product, word, password=f"{word} is a long enough password")
    product.zegel("domain", "add", "example.test")
    said = product.zegel("user", "add", WHO, typed=cage.password + "\n")
    code = said.rpartition(": ")[2].strip()
    said = product.zegel(
        *("app-password", "add", WHO, "--label", cage.named("label")), typed=cage.password + "\n"
    )
    cage.app_password = said.rpartition(": ")[2].strip()
    cage.keep_secret(code, cage.app_password)
    return cage


def letter(cage: Cage, body_octets: int = 0, *, own: bool = False) -> bytes:
    """Write a message with a canary in each field, in each transfer encoding.

    Args:
        cage: whose canary.
        body_octets: of random octets in its attachment.
        own: it is from our user, as submission demands.
    """
    message = EmailMessage()
    for name in ("from", "to", "cc", "reply-to"):
        local = cage.named(name + "local")
        message[name.title()] = Address(cage.named(name + "name"), local, "elsewhere.test")
    if own:
        message.replace_header("From", Address(cage.named("ownname"), addr_spec=WHO))
    message["Subject"] = f"{cage.named('subject')} — één"
    message["Message-ID"] = f"<{cage.named('messageid')}@elsewhere.test>"
    message["In-Reply-To"] = f"<{cage.named('inreplyto')}@elsewhere.test>"
    message["References"] = f"<{cage.named('references')}@elsewhere.test>"
    message["X-Canary"] = cage.named("header")
    message.set_content(f"{cage.named('plain')} é = 1\n", cte="quoted-printable")
    message.add_alternative(f"<p>{cage.named('html')} é", subtype="html", cte="base64")
    document = f"{cage.named('attachment')} ".encode() + secrets.token_bytes(body_octets)
    message.add_attachment(
        document, "application", "octet-stream", filename=cage.named("filename") + "é.bin"
    )
    message.add_attachment(
        cage.named("text").encode("utf-16-le"), "application", "x-text", cid=cage.named("cid")
    )
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
