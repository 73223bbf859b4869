"""Where the mail host is: its addresses, their names, and the keys its zone says it has."""

from ipaddress import ip_address

from mailserver.mailauth.dane import DANE_EE
from mailserver.operations.doctor.domain import PUBLISH, Look, asking
from mailserver.operations.doctor.finding import Finding, failure, good, note, warning
from mailserver.operations.published import Published
from mailserver.runtime.resolver import Resolver


@asking("address")
async def addresses(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look whether the host is reached by IPv4 and by IPv6."""
    four = (await resolver.a(facts.host)).records
    six = (await resolver.aaaa(facts.host)).records
    found = []
    if four:
        found.append(good("address", facts.host, ", ".join(four)))
    else:
        found.append(failure("address", facts.host, "no IPv4 address", PUBLISH))
    if six:
        found.append(good("ipv6", facts.host, ", ".join(six)))
    else:
        advice = "get an IPv6 address for this machine and publish it"
        found.append(warning("ipv6", facts.host, "no IPv6 address", advice))
    for one in facts.addresses:
        if one not in (*four, *six):
            found.append(
                warning("address", facts.host, f"{one} is not in DNS", PUBLISH, wanted=one)
            )
    return found


@asking("ptr")
async def reverse_names(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look whether each address has a name that leads back to it, and is the one we greet with."""
    shown = [*(await resolver.a(facts.host)).records, *(await resolver.aaaa(facts.host)).records]
    found = []
    for ip in dict.fromkeys((*shown, *facts.addresses)):
        names = (await resolver.ptr(ip)).records
        ask = f"ask whoever gave you {ip} to let its reverse name be {facts.host}"
        if not names:
            found.append(failure("ptr", ip, "no name", ask, wanted=facts.host))
        elif facts.host not in names:
            found.append(warning("ptr", ip, ", ".join(names), ask, wanted=facts.host))
        elif not await _leads_back(resolver, facts.host, ip):
            found.append(failure("ptr", ip, "does not lead back", PUBLISH, wanted=ip))
        else:
            found.append(good("ptr", ip, facts.host))
    return found


async def _leads_back(resolver: Resolver, name: str, ip: str) -> bool:
    six = ip_address(ip).version == 6
    answer = await (resolver.aaaa(name) if six else resolver.a(name))
    return any(ip_address(one) == ip_address(ip) for one in answer.records)


@asking("dane")
async def dane(resolver: Resolver, facts: Published) -> list[Finding]:
    """Look whether the host's zone names the key that it shows, and the one it will show."""
    name = f"_25._tcp.{facts.host}"
    answer = await resolver.tlsa(name)
    wanted = ", ".join(f"3 1 1 {digest.hex()}" for digest in facts.tls_keys)
    if not facts.tls_keys:
        return [note("dane", name, "there is no certificate to compare", "get a certificate")]
    if not answer.records:
        return [warning("dane", name, "none", PUBLISH, wanted=wanted)]
    if resolver.trusted and not answer.secure:
        advice = "sign the zone: without DNSSEC nobody believes them"
        return [warning("dane", name, "records that nobody can trust", advice)]
    ours = [
        one.data
        for one in answer.records
        if (one.usage, one.selector, one.matching) == (DANE_EE, 1, 1)
    ]
    if facts.tls_keys[0] not in ours:
        advice = "mail from whoever checks DANE waits: publish the key that is in use"
        others = any(one.usage != DANE_EE or one.selector != 1 for one in answer.records)
        say = warning if others else failure
        return [say("dane", name, "not the key that is in use", advice, wanted=wanted)]
    if any(digest not in ours for digest in facts.tls_keys[1:]):
        return [warning("dane", name, "without the next key", PUBLISH, wanted=wanted)]
    found = [good("dane", name, f"{len(ours)} keys, the one in use among them")]
    if len(answer.records) == 1:  # RFC 7671 §8.1: whoever changes the key then loses mail
        advice = "before the key changes, make the next one, tls.next_private_key, and publish it"
        found.append(note("dane-rollover", name, "one key, and no next one", advice))
    return found


LOOKS: tuple[Look, ...] = (addresses, reverse_names, dane)
