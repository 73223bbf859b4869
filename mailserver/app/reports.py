"""Reports put together: those about our domains are taken, those about others counted and sent."""

from dataclasses import dataclass
from functools import partial

from mailserver.mail.outgoing import Outgoing
from mailserver.mail.report_intake import ReportIntake
from mailserver.mail.report_ledger import ReportLedger, Session
from mailserver.mail.report_posting import ReportPosting
from mailserver.mail.report_sending import Author, ReportSending
from mailserver.outbound.tls_results import Observation, Observe
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings import Settings
from mailserver.runtime.web_client import WebClient
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard


@dataclass(frozen=True, slots=True)
class Reporting:
    """What is told between mail servers about each other's domains."""

    intake: ReportIntake
    ledger: ReportLedger
    sending: ReportSending

    @property
    def observe(self) -> Observe:
        """Takes what the relay sees of TLS."""

        def observe(seen: Observation) -> None:
            policy = seen.policy
            self.ledger.spoke(
                seen.domain,
                Session(
                    policy.kind.value,
                    policy.text,
                    policy.hosts,
                    seen.mx,
                    seen.ip,
                    seen.result,
                    seen.reason,
                ),
            )

        return observe


async def author(settings: Settings, store: Store) -> Author | None:
    """Write as the domain that our host lies in, else as the first; None where there is none."""
    host = settings.hostname.lower().rstrip(".")
    names = [row.name for row in await store.domains.listing()]
    names.sort(key=lambda name: not (host == name or host.endswith(f".{name}")))
    return Author(names[0], host) if names else None


def reporting(
    settings: Settings,
    store: Store,
    guard: InstanceGuard,
    outgoing: Outgoing,
    resolver: Resolver,
    web: WebClient,
    clock: Clock,
    offload: Offload,
) -> Reporting:
    """Hand each service what it works with."""
    return Reporting(
        ReportIntake(store, guard, clock, offload),
        ReportLedger(store, guard, clock),
        ReportSending(
            *(store, guard, outgoing, resolver, clock, offload),
            partial(author, settings, store),
            ReportPosting(web, clock),
        ),
    )
