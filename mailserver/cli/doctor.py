"""`zegel doctor`: whether this server and its domains are as the internet wants them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.dns import facts_of
from mailserver.cli.terminal import FAILED, say, told
from mailserver.model.address import canonical_domain
from mailserver.operations.doctor.examination import Examiner
from mailserver.operations.doctor.finding import Finding, Severity, warning, worst
from mailserver.privacy.agreement import Standing
from mailserver.runtime.tls_client import ClientTls

_MARKS = {
    Severity.GOOD: "good",
    Severity.NOTE: "note",
    Severity.WARNING: "WARN",
    Severity.FAILURE: "FAIL",
}


def add_to(program: typer.Typer) -> None:
    """Add this group's command."""
    program.command("doctor")(examine)


def examine(
    context: typer.Context,
    domain: Annotated[
        str | None, typer.Argument(metavar="[DOMAIN]", help="One of ours; all where none is named.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Say what is good, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
) -> None:
    """Look at this machine, at DNS and at what others see; fails where mail is lost or unprotected.

    Run it on the server itself, as its user, while it serves.
    """
    name = None if domain is None else told(lambda: canonical_domain(domain))
    findings = in_house(context, lambda house: _examined(house, name))
    if as_json:
        listed = [asdict(one) | {"severity": one.severity.name.lower()} for one in findings]
        say(json.dumps(listed, indent=2))
    else:
        _say(findings, everything=everything)
    if worst(findings) is Severity.FAILURE:
        raise typer.Exit(FAILED)


async def _examined(house: House, name: str | None) -> list[Finding]:
    names = [name] if name else [row.name for row in await house.store.domains.listing()]
    tls = ClientTls.load(house.settings.relay.ca_file)
    examiner = Examiner(
        house.settings, house.resolver, house.directory, house.clock, house.offload, tls
    )
    found = await examiner.examine([await facts_of(house, each) for each in names])
    return found + await _registers(house)


async def _registers(house: House) -> list[Finding]:
    """Look at what the registers lack: assessments, announcements, agreements."""
    papers, found = house.books.papers, []
    for occasion in await papers.assessments.owed():
        advice = f"begin with `zegel privacy dpia draft {occasion.value}` (GDPR Art. 35)"
        text = "it is on, and no impact assessment is approved"
        found.append(warning("dpia", occasion.value, text, advice))
    for name in await papers.unannounced():
        text = "it processes, and customers were not told 30 days ahead"
        found.append(warning("processors", name, text, "see `zegel privacy processors announce`"))
    for customer in sorted(await papers.customers()):
        stands = await papers.agreements.standing(customer)
        if stands in (Standing.LATE, Standing.MISSING):
            text = "it has not accepted the data processing agreement: no new accounts"
            found.append(warning("agreement", customer, text, "see `zegel privacy dpa accept`"))
    return found


def _say(findings: Sequence[Finding], *, everything: bool) -> None:
    least = Severity.GOOD if everything else Severity.NOTE
    for one in findings:
        if one.severity >= least:
            say(f"{_MARKS[one.severity]}  {one.check}  {one.subject}: {one.found}")
            if one.wanted:
                say(f"        wanted: {one.wanted}")
            if one.advice:
                say(f"        {one.advice}")
    counts = {each: sum(one.severity is each for one in findings) for each in Severity}
    say(
        f"{counts[Severity.GOOD]} good, {counts[Severity.NOTE]} notes,"
        f" {counts[Severity.WARNING]} warnings, {counts[Severity.FAILURE]} failures"
    )
