"""What this server does with personal data: each activity, and which settings enable it.

Written where the code is, so that a feature and its entry in the register come and go together.
`processing` makes the register of those that are enabled.
"""

from collections.abc import Callable

from mailserver.privacy.processing import Activity, View
from mailserver.runtime.settings import Settings

CONTRACT = "performance of a contract (Art. 6(1)(b)), or as the controller instructs"
INTEREST = "legitimate interest (Art. 6(1)(f)): keeping mail usable and safe"
DUTY = "legal obligation (Art. 6(1)(c))"

SEALED = "sealed under keys that only the owner's credentials open (AES-256-GCM, ML-KEM-768+X25519)"
GUARDED = "guarded under the server's master key, which lies outside of data and backups"
HASHED = "keyed hashes in the place of names and addresses"
AUDITED = "every change is in a signed, chained audit log"
TLS = "TLS on every connection with people; with other servers MTA-STS and DANE"

PEOPLE, WRITERS = "people with an account", "people who write to them, and to whom they write"
ADMINS = "administrators"


def _always(_settings: Settings) -> bool:
    return True


def _web(settings: Settings) -> bool:
    doors = settings.listeners
    return any(door.address is not None for door in (doors.https, doors.api))


def _relays(settings: Settings) -> bool:
    return settings.relays


def _scans(settings: Settings) -> bool:
    return bool(settings.scanners.clamd or settings.scanners.rspamd)


def _named(*roles: str) -> "_Named":
    return _Named(roles)


class _Named:
    """Those of `[[processors]]` that have one of some roles."""

    def __init__(self, roles: tuple[str, ...]) -> None:
        self._roles = roles

    def __call__(self, settings: Settings) -> tuple[str, ...]:
        return tuple(
            f"{one.name} ({one.role}, {one.country})"
            for one in settings.processors
            if one.role in self._roles
        )

    def any(self, settings: Settings) -> bool:
        """Say whether there is one."""
        return bool(self(settings))


def _outside(settings: Settings) -> tuple[str, ...]:
    return ("mail servers of the recipients", *_named("relay")(settings))


def _elsewhere(settings: Settings) -> tuple[str, ...]:
    return _named("hosting")(settings)


ACTIVITIES = (
    Activity(
        "mailboxes",
        "Keeping mail, contacts and settings",
        "to keep what people receive, write and note until they delete it",
        CONTRACT,
        (PEOPLE, WRITERS),
        ("letters and attachments", "contacts", "flags, mailboxes and rules", "sizes and times"),
        ("account", "trash", "junk", "change-log", "threads", "blobs", "uploads", "exports"),
        (SEALED, GUARDED, "size padding", AUDITED),
        _always,
        _elsewhere,
    ),
    Activity(
        "receiving",
        "Receiving mail",
        "to take mail for our people, and to refuse what is forged or unwanted",
        CONTRACT,
        (PEOPLE, WRITERS),
        ("addresses of sender and recipients", "address of the sending machine", "the letter"),
        ("greylist", "reputations", "correspondents", "policies", "logs"),
        (TLS, HASHED, "read in memory only, then sealed"),
        _always,
    ),
    Activity(
        "sending",
        "Sending mail",
        "to bring mail to other servers, and to keep thieves from sending",
        CONTRACT,
        (PEOPLE, WRITERS),
        ("letters on their way out", "addresses of recipients", "how much was sent, to whom new"),
        ("queue", "known-recipients", "policies", "logs"),
        (TLS, GUARDED, HASHED),
        _relays,
        _outside,
    ),
    Activity(
        "lists",
        "Asking lists of bad senders",
        "to know senders of junk and malware by what others saw of them",
        INTEREST,
        (WRITERS,),
        ("network of the sending machine", "domains in a letter"),
        ("logs",),
        ("no letter, no recipient and no full address is asked about",),
        _named("address-list", "domain-list").any,
        _named("address-list", "domain-list"),
    ),
    Activity(
        "scanning",
        "Looking through letters for malware and junk",
        "to keep harm from people's machines",
        INTEREST,
        (PEOPLE, WRITERS),
        ("letters and attachments, while they come in",),
        ("logs",),
        ("the scanner keeps nothing that this server knows of",),
        _scans,
        _named("scanner"),
    ),
    Activity(
        "learning",
        "Learning what each reader calls junk",
        "to file junk as its reader would",
        INTEREST,
        (PEOPLE, WRITERS),
        ("keyed hashes of words, and how often each was in junk",),
        ("account",),
        (HASHED, GUARDED, "for its reader alone"),
        lambda settings: settings.spam.learning,
    ),
    Activity(
        "signing-in",
        "Signing in",
        "to let in who may come in, and to show people who came in as them",
        CONTRACT,
        (PEOPLE,),
        ("credentials, as what they open", "second factors", "network, device and time"),
        ("login-history", "sessions", "links", "vaults", "former-addresses"),
        ("no password is kept, nor a hash of one", "Argon2id", "second factors", SEALED),
        _always,
    ),
    Activity(
        "identity-provider",
        "Signing in by an organisation's identity provider",
        "to let an organisation say who its people are",
        CONTRACT,
        (PEOPLE,),
        ("address", "the provider's name for the person", "time of sign-in"),
        ("sessions",),
        ("the provider never opens mail", TLS),
        _named("identity-provider").any,
        _named("identity-provider"),
    ),
    Activity(
        "webmail",
        "Webmail and apps (JMAP)",
        "to read and write mail in a browser or an app",
        CONTRACT,
        (PEOPLE,),
        ("mail while a session is open", "a session cookie"),
        ("sessions", "uploads", "logs"),
        ("no third parties, no tracking, strict content policy", "keys only while unlocked", TLS),
        _web,
    ),
    Activity(
        "push",
        "Waking apps by a push service",
        "to tell an app that is not connected that something changed",
        CONTRACT,
        (PEOPLE,),
        ("the device's address at the service", "when something changed, and of which kind"),
        ("push-subscriptions",),
        ("encrypted for the app (RFC 8291): the service reads nothing", GUARDED, TLS),
        _named("push-service").any,
        _named("push-service"),
    ),
    Activity(
        "reports",
        "Reports between mail servers (DMARC, TLS)",
        "to see who sends in our name, and where connections fail; to tell others the same",
        INTEREST,
        (WRITERS,),
        ("addresses of sending machines", "domains", "counts"),
        ("reports", "observations"),
        (GUARDED, HASHED),
        _relays,
        lambda _: ("domains that ask for reports",),
    ),
    Activity(
        "consents",
        "Asking for consent, and letters about products",
        "to write only to those who want it, and to prove that they did",
        f"consent (Art. 6(1)(a)); {DUTY}: proof of it (Art. 7(1))",
        (PEOPLE, "people elsewhere who were asked"),
        ("address", "which text, when and by which way it was agreed to or refused"),
        ("opt-ins", "consents", "queue"),
        (GUARDED, HASHED, AUDITED, "double opt-in; no by one click, without signing in"),
        lambda settings: bool(settings.consent.purposes),
        views=frozenset({View.CONTROLLER}),
    ),
    Activity(
        "accountability",
        "Audit log, registers and service logs",
        "to prove what was done, and to find faults and attacks",
        f"{DUTY}; {INTEREST}",
        (PEOPLE, ADMINS),
        (
            *("who did what and when, never to which text", "breaches", "holds"),
            *("contracts", "orders"),
            "addresses of one account's mail, for a day, where two administrators trace it",
        ),
        (
            *("audit", "logs", "breaches", "agreements", "assessments", "risks", "training"),
            *("measures", "lawful", "registers"),
        ),
        (AUDITED, "personal fields under each person's own key", "names in logs hashed weekly"),
        _always,
        views=frozenset({View.CONTROLLER}),
    ),
)


def of_escrow(is_on: Callable[[], bool]) -> Activity:
    """Declare the organisation's recovery, which is turned on beside the settings."""
    return Activity(
        "escrow",
        "Opening mailboxes by two custodians (escrow)",
        "to let an organisation reach its mail when nobody else can, on terms its people are shown",
        INTEREST,
        (PEOPLE, WRITERS),
        ("everything in a mailbox that is opened", "who asked, why, and when"),
        ("account", "registers"),
        (
            "two custodians with keys that are never on the server, neither of them alone",
            "only after its owner saw the notice, in his own session",
            "the owner is told of every opening, after 30 days at most",
            AUDITED,
        ),
        lambda _: is_on(),
        lambda _: ("the organisation, when both custodians open",),
    )
