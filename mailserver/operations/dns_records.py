"""Every record that a domain of ours wants in DNS, and a zone file of them.

The order is the one in which an operator publishes them: the mail host, where mail goes, who may
send it, how it is encrypted, how programs find us.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from mailserver.accounts.signing_keys import KeyState
from mailserver.mailauth.dmarc import Policy
from mailserver.operations.published import Published

STRING_OCTETS = 255  # of one string in a TXT record; a longer text is several (RFC 7208 §3.3)
TTL = 3_600
_DMARC_STEPS = {
    Policy.NONE: "the first step: read `zegel reports dmarc`, and let whoever sends for the domain"
    " sign; then --dmarc quarantine",
    Policy.QUARANTINE: "begin with --dmarc none while others still send for the domain; go on to"
    " --dmarc reject when `zegel reports dmarc` shows no mail of yours that fails",
    Policy.REJECT: "the last step; lists that change letters may lose some of them",
}
MX_PREFERENCE = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """One record."""

    name: str
    """Whole, without the final dot."""
    type: str
    data: str
    """As a zone file has it; empty where only the operator knows."""
    purpose: str
    """What it is for, in a sentence without a final dot."""
    needed: bool = True
    """False where mail works as well without, and something is better with it."""

    @property
    def line(self) -> str:
        """The record as a line of a zone file; commented out where its data is not known."""
        if not self.data:
            return f"; {self.name}. {TTL} IN {self.type} ..."
        return f"{self.name}. {TTL} IN {self.type} {self.data}"


def wanted(facts: Published, *, dmarc: Policy = Policy.QUARANTINE) -> list[Wanted]:
    """Name all records of a domain; `dmarc` is what it asks for where mail fails."""
    return [
        *_host(facts),
        *_where_mail_goes(facts),
        *_who_may_send(facts, dmarc),
        *_encryption(facts),
        *_discovery(facts),
    ]


def zone(records: Sequence[Wanted], domain: str) -> str:
    """Write records as a zone file. Source: RFC 1035 §5."""
    lines = [f"; What {domain} wants in DNS, as this server is set up."]
    for record in records:
        note = "" if record.needed else " (better with it)"
        elsewhere = "" if _is_within(record.name, domain) else "; it lies in another zone"
        lines += ["", f"; {record.purpose}{note}{elsewhere}", record.line]
    return "\n".join(lines) + "\n"


def as_json(records: Sequence[Wanted]) -> str:
    """Write records as a JSON list of objects."""
    return json.dumps([asdict(record) for record in records], indent=2)


def txt(text: str) -> str:
    """Write a text as the data of a TXT record."""
    quoted = [text[at : at + STRING_OCTETS] for at in range(0, len(text), STRING_OCTETS)]
    return " ".join('"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in quoted)


def spf_of_domain(facts: Published) -> str:
    """Write who may send as the domain; softer where another server sends for us."""
    if facts.smart_host:
        return f"v=spf1 mx a:{facts.smart_host} ~all"
    return "v=spf1 mx -all"


def dmarc_of(facts: Published, policy: Policy = Policy.QUARANTINE) -> str:
    """Write what is to be done with mail that nobody vouches for."""
    return f"v=DMARC1; p={policy.value}; rua=mailto:{facts.dmarc_reports}"


def tls_rpt_of(facts: Published) -> str:
    """Write where reports about TLS go. Source: RFC 8460 §3."""
    return f"v=TLSRPTv1; rua=mailto:{facts.tls_reports}"


def mta_sts_of(facts: Published) -> str:
    """Write that there is a policy, and which. Source: RFC 8461 §3.1."""
    return f"v=STSv1; id={facts.policy_id}"


def _is_within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _host(facts: Published) -> list[Wanted]:
    known = {
        "A": next((one for one in facts.addresses if ":" not in one), ""),
        "AAAA": next((one for one in facts.addresses if ":" in one), ""),
    }
    found = [
        Wanted(facts.host, kind, data, f"where the mail host is, by {way}; its PTR names it too")
        for (kind, data), way in zip(known.items(), ("IPv4", "IPv6"), strict=True)
    ]
    if facts.host != facts.domain:
        spf = txt("v=spf1 a -all")
        found.append(
            Wanted(facts.host, "TXT", spf, "which addresses greet with the host's name (SPF)")
        )
    return found


def _where_mail_goes(facts: Published) -> list[Wanted]:
    data = f"{MX_PREFERENCE} {facts.host}."
    return [Wanted(facts.domain, "MX", data, "who takes mail for the domain")]


def _who_may_send(facts: Published, dmarc: Policy) -> list[Wanted]:
    records = [
        Wanted(facts.domain, "TXT", txt(spf_of_domain(facts)), "who may send as the domain (SPF)")
    ]
    for key in facts.keys:
        what = {
            KeyState.ACTIVE: "the key that signs mail now",
            KeyState.NEXT: "the key that signs next; in DNS before it does",
            KeyState.RETIRED: "an older key, for mail on its way",
        }[key.state]
        records.append(Wanted(key.name, "TXT", txt(key.record), f"{what} (DKIM)"))
    records.append(
        Wanted(
            f"_dmarc.{facts.domain}",
            "TXT",
            txt(dmarc_of(facts, dmarc)),
            f"what to do with forged mail, and where to report (DMARC); {_DMARC_STEPS[dmarc]}",
        )
    )
    return records


def _encryption(facts: Published) -> list[Wanted]:
    records = []
    if facts.policy:
        records += [
            Wanted(
                f"_mta-sts.{facts.domain}",
                "TXT",
                txt(mta_sts_of(facts)),
                "that there is a policy on TLS, and which (MTA-STS)",
            ),
            Wanted(
                f"mta-sts.{facts.domain}",
                "CNAME",
                f"{facts.host}.",
                "where the policy is served; the certificate names it too",
            ),
        ]
    records.append(
        Wanted(
            f"_smtp._tls.{facts.domain}",
            "TXT",
            txt(tls_rpt_of(facts)),
            "where others report how TLS with us went (TLS-RPT)",
        )
    )
    keys = [f"3 1 1 {digest.hex()}" for digest in facts.tls_keys] or [""]
    for at, data in enumerate(keys):
        which = "next; publish it two TTLs before the key is used" if at else "now"
        records.append(
            Wanted(
                f"_25._tcp.{facts.host}",
                "TLSA",
                data,
                f"the key that the host shows {which} (DANE); only in a zone with DNSSEC",
                needed=False,
            )
        )
    issuers = facts.issuers or ("",)
    records += [
        Wanted(
            facts.domain,
            "CAA",
            f'0 issue "{one}"' if one else "",
            "who may issue certificates; tls.issuers in the settings names them",
            needed=False,
        )
        for one in issuers
    ]
    return records


def _discovery(facts: Published) -> list[Wanted]:
    records = []
    for service in facts.services:
        data, purpose = "0 0 0 .", "says that this is not offered (RFC 6186)"
        if service.port:
            data, purpose = f"0 1 {service.port} {service.host}.", "where programs find it"
        records.append(Wanted(f"{service.name}.{facts.domain}", "SRV", data, purpose, needed=False))
    if any(one.name == "_autodiscover._tcp" for one in facts.services):
        records += [
            Wanted(
                f"{label}.{facts.domain}",
                "CNAME",
                f"{facts.host}.",
                f"how {programs} set themselves up; the certificate names it too",
                needed=False,
            )
            for label, programs in (
                ("autoconfig", "Thunderbird and others"),
                ("autodiscover", "Outlook and others"),
            )
        ]
    return records
