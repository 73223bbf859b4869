"""`zegel reports`: what other mail servers report about our domains."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table, told
from mailserver.model.address import canonical_domain
from mailserver.operations.report_summary import DmarcSummary, ReportSummary, TlsSummary

group = typer.Typer(help="What others report about our domains.", no_args_is_help=True)

KEPT_DAYS = 30
LINES = 20
NAME_CHARACTERS = 60
Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="One of this server's domains.")]
Days = Annotated[int, typer.Option(min=1, max=KEPT_DAYS, help="How far back.")]
Everything = Annotated[bool, typer.Option("--all", help="Every line.")]
AsJson = Annotated[bool, typer.Option("--json", help="Everything, for programs.")]


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="reports")


@group.command("dmarc")
def dmarc(
    context: typer.Context,
    domain: Domain,
    days: Days = 7,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Say who sent mail in a domain's name, as receivers saw it; what fails most comes first."""
    name = told(lambda: canonical_domain(domain))

    async def summed(house: House) -> DmarcSummary:
        await _require_ours(house, name)
        summary = ReportSummary(house.store, house.master.instance_guard)
        return await summary.dmarc(name, now=house.clock.now(), days=days)

    found = in_house(context, summed)
    sources = sorted(found.sources.values(), key=lambda one: (-one.failed, -one.messages))
    if as_json:
        _json(
            found,
            messages=found.messages,
            sources=[asdict(one) | {"signers": sorted(one.signers)} for one in sources],
        )
        return
    _heading(found, f"{found.messages:,} messages, {found.failed:,} that nobody vouched for")
    shown = sources if everything else sources[:LINES]
    table(
        ("address", "messages", "failed", "quarantined", "rejected", "vouched for by"),
        [
            (
                one.ip,
                f"{one.messages:,}",
                f"{one.failed:,}",
                f"{one.quarantined:,}",
                f"{one.rejected:,}",
                _names(one.signers),
            )
            for one in shown
        ],
    )
    _more(len(sources) - len(shown))


@group.command("tls")
def tls(
    context: typer.Context,
    domain: Domain,
    days: Days = 7,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Say how TLS with a domain's mail hosts went, as senders saw it."""
    name = told(lambda: canonical_domain(domain))

    async def summed(house: House) -> TlsSummary:
        await _require_ours(house, name)
        summary = ReportSummary(house.store, house.master.instance_guard)
        return await summary.tls(name, now=house.clock.now(), days=days)

    found = in_house(context, summed)
    failures = sorted(found.failures.items(), key=lambda one: -one[1])
    if as_json:
        _json(
            found,
            sessions=found.sessions,
            failures=[
                {"result": result, "host": host, "policy": kind, "sessions": times}
                for (result, host, kind), times in failures
            ],
        )
        return
    _heading(found, f"{found.sessions:,} sessions, {found.failed:,} not as the policy wants")
    shown = failures if everything else failures[:LINES]
    table(
        ("result", "host", "policy", "sessions"),
        [
            (_clean(result), _clean(host) or "-", kind, f"{times:,}")
            for (result, host, kind), times in shown
        ],
    )
    _more(len(failures) - len(shown))


async def _require_ours(house: House, name: str) -> None:
    if not await house.directory.is_local(name):
        fail(f"mail for {name} is not taken here")


def _heading(found: DmarcSummary | TlsSummary, counts: str) -> None:
    say(f"{found.reports} reports by {_names(found.reporters) or 'nobody'}: {counts}.")
    if found.unproven:
        say(f"{found.unproven} of them came from nobody who can be proven; they may be invented.")
    if found.damaged:
        say(f"{found.damaged} more cannot be opened.")
    say()


def _json(found: DmarcSummary | TlsSummary, **more: Any) -> None:
    common = {
        "reports": found.reports,
        "unproven": found.unproven,
        "damaged": found.damaged,
        "failed": found.failed,
        "reporters": sorted(found.reporters),
    }
    say(json.dumps(common | more, indent=2))


def _more(left: int) -> None:
    if left > 0:
        say(f"… and {left:,} more: --all")


def _names(names: Iterable[str]) -> str:
    shown = sorted(filter(None, map(_clean, names)))
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")


def _clean(text: str) -> str:
    """Make a stranger's words fit a terminal: no control characters, not too long."""
    return "".join(one for one in text if one.isprintable())[:NAME_CHARACTERS]
