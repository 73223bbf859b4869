"""A real name server for a test: Debian's knot, with unbound before it where it takes a resolver.

    async with dns_zone({"example.test": ["MX 10 mx.example.test.", "A 127.0.0.1"]}) as dns:
        resolver = dns.resolver()

All names lie in one root zone, so a test may use any. A record is a line of a zone file without its
name: `[ttl] TYPE data`; `txt()` writes long texts and odd octets. A name with NS records is a zone
of its own. With `signed=True` zones are signed, up to the root, and the endpoint is an unbound on
loopback that validates them, so that answers are `secure`. Whole subtrees can be made to misbehave:

- `unsigned`: a zone without DS, which is how most of the internet looks;
- `bogus`: a zone whose DS matches no key: SERVFAIL from whoever validates (needs `signed`);
- `servfail`: the server knows the zone and cannot serve it;
- `refused`, `silent`: unbound refuses to answer, or does not answer at all; names below that have
  records are spared.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode

from mailserver.runtime.clock import Clock, SystemClock
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings_values import Endpoint
from tests.support.ports import free_port
from tests.support.programs import program

Records = Mapping[str, Sequence[str]]

START_SECONDS = 20.0
TTL = 300
_KNOT = """
server:
  rundir: {home}
  listen: 127.0.0.1@{port}
  background-workers: 1
  udp-workers: 1
  tcp-workers: 1
control:
  listen: {home}/knot.sock
log:
  - target: stderr
    any: warning
database:
  storage: {home}
policy:
  - id: signed
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: {home}
    file: "%s.zone"
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
zone:
"""
_UNBOUND = """
server:
  interface: 127.0.0.1@{port}
  do-ip6: no
  directory: "{home}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 0
  do-daemonize: no
  num-threads: 1
  module-config: "{modules}"
  do-not-query-localhost: no
  unblock-lan-zones: yes
  qname-minimisation: no
  access-control: 127.0.0.0/8 allow
  local-zone: "test." nodefault
  local-zone: "invalid." nodefault
  local-zone: "onion." nodefault
  local-zone: "home.arpa." nodefault
"""
_CONTROL = """
remote-control:
  control-enable: yes
  control-interface: {home}/unbound.sock
  control-use-cert: no
"""
BOGUS_DS = "DS 1 13 2 " + "00" * 32


def txt(text: str | bytes) -> str:
    """Write a TXT record of any length and content, in strings of 255 octets (RFC 7208 §3.3)."""
    octets = text.encode() if isinstance(text, str) else text
    strings = [octets[at : at + 255] for at in range(0, len(octets), 255)] or [b""]
    return "TXT " + " ".join(f'"{_escaped(one)}"' for one in strings)


def written(name: str) -> str:
    """Write a name for a zone file, whatever octets its labels have; the dots part them."""
    plain = set(b"-_*." + bytes(range(0x30, 0x3A)) + bytes(range(0x61, 0x7B)))
    return "".join(
        chr(one) if one in plain else f"\\{one:03d}" for one in name.lower().encode("utf-8")
    )


def _escaped(octets: bytes) -> str:
    plain = set(range(0x20, 0x7F)) - set(b'"\\')
    return "".join(chr(one) if one in plain else f"\\{one:03d}" for one in octets)


@dataclass(frozen=True)
class _Plan:
    """Which subtrees are zones of their own, and how each behaves; names end in a dot."""

    home: Path
    signed: bool
    unsigned: frozenset[str]
    bogus: frozenset[str]
    servfail: frozenset[str]
    refused: frozenset[str]
    silent: frozenset[str]
    delegated: frozenset[str]
    """Names that have NS records of their own."""

    @property
    def zones(self) -> list[str]:
        """The zones that are served, the root first."""
        return [".", *sorted(self.unsigned | self.bogus | self.delegated)]

    @property
    def chained(self) -> list[str]:
        """The signed zones below the root: their parents hold DS records."""
        return sorted(self.delegated - self.unsigned - self.bogus) if self.signed else []

    @property
    def dropped(self) -> dict[str, str]:
        """What unbound does with the subtrees that it does not resolve."""
        return dict.fromkeys(self.refused, "refuse") | dict.fromkeys(self.silent, "deny")

    def zone_of(self, name: str) -> str:
        """Say in which zone a name lies."""
        within = [zone for zone in self.zones if f".{name}".endswith(f".{zone.lstrip('.')}")]
        return max(within, key=len)

    def file(self, zone: str) -> Path:
        """Say where a zone is written."""
        return self.home / f"{zone.rstrip('.') or 'root'}.zone"

    def write(self, records: Records, serial: int, chain: Sequence[str] = ()) -> None:
        """Write all zone files; `chain` are the DS lines."""
        lines = {
            zone: [
                f"$TTL {TTL}",
                f"{zone} SOA ns.zegel-dns. hostmaster.zegel-dns. {serial} 3600 600 86400 {TTL}",
            ]
            for zone in self.zones
        }
        lines["."].append("ns.zegel-dns. A 127.0.0.1")
        for zone in self.zones:
            if zone not in self.delegated:
                lines[zone].append(f"{zone} NS ns.zegel-dns.")
        for zone in self.zones[1:]:
            lines[self._parent(zone)].append(f"{zone} NS ns.zegel-dns.")
        for zone in self.bogus:
            lines[self._parent(zone)].append(f"{zone} {BOGUS_DS}")
        for line in chain:
            lines[self._parent(line.split()[0])].append(line)
        for name, contents in records.items():
            owner = _canonical(name)
            lines[self.zone_of(owner)] += [f"{written(owner)} {line}" for line in contents]
        for zone, text in lines.items():
            self.file(zone).write_text("\n".join([*text, ""]))

    def _parent(self, zone: str) -> str:
        return self.zone_of(zone.partition(".")[2] or ".")


@dataclass
class DnsServer:
    """A running name server."""

    endpoint: Endpoint
    _plan: _Plan
    _chain: Sequence[str]
    _serial: int = 2

    def resolver(
        self, clock: Clock | None = None, timeout: timedelta = timedelta(seconds=5)
    ) -> Resolver:
        """Make a resolver that asks this server and remembers nothing yet."""
        return Resolver([self.endpoint], clock=clock or SystemClock(), timeout=timeout)

    async def replace(self, records: Records) -> None:
        """Serve other records from now on; zones stay what they were."""
        self._serial += 1
        self._plan.write(records, self._serial, self._chain)
        await _reload(self._plan)
        await self._flush()

    async def _flush(self) -> None:
        control = self._plan.home / "unbound.conf"
        if control.exists():
            for command in (("flush_zone", "."), ("flush_infra", "all")):
                await _run(program("unbound-control"), "-c", control, *command)

    async def mend(self, zone: str, contents: Sequence[str]) -> None:
        """Let a `servfail` zone answer from now on, with these records at its top."""
        name = _canonical(zone)
        lines = [f"$TTL {TTL}", f"{name} SOA ns.zegel-dns. root.zegel-dns. 1 3600 600 86400 {TTL}"]
        lines += [f"{name} NS ns.zegel-dns.", *(f"{name} {line}" for line in contents)]
        self._plan.file(name).write_text("\n".join([*lines, ""]))
        await _run(program("knotc"), "-c", self._plan.home / "knot.conf", "-b", "zone-reload", name)
        await self._flush()


@asynccontextmanager
async def dns_zone(
    records: Records,
    *,
    signed: bool = False,
    unsigned: Iterable[str] = (),
    bogus: Iterable[str] = (),
    servfail: Iterable[str] = (),
    refused: Iterable[str] = (),
    silent: Iterable[str] = (),
) -> AsyncIterator[DnsServer]:
    """Serve `records` (name to lines) on a free port of 127.0.0.1 for the length of a block."""
    async with AsyncExitStack() as stack:
        plan = _Plan(
            home=Path(stack.enter_context(TemporaryDirectory(prefix="zegel-dns-"))),
            signed=signed,
            unsigned=frozenset(map(_canonical, unsigned)),
            bogus=frozenset(map(_canonical, bogus)),
            servfail=frozenset(map(_canonical, servfail)),
            refused=frozenset(map(_canonical, refused)),
            silent=frozenset(map(_canonical, silent)),
            delegated=frozenset(
                _canonical(name)
                for name, lines in records.items()
                if any("NS" in line.split()[:2] for line in lines)
            ),
        )
        plan.write(records, 1)
        endpoint = await _knot(stack, plan)
        chain = [await _ds(plan, zone) for zone in plan.chained]
        if chain:
            plan.write(records, 2, chain)
            await _reload(plan)
        if plan.signed or plan.dropped or plan.zones != ["."]:  # knot follows aliases in one zone
            endpoint = await _unbound(stack, plan, endpoint, map(_canonical, records))
        yield DnsServer(endpoint, plan, chain)


@contextmanager
def standing_zone(records: Records, **misbehaviour: Any) -> Iterator[DnsServer]:
    """Serve like `dns_zone`, for a fixture that many tests share."""
    with asyncio.Runner() as runner:
        made = dns_zone(records, **misbehaviour)
        server = runner.run(made.__aenter__())
        try:
            yield server
        finally:
            runner.run(made.__aexit__(None, None, None))


def _canonical(name: str) -> str:
    return name.lower().rstrip(".") + "."


async def _knot(stack: AsyncExitStack, plan: _Plan) -> Endpoint:
    """Start knot; a zone that fails is one that has no file."""
    zones = []
    for zone in [*plan.zones, *sorted(plan.servfail)]:
        zones.append(f'  - domain: "{zone}"\n    file: {plan.file(zone)}\n')
        if zone in plan.chained or (plan.signed and zone == "."):
            zones.append("    dnssec-signing: on\n    dnssec-policy: signed\n")
    port = free_port()
    configuration = plan.home / "knot.conf"
    configuration.write_text(_KNOT.format(home=plan.home, port=port) + "".join(zones))
    return await _start(stack, port, program("knotd"), "-c", configuration)


async def _reload(plan: _Plan) -> None:
    for zone in plan.zones:
        await _run(program("knotc"), "-c", plan.home / "knot.conf", "-b", "zone-reload", zone)


async def _ds(plan: _Plan, zone: str) -> str:
    """Return the DS line of a signed zone, with the strongest digest that all know."""
    said = await _run(program("keymgr"), "-c", plan.home / "knot.conf", zone, "ds")
    return next(line for line in said.splitlines() if line.split()[4:5] == ["2"])


async def _unbound(
    stack: AsyncExitStack, plan: _Plan, authority: Endpoint, names: Iterable[str]
) -> Endpoint:
    port = free_port()
    modules = "validator iterator" if plan.signed else "iterator"
    text = _UNBOUND.format(home=plan.home, port=port, modules=modules)
    if plan.signed:
        text += f'  trust-anchor: "{await _ds(plan, ".")}"\n'
    spared = {
        name: "transparent"
        for name in names
        if name not in plan.dropped and any(name.endswith(f".{one}") for one in plan.dropped)
    }
    for name, treatment in (plan.dropped | spared).items():
        text += f'  local-zone: "{name}" {treatment}\n'
    text += _CONTROL.format(home=plan.home)
    for zone in [*plan.zones, *sorted(plan.servfail)]:
        text += f'stub-zone:\n  name: "{zone}"\n  stub-addr: {authority.host}@{authority.port}\n'
    configuration = plan.home / "unbound.conf"
    configuration.write_text(text)
    return await _start(stack, port, program("unbound"), "-d", "-c", configuration)


async def _run(*command: str | Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(START_SECONDS):
        said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed: {said.decode(errors='replace')}")
    return said.decode()


async def _start(stack: AsyncExitStack, port: int, *command: str | Path) -> Endpoint:
    """Start a server, wait until it answers for the root, and let `stack` end it."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    stack.push_async_callback(_end, process)
    async with asyncio.timeout(START_SECONDS):
        while not await _answers(port):
            if process.returncode is not None:
                raise RuntimeError(f"{command[0]} ended at once: {await _complaint(command)}")
            await asyncio.sleep(0.02)
    return Endpoint(host="127.0.0.1", port=port)


async def _complaint(command: Sequence[str | Path]) -> str:
    again = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(again.communicate(), START_SECONDS)
    return said.decode(errors="replace")


async def _answers(port: int) -> bool:
    question = dns.message.make_query(".", "SOA")
    try:
        said = await dns.asyncquery.udp(question, "127.0.0.1", port=port, timeout=0.5)
    except (dns.exception.DNSException, OSError):
        return False
    return said.rcode() == dns.rcode.NOERROR and bool(said.answer)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(START_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
