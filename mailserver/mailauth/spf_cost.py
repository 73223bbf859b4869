"""What a domain's SPF record costs whoever checks it, and how it ends: for its own operator.

Other than a check, this looks at every term, also behind the one that would match: a record that is
fine for today's client may be too dear for tomorrow's.

Source: RFC 7208 §4.6.4.
"""

from dataclasses import dataclass

from mailserver.mailauth.spf_macro import MacroString, SpfSyntaxError
from mailserver.mailauth.spf_record import SpfResult, parse_record, select_records
from mailserver.runtime.resolver import Resolver

LOOKUPS = 10
RECORDS = 50  # read; more are too dear anyhow

_ASKS = frozenset({"include", "a", "mx", "ptr", "exists"})


@dataclass(slots=True)
class SpfCost:
    """What was found."""

    record: str = ""
    """As published; empty where there is none."""
    lookups: int = 0
    """Terms that ask DNS, those of included records too."""
    end: SpfResult | None = None
    """What holds for everybody else; None where nothing is said."""
    fault: str = ""
    """What makes checkers refuse the record; empty for nothing."""


async def cost(resolver: Resolver, domain: str) -> SpfCost:
    """Read a domain's record and all that it includes.

    Raises:
        DnsTransient: DNS does not say.
    """
    found = SpfCost()
    try:
        texts = select_records((await resolver.txt(domain)).records)
        if texts:
            found.record = texts[0].decode("latin-1")
            found.end = await _Walk(resolver, found).read(domain, ())
    except SpfSyntaxError as error:
        found.fault = str(error)
    return found


class _Walk:
    """The way through a record and those it includes."""

    def __init__(self, resolver: Resolver, found: SpfCost) -> None:
        self._resolver = resolver
        self._found = found
        self._records = 0

    async def read(self, domain: str, above: tuple[str, ...]) -> SpfResult | None:
        """Count a domain's record, which those `above` include; return how it ends."""
        self._records += 1
        if domain in above:
            raise SpfSyntaxError(f"{domain} includes itself")
        if self._records > RECORDS:
            raise SpfSyntaxError("it includes too many others")
        records = select_records((await self._resolver.txt(domain)).records)
        if len(records) != 1:
            what = "has several SPF records" if records else "is included and has no SPF record"
            raise SpfSyntaxError(f"{domain} {what}")
        record, chain = parse_record(records[0]), (*above, domain)
        for mechanism in record.mechanisms:
            if mechanism.kind == "all":
                return mechanism.result
            self._found.lookups += mechanism.kind in _ASKS
            if mechanism.kind == "include":
                await self._further(mechanism.domain, chain)
        if record.redirect is None:
            return None
        self._found.lookups += 1
        return await self._further(record.redirect, chain)

    async def _further(self, spec: MacroString | None, chain: tuple[str, ...]) -> SpfResult | None:
        """Read on where a name is written out; what macros make differs from sender to sender."""
        if spec is None or not all(isinstance(piece, str) for piece in spec):
            return None
        return await self.read("".join(map(str, spec)).lower().rstrip("."), chain)
