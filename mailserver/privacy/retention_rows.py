"""The table of what ends when: each category, its period, its bound, and the query that ends it.

`KEPT_AS` says, for each word that a column may give as its retention, which rows here end it; a
column without one would be kept for ever, and a test refuses it.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from mailserver.accounts.desk import Desk
from mailserver.accounts.history import KEPT as HISTORY_KEPT
from mailserver.accounts.provisioning import Provisioning
from mailserver.accounts.vaults import VAULT_LIFE
from mailserver.audit.chain import Chain
from mailserver.mail.push_desk import LONGEST as PUSH_KEPT
from mailserver.model.mailbox import Role
from mailserver.privacy.breaches import Breaches
from mailserver.privacy.consent_ending import ConsentEnding
from mailserver.privacy.diary import Diary
from mailserver.privacy.requests import Requests
from mailserver.privacy.retention import Category, End, Held
from mailserver.runtime.settings import Settings
from mailserver.store.ageing import Aged
from mailserver.store.changes import KEPT as CHANGES_KEPT
from mailserver.store.reports import OBSERVATIONS_KEPT
from mailserver.store.senders import CORRESPONDENTS_KEPT, WEEKS_KEPT
from mailserver.store.store import Store
from mailserver.store.sweeps import ORPHAN_AGE

DAY = timedelta(days=1)
YEAR = 365 * DAY
BREACHES_KEPT = 1827 * DAY  # five years, two of them leap years
REQUESTS_KEPT = 2 * YEAR
EXPORTS_KEPT = 7 * DAY
OPT_INS_KEPT = 7 * DAY
CONSENTS_KEPT = 2 * YEAR
"""From the end of a consent: as long as somebody may ask for its proof."""
RECIPIENTS_KEPT = YEAR
"""For how long a recipient is no stranger to an account: keyed hashes, which tell no address."""
LOGS_KEPT, LOGS_BOUND = 14 * DAY, 30 * DAY
AT_ONCE = timedelta()

KEPT_AS: Mapping[str, tuple[str, ...]] = {
    "message": ("trash", "junk"),
    "changes": ("change-log",),
    "index": ("threads", "blobs"),
    "audit": ("audit",),
    "queue": ("queue",),
    "policy": ("policies",),
    "reputation": ("reputations",),
    "greylist": ("greylist",),
    "correspondents": ("correspondents",),
    "report": ("reports",),
    "observation": ("observations",),
    "history": ("login-history",),
    "upload": ("uploads",),
    "push": ("push-subscriptions",),
    "export": ("exports",),
    "consent": ("opt-ins", "consents"),
    "register": (
        *("breaches", "requests", "agreements", "assessments", "risks", "training", "measures"),
        *("lawful", "registers"),
    ),
    # What its owner or the operator ends, for whom no age does; with the account it is erased.
    "account": ("account", "known-recipients", "filter-memory", "vaults", "sessions", "links"),
    "mailbox": ("account",),
    "domain": ("domain",),
    "instance": ("domain", "former-addresses"),
}


def categories(
    settings: Settings,
    store: Store,
    chain: Chain,
    desk: Desk,
    provisioning: Provisioning,
    breaches: Breaches,
    requests: Requests,
    consents: ConsentEnding,
    sweep_exports: Callable[[], Awaitable[int]],
) -> list[Category]:
    """Return the table, as these settings have it; `sweep_exports` deletes those that expired."""
    return [
        *_mail(settings, store),
        *_traces(settings, store),
        *_of_the_server(settings, store, chain),
        *_ways_in(store, desk, provisioning),
        _swept("exports", "what people exported", EXPORTS_KEPT, sweep_exports),
        *_registers(breaches, requests),
        *_consents(consents),
        *_elsewhere(settings),
    ]


def _mail(settings: Settings, store: Store) -> list[Category]:
    kept, ageing = settings.retention, store.ageing

    def discarded(name: str, what: str, role: Role, days: int) -> Category:
        count = partial(ageing.count_discarded, role)
        end = partial(ageing.expunge_discarded, role)
        return Category(name, what, days * DAY, YEAR, count=count, end=end)

    return [
        discarded("trash", "mail moved to Trash", Role.TRASH, kept.trash_days),
        discarded("junk", "mail filed as Junk", Role.JUNK, kept.junk_days),
        _aged(store, "change-log", "what changed in mailboxes", Aged.CHANGES, CHANGES_KEPT),
        Category(
            *("threads", "hashes of conversations that ended", AT_ONCE, AT_ONCE, End.OWN),
            end=partial(_threads, store),
        ),
    ]


def _traces(settings: Settings, store: Store) -> list[Category]:
    days = settings.retention.login_history_days
    history = _aged(store, "login-history", "sign-ins of people", Aged.LOGIN_HISTORY, days * DAY)
    return [
        _bounded(history, HISTORY_KEPT),
        _aged(
            *(store, "correspondents", "who writes to whom, hashed", Aged.CORRESPONDENTS),
            CORRESPONDENTS_KEPT,
        ),
        _aged(
            *(store, "known-recipients", "who is no stranger, hashed", Aged.KNOWN_RECIPIENTS),
            RECIPIENTS_KEPT,
        ),
        _own(store, "filter-memory", "whom filters answered, hashed", Aged.FILTER_MEMORY),
        _aged(
            *(store, "reputations", "what domains and networks sent, hashed", Aged.REPUTATIONS),
            WEEKS_KEPT * 7 * DAY,
        ),
        _own(store, "greylist", "who met whom first, hashed", Aged.GREYLIST),
    ]


def _of_the_server(settings: Settings, store: Store, chain: Chain) -> list[Category]:
    kept = settings.retention
    reports = _aged(
        store, "reports", "raw DMARC and TLS reports", Aged.REPORTS, kept.reports_days * DAY
    )
    return [
        Category(
            *("audit", "the audit log, at signed checkpoints", kept.audit_days * DAY, YEAR),
            count=_for_all(chain.prunable),
            end=_for_all(chain.prune),
        ),
        _bounded(reports, 30 * DAY),
        _aged(
            *(store, "observations", "counts for reports", Aged.OBSERVATIONS),
            OBSERVATIONS_KEPT * DAY,
        ),
        _own(store, "policies", "MTA-STS policies of others", Aged.POLICIES),
        Category(
            *("blobs", "stored objects that no row names", ORPHAN_AGE, ORPHAN_AGE),
            count=partial(_orphans, store),
            end=_for_all(store.sweeps.delete_orphans),
        ),
    ]


def _registers(breaches: Breaches, requests: Requests) -> list[Category]:
    return [
        Category(
            *("breaches", "the breach register, from an entry's end", BREACHES_KEPT, BREACHES_KEPT),
            count=_for_all(breaches.count_over),
            end=_for_all(breaches.drop_over),
        ),
        Category(
            *("requests", "what people asked for, from its answer", REQUESTS_KEPT, REQUESTS_KEPT),
            count=_for_all(requests.count_over),
            end=_for_all(requests.drop_over),
        ),
    ]


def kept_after_its_end(name: str, what: str, period: timedelta, diary: Diary) -> Category:
    """Return the row of a register whose entries are kept for a time after they are over."""
    count, end = _for_all(diary.count_over), _for_all(diary.drop_over)
    return Category(name, what, period, period, count=count, end=end)


def _consents(consents: ConsentEnding) -> list[Category]:
    async def unconfirmed(before: datetime, held: Held) -> int:
        return len(await consents.unconfirmed(before, held))

    async def over(before: datetime, held: Held) -> int:
        return len(await consents.over(before, held))

    return [
        Category(
            *("opt-ins", "consents nobody confirmed", OPT_INS_KEPT, OPT_INS_KEPT),
            count=unconfirmed,
            end=consents.erase_unconfirmed,
        ),
        Category(
            *("consents", "proof of consents, from their end", CONSENTS_KEPT, CONSENTS_KEPT),
            count=over,
            end=consents.drop_over,
        ),
    ]


def _ways_in(store: Store, desk: Desk, provisioning: Provisioning) -> list[Category]:
    return [
        _swept("sessions", "web sessions that are over", 30 * DAY, desk.web_sessions.sweep),
        _swept("links", "invitations and resets nobody used", 7 * DAY, desk.invitations.sweep),
        _swept("vaults", "sealed vaults of resets", VAULT_LIFE, desk.vaults.sweep),
        _swept("push-subscriptions", "where apps are woken", PUSH_KEPT, store.pushes.sweep),
        _swept("former-addresses", "addresses nobody may have", YEAR, provisioning.sweep),
    ]


def _elsewhere(settings: Settings) -> list[Category]:
    queue = timedelta(seconds=settings.queue.expire_seconds)
    hour = timedelta(hours=1)
    there = End.ELSEWHERE
    return [
        Category("logs", "service logs: the system's journal", LOGS_KEPT, LOGS_BOUND, there),
        Category("queue", "mail on its way out: the queue", queue, 5 * DAY, there),
        Category("uploads", "files not attached yet: every ten minutes", hour, hour, there),
        Category("registers", "holds: while they stand", AT_ONCE, AT_ONCE, there),
        Category("account", "with its account, when it is erased", AT_ONCE, AT_ONCE, there),
        Category("domain", "with the domain or the server", AT_ONCE, AT_ONCE, there),
    ]


def _swept(name: str, what: str, bound: timedelta, sweep: Callable[[], Awaitable[int]]) -> Category:
    """Make a row of what has an instant of its own in its row, at `bound` the latest."""

    async def end(_before: datetime, _held: Held) -> int:
        return await sweep()

    return Category(name, what, AT_ONCE, bound, End.OWN, end=end)


def _aged(store: Store, name: str, what: str, aged: Aged, period: timedelta) -> Category:
    count, end = partial(store.ageing.count, aged), partial(store.ageing.end, aged)
    return Category(name, what, period, period, count=count, end=end)


def _own(store: Store, name: str, what: str, aged: Aged) -> Category:
    count, end = partial(store.ageing.count, aged), partial(store.ageing.end, aged)
    return Category(name, what, AT_ONCE, AT_ONCE, End.OWN, count=count, end=end)


def _bounded(category: Category, bound: timedelta) -> Category:
    return Category(
        *(category.name, category.what, category.period, bound, category.by),
        count=category.count,
        end=category.end,
    )


def _for_all(ending: Callable[[datetime], Awaitable[int]]) -> Callable[..., Awaitable[int]]:
    """Make an ending of one that knows no accounts."""

    async def ended(before: datetime, _held: Held) -> int:
        return await ending(before)

    return ended


async def _orphans(store: Store, before: datetime, _held: Held) -> int:
    return len(await store.sweeps.orphans(before))


async def _threads(store: Store, _before: datetime, held: Held) -> int:
    forgotten = 0
    for account in await store.accounts.listing():
        if account.account_id not in held:
            forgotten += await store.sweeps.forget_threads(account.account_id)
    return forgotten
