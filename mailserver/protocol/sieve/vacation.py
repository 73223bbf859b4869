"""`vacation` (RFC 5230, RFC 6131): what to answer; whether to is decided where mail is sent."""

from mailserver.protocol.sieve.actions import Vacation
from mailserver.protocol.sieve.base_actions import address
from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.forms import Call, CommandForm, Form, Kind, Option
from mailserver.protocol.sieve.run import Run, Step
from mailserver.protocol.sieve.texts import Text

DAY = 86_400
DAYS = 7
DAYS_MOST = 365
ADDRESSES = 100


def _seconds(call: Call) -> int:
    """Return how long the same sender gets no second answer (RFC 5230 §4.1, RFC 6131 §2)."""
    if call.has("seconds"):
        return min(call.number("seconds"), DAYS_MOST * DAY)
    return min(max(call.number("days", DAYS), 1), DAYS_MOST) * DAY


def _check(given: Text | None, scope: Scope) -> None:
    if given is not None and given.constant is not None:
        try:
            _mailbox(given.constant)
        except SieveError as error:
            raise scope.error(given.at, error.text) from None


def _mailbox(text: str) -> str:
    """Check the address of a mailbox, which may have a display name in front."""
    _, bracket, rest = text.rpartition("<")
    address(rest.removesuffix(">") if bracket else text)
    return " ".join(text.split())


def _vacation(call: Call, scope: Scope) -> Step:
    reason, subject, sender = call.only(0), call.text("subject"), call.text("from")
    addresses, handle, mime = call.texts("addresses"), call.text("handle"), call.has("mime")
    seconds = _seconds(call)
    _check(sender, scope)

    def vacation(run: Run) -> None:
        said = reason(run)
        title = None if subject is None else " ".join(subject(run).split())
        named = None if sender is None else _mailbox(sender(run))
        # Two vacations that say the same are one (RFC 5230 §4.2).
        same = f"{title}\0{named}\0{int(mime)}\0{said}" if handle is None else handle(run)
        action = Vacation(
            said,
            seconds,
            title,
            named,
            tuple(one(run).strip() for one in addresses[:ADDRESSES]),
            mime,
            same,
        )
        run.record(action, keeps=True)

    return vacation


COMMANDS: dict[str, CommandForm] = {
    "vacation": (
        Form(
            needs=("vacation", "vacation-seconds"),
            options={
                "days": Option(Kind.NUMBER, group="time"),
                "seconds": Option(Kind.NUMBER, group="time", needs="vacation-seconds"),
                "subject": Option(Kind.STRING),
                "from": Option(Kind.STRING),
                "addresses": Option(Kind.STRINGS),
                "mime": Option(),
                "handle": Option(Kind.STRING),
            },
            arguments=(Kind.STRING,),
        ),
        _vacation,
    )
}
