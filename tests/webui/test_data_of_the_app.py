"""The web app's own client, stores and all, against a real server: sending, reading, push, drafts.

It runs in Node.js as it is built for browsers; two people, one of them on two devices and by IMAP.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.product import Product
from tests.support.server import ROOT

DOMAIN = "example.test"
SECONDS = 400


def _invited(product: Product, name: str) -> str:
    link = product.zegel("user", "invite", f"{name}@{DOMAIN}").strip()
    return link.rpartition("#")[2]


@pytest.mark.long
def test_what_one_device_does_every_other_shows(tmp_path: Path) -> None:
    product = Product(tmp_path, {"ZEGEL_RELAY_ENABLED": "true"})  # so that it holds mail back
    product.start()
    try:
        product.zegel("domain", "add", DOMAIN)
        environ = {
            **os.environ,
            "NODE_EXTRA_CA_CERTS": str(product.home / "tls" / "certificate.pem"),
            "ZEGEL_ORIGIN": f"https://localhost:{product.port('https')}",
            "ZEGEL_IMAP": str(product.port("imap")),
            "ZEGEL_ANNA": _invited(product, "anna"),
            "ZEGEL_BOB": _invited(product, "bob"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "webui.dev", "test", "--config", "vitest.server.config.ts"],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    finally:
        product.stop()
    assert done.returncode == 0, (done.stdout + done.stderr).decode()[-6000:]
    assert "incident" not in product.words()
