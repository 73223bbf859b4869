"""Signing in, reading, answering and sending in Firefox, by the keyboard; the frames are beside."""

import json
import subprocess

import pytest
from playwright.sync_api import Page

from tests.browser.test_firefox_frames import FIREFOX, NODE
from tests.browser.test_mail import deliver, signed_up
from tests.support.frames import ROOT
from tests.support.webmail import PASSWORD, Webmail

pytestmark = pytest.mark.long
SCRIPT = ROOT / "webui" / "spa" / "tests" / "frames" / "firefox-mail.mjs"
PATIENCE = 180.0


def test_mail_is_read_answered_and_sent_in_firefox(page: Page, webmail: Webmail) -> None:
    address = signed_up(page, webmail, "anna")
    bart = webmail.person("bart")
    plain = ("Content-Type: text/plain; charset=utf-8", f"Reply-To: {bart}")
    deliver(webmail, address, "High water", "The gauge stands at two metres.", *plain)
    ran = subprocess.run(
        [str(NODE), str(SCRIPT), FIREFOX, webmail.origin, address, PASSWORD, bart],
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    told = json.loads(ran.stdout)
    assert told["wrong"] == []
    sent = " ".join(told["subjects"])
    assert "From Firefox" in sent
    assert "Re: High water" in sent
