"""Scripts run on a message, and what they decided in a few words."""

from collections.abc import Mapping
from datetime import UTC, datetime

from mailserver.protocol import sieve
from mailserver.protocol.sieve.actions import (
    Action,
    Discard,
    FileInto,
    Keep,
    Notify,
    Question,
    Redirect,
    Reject,
    Vacation,
)

NOW = datetime(2026, 3, 2, 9, 5, 7, tzinfo=UTC)  # a Monday
MESSAGE = (
    b"Received: from a.test by b.test; Mon, 2 Mar 2026 08:00:00 +0000\r\n"
    b"Received: from c.test by a.test; Sun, 1 Mar 2026 07:00:00 +0000\r\n"
    b"From: Bob Bauer <bob@example.org>\r\n"
    b"To: Alice <alice+shop@example.com>, carol@example.com\r\n"
    b"Cc: dora@sub.example.net\r\n"
    b"Subject: =?utf-8?q?Caf=C3=A9?= au lait\r\n"
    b"Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"X-Number: 42\r\n"
    b"X-Empty:\r\n"
    b"List-Id: <list.example.org>\r\n"
    b"\r\n"
    b"Hello there.\r\n"
)


def facts(octets: bytes = MESSAGE, **given: object) -> sieve.Facts:
    """Return what is known of a message."""
    known: dict[str, object] = {
        "sender": "bob@example.org",
        "recipient": "alice+shop@example.com",
        "now": NOW,
    }
    return sieve.Facts(octets, **{**known, **given})  # type: ignore[arg-type]  # tests name fields


def run(
    script: str | bytes,
    octets: bytes = MESSAGE,
    *,
    limits: sieve.Limits | None = None,
    answers: Mapping[Question, bool] | None = None,
    items: Mapping[str, str] | None = None,
    included: Mapping[str, str] | None = None,
    **given: object,
) -> sieve.Outcome:
    """Compile a script and run it once."""
    others = {name: sieve.compile(text).runnable for name, text in (included or {}).items()}
    environment = sieve.Environment(items or {}, answers or {}, others)
    return sieve.compile(script, limits).run(facts(octets, **given), environment)


def did(outcome: sieve.Outcome) -> str:
    """Say what was decided: an error's text, or the actions in their order."""
    if outcome.question is not None:
        return f"asks {type(outcome.question).__name__}"
    if outcome.error is not None:
        assert outcome.actions == (Keep(),)
        return f"error {outcome.error}"
    return "; ".join(map(_said, outcome.actions))


def _said(action: Action) -> str:
    match action:
        case Keep(flags):
            return " ".join(("keep", *flags))
        case FileInto(mailbox, flags):
            return " ".join(("fileinto", mailbox, *flags))
        case Redirect(address):
            return f"redirect {address}"
        case Discard():
            return "discard"
        case Reject(reason):
            return f"reject {reason}"
        case Vacation(reason, seconds):
            return f"vacation {seconds} {reason}"
        case Notify(address, message):
            return f"notify {address} {message}"


def holds(test: str, *require: str, **given: object) -> bool:
    """Say whether a test holds for MESSAGE."""
    wanted = ", ".join(f'"{name}"' for name in require)
    script = f"require [{wanted}]; " if require else ""
    outcome = run(f"{script}if {test} {{ discard; }}", **given)  # type: ignore[arg-type]
    assert outcome.error is None, outcome.error
    assert outcome.question is None
    return did(outcome) == "discard"
