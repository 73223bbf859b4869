"""What a domain says in DNS: each look asks, compares with what we would publish, and finds.

A name server that does not answer makes a note, never a failure: it says nothing of the domain.
"""

from collections.abc import Awaitable, Callable
from functools import wraps

from mailserver.accounts.signing_keys import KeyState
from mailserver.mailauth.dkim_fields import key_record
from mailserver.mailauth.dkim_key import look_up
from mailserver.mailauth.dmarc import Policy
from mailserver.mailauth.mta_sts import Mode, parse, record_id
from mailserver.mailauth.mta_sts_fetch import Fetch, FetchError
from mailserver.mailauth.report_addresses import dmarc_policy, tls_uris
from mailserver.mailauth.spf import check_host
from mailserver.mailauth.spf_cost import LOOKUPS, cost
from mailserver.mailauth.spf_record import SpfResult
from mailserver.model.address import Address
from mailserver.model.errors import PeerFault
from mailserver.operations.dns_records import dmarc_of, mta_sts_of, spf_of_domain, tls_rpt_of
from mailserver.operations.doctor.finding import Finding, failure, good, note, warning
from mailserver.operations.published import Published
from mailserver.runtime.resolver import DnsTransient, Resolver

Look = Callable[[Resolver, Published], Awaitable[list[Finding]]]

PUBLISH = "publish the record that `zegel dns` prints"
SHORTEST_MAX_AGE = 86_400 * 7
NAME_SERVERS = 2  # fewer are one accident away from none; RFC 2182 §5


def asking(check: str) -> Callable[[Look], Look]:
    """Turn DNS that does not answer into a note of `check`."""

    def around(look: Look) -> Look:
        @wraps(look)
        async def looked(resolver: Resolver, facts: Published) -> list[Finding]:
            try:
                return await look(resolver, facts)
            except DnsTransient:
                return [note(check, facts.domain, "DNS does not answer", "ask again later")]

        return looked

    return around


@asking("mx")
async def mx(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look whether mail for the domain comes here."""
    answer = await resolver.mx(facts.domain)
    wanted = f"10 {facts.host}."
    hosts = [one.host for one in sorted(answer.records)]
    if not hosts:
        return [failure("mx", facts.domain, "none", PUBLISH, wanted=wanted)]
    said = ", ".join(f"{one.preference} {one.host or '.'}" for one in sorted(answer.records))
    if facts.host not in hosts:
        return [failure("mx", facts.domain, said, "let one of them be this server", wanted=wanted)]
    if len(hosts) > 1:
        return [note("mx", facts.domain, said, "make sure that the others know your people, too")]
    return [good("mx", facts.domain, said)]


@asking("dnssec")
async def dnssec(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look whether the domain's and the host's answers are signed."""
    if not resolver.trusted:
        return [
            note(
                "dnssec",
                facts.domain,
                "cannot be seen from here",
                "run a validating resolver (unbound) on this machine and name it in [dns]",
            )
        ]
    found = []
    answers = {facts.domain: await resolver.mx(facts.domain)}
    secure = {name: answer.secure for name, answer in answers.items()}
    secure[facts.host] = (await resolver.a(facts.host)).secure
    for name, proven in secure.items():
        if proven:
            found.append(good("dnssec", name, "signed"))
        else:
            found.append(
                warning("dnssec", name, "not signed", "sign the zone and give its DS to its parent")
            )
    return found


@asking("name-servers")
async def name_servers(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look whether two name servers of the domain's zone are reached by IPv6."""
    names: tuple[str, ...] = ()
    labels = facts.domain.split(".")
    for at in range(len(labels)):  # the nearest zone on the way up is the domain's
        names = tuple((await resolver.ns(".".join(labels[at:]))).records)
        if names:
            break
    if not names:
        return [note("name-servers", facts.domain, "cannot be seen from here", "look at its zone")]
    six = [name for name in names if (await resolver.aaaa(name)).records]
    said = f"{len(names)}, {len(six)} of them with IPv6"
    if len(six) < NAME_SERVERS:
        advice = "have the zone served by two name servers with IPv6 addresses"
        return [warning("name-servers", facts.domain, said, advice)]
    return [good("name-servers", facts.domain, said)]


@asking("spf")
async def spf(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look who may send as the domain: few questions, a firm end, and ourselves among them."""
    said = await cost(resolver, facts.domain)
    wanted = spf_of_domain(facts)
    if said.fault:
        return [failure("spf", facts.domain, said.fault, PUBLISH, wanted=wanted)]
    if not said.record:
        return [failure("spf", facts.domain, "none", PUBLISH, wanted=wanted)]
    found = []
    if said.lookups > LOOKUPS:
        text = f"{said.lookups} terms ask DNS, {LOOKUPS} may"
        advice = "write addresses in the place of includes until ten are left"
        found.append(failure("spf", facts.domain, text, advice))
    if said.end not in (SpfResult.FAIL, SpfResult.SOFTFAIL):
        found.append(
            warning("spf", facts.domain, said.record, "end it with -all or ~all", wanted=wanted)
        )
    sender = Address("postmaster", facts.domain)
    for ip in () if facts.smart_host else facts.addresses:
        result = await check_host(resolver, ip=ip, helo=facts.host, sender=sender)
        if result.result is not SpfResult.PASS:
            text = f"{result.result.value} for this machine ({ip})"
            found.append(failure("spf", facts.domain, text, PUBLISH, wanted=wanted))
    return found or [good("spf", facts.domain, f"{said.record} ({said.lookups} lookups)")]


@asking("dkim")
async def dkim(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look whether DNS has the domain's signing keys."""
    found = []
    for key in facts.keys:
        try:
            shown = await look_up(resolver, key.domain, key.selector)
            published = key_record(shown.key) == key.record
        except PeerFault:
            published = False
        say = failure if key.state is KeyState.ACTIVE else warning
        if published:
            found.append(good("dkim", key.name, key.state.value))
        else:
            found.append(
                say("dkim", key.name, "not in DNS as it is here", PUBLISH, wanted=key.record)
            )
    if not facts.keys:
        found.append(failure("dkim", facts.domain, "no keys", "start the server: it makes them"))
    return found


@asking("dmarc")
async def dmarc(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look what is to be done with forged mail, and whether reports come here."""
    record = await dmarc_policy(resolver, facts.domain)
    wanted = dmarc_of(facts)
    if record is None or not record.usable:
        return [failure("dmarc", facts.domain, "no usable record", PUBLISH, wanted=wanted)]
    policy = record.policy.lowered if record.testing else record.policy
    if policy is Policy.NONE:
        advice = "read `zegel reports dmarc`, then ask for quarantine, then for reject"
        return [warning("dmarc", facts.domain, "p=none", advice, wanted=wanted)]
    if not record.rua:
        advice = "name an address for reports, to hear of forgeries and of mail that fails"
        return [warning("dmarc", facts.domain, f"p={policy.value}", advice, wanted=wanted)]
    return [good("dmarc", facts.domain, f"p={policy.value}")]


def mta_sts(fetch: Fetch) -> Look:
    """Look whether the policy on TLS is announced, served, and the one that is meant."""

    @asking("mta-sts")
    async def look(resolver: Resolver, facts: Published) -> list[Finding]:
        texts = (await resolver.txt(f"_mta-sts.{facts.domain}")).records
        id_ = record_id(texts)
        if not facts.policy:
            return [note("mta-sts", facts.domain, "off", 'set web.mta_sts to "testing"')]
        if id_ is None:
            wanted = mta_sts_of(facts)
            return [warning("mta-sts", facts.domain, "not announced", PUBLISH, wanted=wanted)]
        try:
            text = await fetch(facts.domain)
            policy = parse(text)
        except FetchError as error:
            advice = f"let https://mta-sts.{facts.domain} reach this server, in its certificate too"
            return [failure("mta-sts", facts.domain, error.result, advice)]
        except PeerFault as fault:
            return [failure("mta-sts", facts.domain, fault.text, "serve the policy of this server")]
        if not policy.allows(facts.host):
            advice = "mail that obeys the policy cannot come: name this host in it"
            return [
                failure("mta-sts", facts.domain, "another mail host", advice, wanted=facts.host)
            ]
        if text != facts.policy or id_ != facts.policy_id:
            wanted = mta_sts_of(facts)
            return [warning("mta-sts", facts.domain, f"id={id_}", PUBLISH, wanted=wanted)]
        if policy.mode is not Mode.ENFORCE:
            advice = 'once `zegel reports tls` shows no failures, set web.mta_sts to "enforce"'
            return [note("mta-sts", facts.domain, f"mode: {policy.mode.value}", advice)]
        return [good("mta-sts", facts.domain, "mode: enforce")]

    return look


@asking("tls-rpt")
async def tls_rpt(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look whether others know where to report on TLS."""
    uris = tls_uris((await resolver.txt(f"_smtp._tls.{facts.domain}")).records)
    if not uris:
        wanted = tls_rpt_of(facts)
        return [warning("tls-rpt", facts.domain, "no usable record", PUBLISH, wanted=wanted)]
    return [good("tls-rpt", facts.domain, ", ".join(uris))]


@asking("caa")
async def caa(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look who may issue certificates; the nearest records on the way up count (RFC 8659 §3)."""
    labels = facts.host.split(".")
    for at in range(len(labels)):
        name = ".".join(labels[at:])
        records = (await resolver.caa(name)).records
        if records:
            issuers = [
                one.value.decode("latin-1").partition(";")[0].strip()
                for one in records
                if one.tag.lower() == "issue"
            ]
            missing = [one for one in facts.issuers if one not in issuers]
            said = ", ".join(filter(None, issuers)) or "nobody"
            if missing:
                advice = "add them, or the next certificate is refused"
                return [failure("caa", name, said, advice, wanted=", ".join(missing))]
            return [good("caa", name, said)]
    advice = "name your certificate authority in tls.issuers, then publish the record"
    return [warning("caa", facts.host, "anybody may issue certificates", advice)]


@asking("srv")
async def services(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look whether programs find the services."""
    found = []
    for service in facts.services:
        if not service.port:
            continue
        name = f"{service.name}.{facts.domain}"
        records = (await resolver.srv(name)).records
        if any((one.port, one.host) == (service.port, service.host) for one in records):
            found.append(good("srv", name, f"{service.host}:{service.port}"))
        else:
            said = ", ".join(f"{one.host}:{one.port}" for one in records) or "none"
            wanted = f"0 1 {service.port} {service.host}."
            found.append(note("srv", name, said, PUBLISH, wanted=wanted))
    return found


LOOKS: tuple[Look, ...] = (
    *(name_servers, mx, dnssec, spf, dkim, dmarc),
    *(tls_rpt, caa, services),
)
"""All but MTA-STS, which needs somebody who fetches."""
