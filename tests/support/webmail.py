"""The product with a browser at it: people who sign in, and a page that forgives nothing.

A page fails its test on whatever its policy refused, on every error in the console, and on every
request to another origin. What a person sees is looked at by axe and, on request, in pictures.
"""

import base64
import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

from tests.support.product import Product
from tests.support.programs import program
from tests.support.server import ROOT

DOMAIN = "example.test"
PASSWORD = "nine paper lanterns over a canal"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENSHOTS = "ZEGEL_SCREENSHOTS"
"""Where pictures go; without it none are made."""
WIDTHS = {1366: 768, 820: 1180, 390: 844}
"""A desktop, a tablet and a telephone: width and height in CSS pixels."""
AXE_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
PATIENCE_MS = 20_000

Theme = Literal["light", "dark"]

_AXE = ROOT / "webui" / "spa" / "node_modules" / "axe-core" / "axe.min.js"
# What the API refuses is an error to the console and none to us: a wrong password, for one.
_REFUSED = re.compile(r"the server responded with a status of 4\d\d")
_NO_FAULTS = (
    "net::ERR_INTERNET_DISCONNECTED",
    "net::ERR_CONNECTION_REFUSED",
    "Permissions-Policy header: Unrecognized feature",
)
_OURS = re.compile(r"/(api/account|jmap|\.well-known/jmap)")


class Webmail:
    """A running product, and who may use it."""

    def __init__(self, product: Product) -> None:
        """Begin with the domain alone."""
        self.product = product
        self._numbers = itertools.count(1)
        product.zegel("domain", "add", DOMAIN)

    @property
    def origin(self) -> str:
        """Where the webmail is."""
        return f"https://localhost:{self.product.port('https')}"

    def new_address(self, name: str = "anna") -> str:
        """Return an address that nobody has."""
        return f"{name}{next(self._numbers)}.{os.getpid()}@{DOMAIN}"

    def invitation(self, address: str) -> str:
        """Invite somebody; returns the link as this server is found."""
        told = self.product.zegel("user", "invite", address).strip()
        return f"{self.origin}/invitation#{told.rpartition('#')[2]}"

    def reset(self, address: str) -> str:
        """Have an administrator begin a reset; returns its link."""
        told = self.product.zegel("user", "reset", address).strip()
        return f"{self.origin}/reset#{told.rpartition('#')[2]}"

    def person(self, name: str = "anna") -> str:
        """Make an account whose password an administrator set; returns its address."""
        address = self.new_address(name)
        self.product.zegel("user", "add", address, typed=f"{PASSWORD}\n{PASSWORD}\n")
        return address

    def key_hash(self) -> str:
        """Return the hash of the certificate's key, by which the browser believes it alone."""
        pem = (self.product.home / "tls" / "certificate.pem").read_bytes()
        key = x509.load_pem_x509_certificate(pem).public_key()
        octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(octets).digest()).decode()


def open_browser(playwright: Playwright, webmail: Webmail) -> Browser:
    """Start Debian's Chromium, which believes the certificate of `webmail`."""
    return playwright.chromium.launch(
        executable_path=program("chromium"),
        headless=True,
        args=[*FLAGS, f"--ignore-certificate-errors-spki-list={webmail.key_hash()}"],
    )


@dataclass
class Watched:
    """What went wrong on the pages of a browser's context."""

    origin: str
    faults: list[str] = field(default_factory=list)
    forgiven: tuple[str, ...] = ()
    """What else the console may say: of a server that a test killed, for one."""

    def watch(self, context: BrowserContext) -> None:
        """Look at everything that its pages do."""
        context.on("console", self._said)
        context.on("weberror", lambda error: self.faults.append(f"thrown: {error.error}"))
        context.on("request", self._asked)
        context.on("requestfailed", self._failed)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        where = message.location.get("url", "")
        if _REFUSED.search(message.text) and _OURS.search(where):
            return
        if not self._is_no_fault(message.text):
            self.faults.append(f"console: {message.text} ({where})")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "blob:", "data:")):
            self.faults.append(f"asked elsewhere: {request.url}")

    def _failed(self, request: Request) -> None:
        if "csp" in (request.failure or ""):
            self.faults.append(f"refused by the policy: {request.url}")

    def _is_no_fault(self, text: str) -> bool:
        """Whether it is the network that a test took away, or a feature this browser never had."""
        return any(each in text for each in (*_NO_FAULTS, *self.forgiven))


@contextmanager
def watched_context(
    browser: Browser, webmail: Webmail, *, forgiven: tuple[str, ...] = (), **options: Any
) -> Iterator[BrowserContext]:
    """Open a context with nothing in it; at its end nothing but what is `forgiven` went wrong."""
    options.setdefault("viewport", {"width": 1366, "height": WIDTHS[1366]})
    options.setdefault("locale", "en-GB")
    options.setdefault("reduced_motion", "reduce")
    context = browser.new_context(base_url=webmail.origin, **options)
    context.set_default_timeout(PATIENCE_MS)
    watched = Watched(webmail.origin, forgiven=forgiven)
    watched.watch(context)
    try:
        yield context
    finally:
        context.close()
    if watched.faults:
        pytest.fail("\n".join(watched.faults))


def axe_faults(page: Page) -> list[str]:
    """Return what axe finds wrong with a page, a line each. Source: WCAG 2.2 A and AA."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(_AXE.read_text())
    options = {"runOnly": {"type": "tag", "values": list(AXE_TAGS)}, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def look(page: Page, name: str) -> None:
    """See that a screen is accessible in both themes; with `ZEGEL_SCREENSHOTS`, picture it.

    Args:
        page: it shows the screen, at rest.
        name: what the pictures are called.
    """
    size = page.viewport_size
    for theme in get_args(Theme):
        page.emulate_media(color_scheme=theme)
        faults = axe_faults(page)
        if faults:
            pytest.fail("\n".join([f"{name}, {theme}:", *faults]))
        if folder := os.environ.get(SCREENSHOTS):
            for width, height in WIDTHS.items():
                page.set_viewport_size({"width": width, "height": height})
                path = ROOT / folder / f"{name}-{width}-{theme}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=path)
                assert_no_sideways(page, (name, width))
            if size is not None:
                page.set_viewport_size(size)
    page.emulate_media(color_scheme="light")


def assert_no_sideways(page: Page, where: object) -> None:
    """See that the page is not wider than the window (WCAG 1.4.10)."""
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wider > 0:
        pytest.fail(f"{where}: {wider} pixels wider than the window")


def certificate_of(product: Product) -> Path:
    """Return the certificate that the product made for itself."""
    return product.home / "tls" / "certificate.pem"
