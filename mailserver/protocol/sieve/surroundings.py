"""Tests of what lies around a message: mailboxes, scores, ids seen before, the server itself.

RFC 5490, RFC 9042, RFC 8579 (mailboxes); RFC 5235 (scores); RFC 7352 (duplicate); RFC 5183
(environment); RFC 5463 (ihave and error).
"""

from mailserver.protocol.sieve.actions import (
    MailboxExists,
    MailboxIdExists,
    Seen,
    SeenBefore,
    SpecialUseExists,
)
from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.forms import (
    MATCH,
    Call,
    CommandForm,
    Form,
    Kind,
    Option,
    TestForm,
)
from mailserver.protocol.sieve.matching import matcher
from mailserver.protocol.sieve.run import Check, Run, Step

DAY = 86_400
SEEN_SECONDS = 7 * DAY
SEEN_SECONDS_MOST = 30 * DAY
SEEN_IDS = 16
"""Ids that one message may leave behind."""


def _mailboxexists(call: Call, _scope: Scope) -> Check:
    names = call.texts(0)
    return lambda run: all(run.answer(MailboxExists(name(run))) for name in names)


def _mailboxidexists(call: Call, _scope: Scope) -> Check:
    ids = call.texts(0)
    return lambda run: all(run.answer(MailboxIdExists(one(run))) for one in ids)


def _specialuse_exists(call: Call, _scope: Scope) -> Check:
    uses = call.texts(-1)
    mailbox = call.only(0) if len(call.arguments) > 1 else None

    def exists(run: Run) -> bool:
        name = mailbox(run) if mailbox else ""
        return all(run.answer(SpecialUseExists(use(run).lower(), name)) for use in uses)

    return exists


def _spamtest(call: Call, scope: Scope) -> Check:
    match, percent = matcher(call, scope, call.texts(0)), call.has("percent")
    if percent:
        scope.need(("spamtestplus",), call.node.at, ":percent")

    def spamtest(run: Run) -> bool:
        score = run.facts.spam_percent
        if match.counts:  # RFC 5235 §2.2: nothing is counted where nobody looked
            return match.count(run, int(score is not None))
        if score is None:
            return match.any(run, ["0"])
        return match.any(run, [str(score if percent else 1 + score * 9 // 100)])

    return spamtest


def _virustest(call: Call, scope: Scope) -> Check:
    match = matcher(call, scope, call.texts(0))

    def virustest(run: Run) -> bool:
        if match.counts:
            return match.count(run, int(run.facts.virus > 0))
        return match.any(run, [str(run.facts.virus)])

    return virustest


def _duplicate(call: Call, scope: Scope) -> Check:
    handle, header = call.text("handle"), call.text("header")
    unique, last = call.text("uniqueid"), call.has("last")
    seconds = min(call.number("seconds", SEEN_SECONDS), SEEN_SECONDS_MOST)

    def duplicate(run: Run) -> bool:
        if unique is not None:
            id_ = unique(run)
        else:
            values = run.message.values(header(run) if header else "message-id")
            id_ = values[0] if values else ""
        if not id_:
            return False
        key = (handle(run) if handle else "", id_)
        if key not in run.seen and len(run.seen) >= SEEN_IDS:
            raise SieveError(0, 0, "this script remembers too many ids")
        before = run.answer(SeenBefore(*key))
        if last or not before:
            run.seen[key] = Seen(*key, seconds)
        return before

    return duplicate


def _environment(call: Call, scope: Scope) -> Check:
    name, match = call.only(0), matcher(call, scope, call.texts(1))

    def environment(run: Run) -> bool:
        value = run.environment.items.get(name(run).lower())
        return value is not None and match.any(run, [value])  # RFC 5183 §4: unknown is no match

    return environment


def _ihave(call: Call, scope: Scope) -> Check:
    """Answer now, and let what it asks for be used from here on (RFC 5463 §4)."""
    wanted = [scope.constant(given, "ihave") for given in call.texts(0)]
    known = all(name in scope.language.extensions for name in wanted)
    if known:
        scope.required.update(wanted)
    return lambda _run: known


def _error(call: Call, _scope: Scope) -> Step:
    reason = call.only(0)

    def error(run: Run) -> None:
        raise SieveError(0, 0, reason(run))

    return error


_SCORE = (Kind.STRING,)

TESTS: dict[str, TestForm] = {
    "mailboxexists": (Form(needs=("mailbox",), arguments=(Kind.STRINGS,)), _mailboxexists),
    "mailboxidexists": (Form(needs=("mailboxid",), arguments=(Kind.STRINGS,)), _mailboxidexists),
    "specialuse_exists": (
        Form(needs=("special-use",), arguments=(Kind.STRING, Kind.STRINGS), optional=1),
        _specialuse_exists,
    ),
    "spamtest": (
        Form(
            needs=("spamtest", "spamtestplus"),
            options={**MATCH, "percent": Option()},
            arguments=_SCORE,
        ),
        _spamtest,
    ),
    "virustest": (Form(needs=("virustest",), options=MATCH, arguments=_SCORE), _virustest),
    "duplicate": (
        Form(
            needs=("duplicate",),
            options={
                "handle": Option(Kind.STRING),
                "header": Option(Kind.STRING, group="id"),
                "uniqueid": Option(Kind.STRING, group="id"),
                "seconds": Option(Kind.NUMBER),
                "last": Option(),
            },
        ),
        _duplicate,
    ),
    "environment": (
        Form(needs=("environment",), options=MATCH, arguments=(Kind.STRING, Kind.STRINGS)),
        _environment,
    ),
    "ihave": (Form(needs=("ihave",), arguments=(Kind.STRINGS,)), _ihave),
}
COMMANDS: dict[str, CommandForm] = {
    "error": (Form(needs=("ihave",), arguments=(Kind.STRING,)), _error),
}
