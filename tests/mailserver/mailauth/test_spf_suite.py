"""The openspf.org test suite, over a real name server."""

from datetime import UTC, datetime

import pytest

from mailserver.mailauth.spf import check_host, explain
from tests.support.dns import dns_zone
from tests.support.openspf import Scenario, scenarios

DEFAULT = "DEFAULT"  # the suite's word for "whatever the receiver says by itself"


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.title)
async def test_results_and_explanations_are_those_of_the_suite(scenario: Scenario) -> None:
    wrong: dict[str, object] = {}
    async with dns_zone(scenario.records, refused=scenario.unanswered) as dns:
        resolver = dns.resolver()
        for case in scenario.cases:
            spf = await check_host(resolver, ip=case.ip, helo=case.helo, sender=case.sender)
            if spf.result.value not in case.results:
                wrong[case.name] = (spf, case.results)
            if case.explanation is None:
                continue
            said = await explain(
                resolver,
                ip=case.ip,
                helo=case.helo,
                sender=case.sender,
                receiver="receiver.test",
                now=datetime(2026, 1, 1, tzinfo=UTC),
            )
            if (said or DEFAULT) != case.explanation:
                wrong[f"{case.name} exp"] = (said, case.explanation)
    assert wrong == {}
