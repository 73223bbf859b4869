"""npm's oidc-provider as an organisation's identity provider, and a browser that signs in there."""

import json
import os
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import trustme

from mailserver.vault.providers import ProviderRecord
from webui.front_end import FrontEnd, node_program

HERE = Path(__file__).with_name("oidc")
CLIENT, SECRET = "zegel", "a secret: with/odd characters"
STOP_SECONDS = 10


@dataclass
class IdentityProvider:
    """A running provider."""

    issuer: str
    ca_file: Path

    @property
    def record(self) -> ProviderRecord:
        """How a domain's row names it."""
        return ProviderRecord(self.issuer, CLIENT, SECRET.encode(), "Test Sign-on")

    def client(self) -> httpx.AsyncClient:
        """Return a client that believes it, with cookies as a browser keeps them."""
        context = ssl.create_default_context(cafile=self.ca_file)
        return httpx.AsyncClient(verify=context, trust_env=False)

    async def person(self, sub: str, email: str = "", **more: Any) -> None:
        """Say who sits at the keyboard: `verified`, `amr`, `acr`, `refuses`."""
        async with self.client() as client:
            told = {"sub": sub, "email": email, **more}
            (await client.post(f"{self.issuer}/test/person", json=told)).raise_for_status()

    async def rotate(self) -> None:
        """Give the provider new keys."""
        async with self.client() as client:
            (await client.post(f"{self.issuer}/test/rotate")).raise_for_status()

    async def visited(self, url: str, back: str) -> dict[str, str]:
        """Go to `url` as a browser does; return what it came `back` with."""
        async with self.client() as client:
            for _ in range(10):
                answer = await client.get(url)
                assert answer.is_redirect, answer.text
                url = str(answer.next_request.url) if answer.next_request else ""
                if url.startswith(back):
                    return dict(parse_qsl(urlsplit(url).query))
        raise AssertionError(f"the provider never sent the browser back, but to {url}")


@contextmanager
def identity_provider(home: Path, redirect_uri: str) -> Iterator[IdentityProvider]:
    """Run a provider with what `certified` made; browsers may return to `redirect_uri`."""
    FrontEnd(HERE, HERE).install()
    told = {"client_id": CLIENT, "client_secret": SECRET, "redirect_uri": redirect_uri}
    (home / "settings.json").write_text(json.dumps(told))
    with (home / "log").open("wb") as log:
        running = subprocess.Popen(
            [node_program(), str(HERE / "provider.mjs"), str(home)],
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environ(),
        )
    try:
        assert running.stdout is not None
        line = running.stdout.readline()
        assert line, (home / "log").read_text()
        yield IdentityProvider(json.loads(line)["issuer"], home / "ca.pem")
    finally:
        running.terminate()
        running.wait(STOP_SECONDS)
        if running.stdout is not None:
            running.stdout.close()


def certified(home: Path) -> Path:
    """Make a certificate for localhost in `home`; return the file of who signed it."""
    home.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(home / "ca.pem")
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(home / "key.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(home / "cert.pem", append=True)
    return home / "ca.pem"


def _environ() -> Mapping[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "NO_COLOR": "1"}
