"""Thunderbird's own assistant finds its servers: it fetches our file and reads it."""

from pathlib import Path

import pytest

from tests.support.server import serving
from tests.support.thunderbird import thunderbird

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

_FIND = """
const { fetchHTTP } =
  ChromeUtils.importESModule("resource:///modules/accountcreation/FetchHTTP.sys.mjs");
const { readFromXML } =
  ChromeUtils.importESModule("resource:///modules/accountcreation/readFromXML.sys.mjs");
const [port, emailaddress, ca] = given;
const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService)
  .rememberValidityOverride("localhost", port, {}, database.constructX509FromBase64(ca), false);
const xml = await fetchHTTP(
  `https://localhost:${port}/.well-known/autoconfig/mail/config-v1.1.xml`,
  { urlArgs: { emailaddress }, signal: new AbortController().signal });
const { domains, incoming, outgoing } = readFromXML(xml, "isp-https");
const told = ({ type, hostname, port, socketType, auth, username }) =>
  ({ type, hostname, port, socketType, auth, username });
return { domains, incoming: told(incoming), outgoing: told(outgoing) };
"""
_SSL, _PASSWORD = 3, 3  # nsMsgSocketType.SSL, nsMsgAuthMethod.passwordCleartext


def test_it_finds_imap_and_submission_over_tls(tmp_path: Path) -> None:
    ports = {
        "ZEGEL_LISTENERS_IMAPS_PUBLIC_PORT": "993",
        "ZEGEL_LISTENERS_SUBMISSIONS_PUBLIC_PORT": "465",
    }
    with serving(tmp_path, users=1, environ=ports) as server, thunderbird(tmp_path) as program:
        address, _ = server.user()
        pem = Path(server.found["ca_file"]).read_text()
        body = pem.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
        found = program.run(_FIND, server.port("https"), address, "".join(body.split()))
    expected = {"hostname": "localhost", "socketType": _SSL, "auth": _PASSWORD}
    expected["username"] = "%EMAILADDRESS%"
    assert found == {
        "domains": ["bench.test"],
        "incoming": {**expected, "type": "imap", "port": 993},
        "outgoing": {**expected, "type": "smtp", "port": 465},
    }
