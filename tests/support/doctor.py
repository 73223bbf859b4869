"""A server to be examined, and a name server that says of its domain what a test likes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trustme

from mailserver.operations.dns_records import wanted
from mailserver.operations.doctor.finding import Finding, Severity
from mailserver.operations.published import Published
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings import Settings
from tests.support.dns import dns_zone
from tests.support.house import settings_in

HOST, DOMAIN = "mx.example.test", "example.test"
ALIASES = [f"{label}.{DOMAIN}" for label in ("mta-sts", "autoconfig", "autodiscover")]


def certified(directory: Path, **settings: object) -> Settings:
    """Return settings whose certificate an authority of the test's own issued."""
    authority = trustme.CA()
    issued = authority.issue_cert(HOST, *ALIASES)
    directory.mkdir(parents=True, exist_ok=True)
    authority.cert_pem.write_to_path(directory / "ca.pem")
    (directory / "tls").mkdir()
    issued.private_key_pem.write_to_path(directory / "tls" / "key.pem")
    (directory / "tls" / "key.pem").chmod(0o400)
    for pem in issued.cert_chain_pems:
        pem.write_to_path(directory / "tls" / "certificate.pem", append=True)
    return settings_in(
        directory,
        **{
            "hostname": HOST,
            "relay__ca_file": directory / "ca.pem",
            "tls__issuers": "pki.test",
            **settings,
        },
    )


def zone_of(facts: Published) -> dict[str, list[str]]:
    """Return what `zegel dns` prints, and what only the operator knows."""
    records: dict[str, list[str]] = {HOST: ["A 127.0.0.1"]}
    for record in wanted(facts):
        if record.data:
            records.setdefault(record.name, []).append(f"{record.type} {record.data}")
    return records


def by_check(findings: Sequence[Finding]) -> dict[str, Severity]:
    """Return the worst of each check."""
    found: dict[str, Severity] = {}
    for one in findings:
        found[one.check] = max(one.severity, found.get(one.check, Severity.GOOD))
    return found


@asynccontextmanager
async def resolving(
    records: dict[str, list[str]], *, signed: bool = False
) -> AsyncIterator[Resolver]:
    async with dns_zone(records, signed=signed) as server:
        yield server.resolver()
