"""What the web listener says: the header fields that protect a browser, and security.txt.

And how it is reached: by IPv6, from a signed zone, in TLS that is not old, and from plain HTTP.

Connections go to the addresses that our own resolver names, as everywhere.
"""

import re
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx

from mailserver.operations.doctor.finding import Finding, failure, good, note, warning
from mailserver.operations.doctor.tls import web_takes_old_tls
from mailserver.runtime.resolver import DnsTransient, Resolver

PATIENCE_SECONDS = 10.0
YEAR = timedelta(days=365)
ANSWER_OCTETS = 256 << 10

_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d+)", re.IGNORECASE)
_PLAIN = (
    ("nosniff", "x-content-type-options", ("nosniff",)),
    ("referrer", "referrer-policy", ("no-referrer", "same-origin", "strict-origin")),
)
_EXPIRES = re.compile(r"^Expires:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


async def look(
    resolver: Resolver, tls: ssl.SSLContext, host: str, port: int, now: datetime
) -> list[Finding]:
    """Look at the web site of `host`."""
    try:
        addresses = [
            *(await resolver.a(host)).records,
            *(await resolver.aaaa(host)).records,
        ]
    except DnsTransient:
        return [note("https", host, "DNS does not answer", "ask again later")]
    async with httpx.AsyncClient(
        verify=tls, trust_env=False, timeout=PATIENCE_SECONDS, follow_redirects=False
    ) as client:
        try:
            front = await _get(client, host, addresses, port, "/")
            contact = await _get(client, host, addresses, port, "/.well-known/security.txt")
        except (httpx.HTTPError, OSError) as error:
            text = "its certificate is refused" if _is_about_tls(error) else "does not answer"
            advice = "open port 443 for the internet, with a certificate for this name"
            return [failure("https", host, text, advice)]
    return [good("https", host, "answers"), *headers(host, front), *security(host, contact, now)]


async def reached(resolver: Resolver, host: str) -> list[Finding]:
    """Look how DNS leads to a web host that is not the mail host, of which others say the same."""
    try:
        six = await resolver.aaaa(host)
        secure = (await resolver.a(host)).secure
    except DnsTransient:
        return []  # which is found already
    found = []
    if six.records:
        found.append(good("ipv6", host, ", ".join(six.records)))
    else:
        advice = "publish the IPv6 address of this machine for the web, too"
        found.append(warning("ipv6", host, "no IPv6 address", advice))
    if secure:
        found.append(good("dnssec", host, "signed"))
    elif resolver.trusted:
        advice = "sign the zone and give its DS to its parent"
        found.append(warning("dnssec", host, "not signed", advice))
    return found


async def from_plain(host: str, addresses: Sequence[str], port: int) -> list[Finding]:
    """Look whether whoever comes by plain HTTP is sent on to HTTPS, if anybody answers there."""
    async with httpx.AsyncClient(
        trust_env=False, timeout=PATIENCE_SECONDS, follow_redirects=False
    ) as client:
        for address in addresses:
            where = f"[{address}]" if ":" in address else address
            try:
                answer = await client.get(f"http://{where}:{port}/", headers={"Host": host})
            except httpx.HTTPError:
                continue
            if answer.is_redirect and answer.headers["location"].startswith(f"https://{host}"):
                return [good("http", host, "leads to https")]
            text, advice = f"answers {answer.status_code}", "let it lead to https and say no more"
            return [warning("http", host, text, advice)]
    return [note("http", host, "nobody answers on port 80", "nothing is lost by that")]


def old_tls(host: str, addresses: Sequence[str], port: int) -> list[Finding]:
    """Look whether the web host still speaks TLS 1.1; blocks for a while."""
    for address in addresses:
        try:
            if web_takes_old_tls(host, address, port):
                advice = "see what stands before us"
                return [failure("tls-versions", f"{host} [{address}]", "TLS 1.1 is taken", advice)]
        except OSError:
            continue  # which is found already
    return [good("tls-versions", host, "no TLS 1.1")]


async def _get(
    client: httpx.AsyncClient, host: str, addresses: list[str], port: int, path: str
) -> httpx.Response:
    failed: Exception = httpx.ConnectError("the name has no address")
    for address in addresses:
        where = f"[{address}]" if ":" in address else address
        named = host if port == 443 else f"{host}:{port}"
        try:
            return await client.get(
                f"https://{where}:{port}{path}",
                headers={"Host": named},
                extensions={"sni_hostname": host},
            )
        except httpx.HTTPError as error:
            failed = error
    raise failed


def headers(host: str, answer: httpx.Response) -> list[Finding]:
    """Look at the header fields of an answer."""
    found = []
    age = _MAX_AGE.search(answer.headers.get("strict-transport-security", ""))
    if age is not None and timedelta(seconds=min(int(age[1]), 10**10)) >= YEAR:
        found.append(good("hsts", host, answer.headers["strict-transport-security"]))
    else:
        wanted = f"max-age={YEAR // timedelta(seconds=1)}"
        text = answer.headers.get("strict-transport-security", "none")
        found.append(warning("hsts", host, text, "see what stands before us", wanted=wanted))
    policy = answer.headers.get("content-security-policy", "")
    if not policy:
        found.append(warning("csp", host, "none", "see what stands before us"))
    elif "unsafe-inline" in policy or "unsafe-eval" in policy:
        found.append(warning("csp", host, policy, "see who changed it: scripts of mail could run"))
    else:
        found.append(good("csp", host, "no inline scripts"))
    if "frame-ancestors" in policy or "x-frame-options" in answer.headers:
        found.append(good("frames", host, "cannot be shown within another site"))
    else:
        found.append(warning("frames", host, "anybody may frame it", "see what stands before us"))
    for check, name, allowed in _PLAIN:
        said = answer.headers.get(name, "").lower()
        if said in allowed:
            found.append(good(check, host, said))
        else:
            advice, least = "see what stands before us", allowed[0]
            found.append(warning(check, host, said or "none", advice, wanted=f"{name}: {least}"))
    return found


def security(host: str, answer: httpx.Response, now: datetime) -> list[Finding]:
    """Look at security.txt. Source: RFC 9116."""
    text = answer.text[:ANSWER_OCTETS] if answer.status_code == 200 else ""
    if "contact:" not in text.lower():
        advice = "serve it, so that whoever finds a hole knows whom to tell"
        return [warning("security.txt", host, "none", advice)]
    expires = _EXPIRES.search(text)
    try:
        at = None if expires is None else datetime.fromisoformat(expires[1])
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or at <= now:
        return [warning("security.txt", host, "without a date to come", "serve a new one")]
    return [good("security.txt", host, f"until {at:%Y-%m-%d}")]


def _is_about_tls(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
