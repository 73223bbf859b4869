"""Reports as large receivers write them, by shape: our own text, invented addresses."""

import gzip
import io
import zipfile
from email.message import EmailMessage
from email.policy import SMTP

# No namespace, and `pct`, which is gone from the standard: as one large receiver writes.
OLD_STYLE = b"""<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
  <report_metadata>
    <org_name>bigmail.example</org_name>
    <email>noreply-dmarc-support@bigmail.example</email>
    <extra_contact_info>https://support.bigmail.example/a/answer/2466580</extra_contact_info>
    <report_id>10482957103958275021</report_id>
    <date_range>
      <begin>1772409600</begin>
      <end>1772495999</end>
    </date_range>
  </report_metadata>
  <policy_published>
    <domain>example.org</domain>
    <adkim>r</adkim>
    <aspf>r</aspf>
    <p>quarantine</p>
    <sp>quarantine</sp>
    <pct>100</pct>
    <np>quarantine</np>
  </policy_published>
  <record>
    <row>
      <source_ip>192.0.2.25</source_ip>
      <count>17</count>
      <policy_evaluated>
        <disposition>none</disposition>
        <dkim>pass</dkim>
        <spf>pass</spf>
      </policy_evaluated>
    </row>
    <identifiers>
      <header_from>example.org</header_from>
    </identifiers>
    <auth_results>
      <dkim>
        <domain>example.org</domain>
        <result>pass</result>
        <selector>202603-rsa-abcde</selector>
      </dkim>
      <dkim>
        <domain>example.org</domain>
        <result>pass</result>
        <selector>202603-ed25519-fghij</selector>
      </dkim>
      <spf>
        <domain>example.org</domain>
        <result>pass</result>
      </spf>
    </auth_results>
  </record>
  <record>
    <row>
      <source_ip>2001:db8::bad</source_ip>
      <count>3</count>
      <policy_evaluated>
        <disposition>quarantine</disposition>
        <dkim>fail</dkim>
        <spf>fail</spf>
        <reason><type>forwarded</type><comment>looks forwarded</comment></reason>
      </policy_evaluated>
    </row>
    <identifiers>
      <header_from>example.org</header_from>
    </identifiers>
    <auth_results>
      <spf>
        <domain>elsewhere.test</domain>
        <result>softfail</result>
      </spf>
    </auth_results>
  </record>
</feedback>
"""

# A schema attribute, an envelope_to, both identities of SPF, CRLF: another large receiver.
OTHER_STYLE = b"""<?xml version="1.0"?>\r
<feedback xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\r
  <version>1.0</version>\r
  <report_metadata>\r
    <org_name>Office Mail</org_name>\r
    <email>dmarcreport@office.example</email>\r
    <report_id>f9f2a4c1e0b34f7d8c6f1b2a3c4d5e6f</report_id>\r
    <date_range>\r
      <begin>1772409600</begin>\r
      <end>1772496000</end>\r
    </date_range>\r
  </report_metadata>\r
  <policy_published>\r
    <domain>example.org</domain>\r
    <adkim>r</adkim>\r
    <aspf>r</aspf>\r
    <p>quarantine</p>\r
    <sp>none</sp>\r
    <pct>100</pct>\r
    <fo>0</fo>\r
  </policy_published>\r
  <record>\r
    <row>\r
      <source_ip>192.0.2.25</source_ip>\r
      <count>2</count>\r
      <policy_evaluated>\r
        <disposition>none</disposition>\r
        <dkim>pass</dkim>\r
        <spf>fail</spf>\r
      </policy_evaluated>\r
    </row>\r
    <identifiers>\r
      <envelope_to>office.example</envelope_to>\r
      <envelope_from>lists.elsewhere.test</envelope_from>\r
      <header_from>example.org</header_from>\r
    </identifiers>\r
    <auth_results>\r
      <dkim>\r
        <domain>example.org</domain>\r
        <selector>202603-rsa-abcde</selector>\r
        <result>pass</result>\r
      </dkim>\r
      <spf>\r
        <domain>mx.elsewhere.test</domain>\r
        <scope>helo</scope>\r
        <result>none</result>\r
      </spf>\r
      <spf>\r
        <domain>lists.elsewhere.test</domain>\r
        <scope>mfrom</scope>\r
        <result>pass</result>\r
      </spf>\r
    </auth_results>\r
  </record>\r
</feedback>\r
"""

TLS_STYLE = b"""{"organization-name":"Bigmail Inc.","date-range":{"start-datetime":
"2026-03-02T00:00:00Z","end-datetime":"2026-03-02T23:59:59Z"},"contact-info":
"smtp-tls-reporting@bigmail.example","report-id":"2026-03-02T00:00:00Z_example.org","policies":
[{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: enforce",
"mx: mx.example.org","max_age: 604800"],"policy-domain":"example.org","mx-host":"mx.example.org"},
"summary":{"total-successful-session-count":41,"total-failure-session-count":2},"failure-details":
[{"result-type":"certificate-expired","sending-mta-ip":"192.0.2.77","receiving-mx-hostname":
"mx.example.org","receiving-ip":"192.0.2.25","failed-session-count":2}]}]}"""


def zipped(octets: bytes, name: str = "report.xml") -> bytes:
    """Put `octets` into a zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, octets)
    return file.getvalue()


def mail_with(octets: bytes, kind: str = "application/gzip", name: str = "r.xml.gz") -> bytes:
    """Write a mail that carries a report."""
    message = EmailMessage(policy=SMTP)
    message["From"] = "noreply@bigmail.example"
    message["To"] = "dmarc-reports@example.org"
    message["Subject"] = "Report Domain: example.org Submitter: bigmail.example Report-ID: <1>"
    message.set_content("This is an aggregate report.\n")
    main, _, sub = kind.partition("/")
    message.add_attachment(octets, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def gzipped_mail(octets: bytes = OLD_STYLE) -> bytes:
    """Write a mail with a report as most send it."""
    return mail_with(gzip.compress(octets))
