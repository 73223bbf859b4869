"""Storing, sending on, dropping, refusing (RFC 5228 §4, RFC 3894, RFC 5429, RFC 5490 §3.2)."""

from mailserver.model.address import Address
from mailserver.model.errors import PeerFault
from mailserver.protocol.sieve.actions import Discard, FileInto, Keep, Redirect, Reject
from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.flags import flags_said
from mailserver.protocol.sieve.forms import Call, CommandForm, Form, Kind, Option
from mailserver.protocol.sieve.run import Run, Step, Stopped
from mailserver.protocol.sieve.texts import Text

FLAGS = Option(Kind.STRINGS, needs="imap4flags")
COPY = Option(needs="copy")
REASON_CHARACTERS = 4_000


def address(text: str) -> str:
    """Return an address to send to, in the form of an SMTP path.

    Raises:
        SieveError: it is none; a display name or a comment is not taken.
    """
    try:
        return str(Address.parse(text.strip().removeprefix("<").removesuffix(">")))
    except PeerFault:
        raise SieveError(0, 0, "this is not a mail address") from None


def check_address(given: Text, scope: Scope) -> str | None:
    """Return a constant address, None for one with variables. Raises SieveError with its place."""
    if given.constant is None:
        return None
    try:
        return address(given.constant)
    except SieveError as error:
        raise scope.error(given.at, error.text) from None


def _stop(_call: Call, _scope: Scope) -> Step:
    def stop(_run: Run) -> None:
        raise Stopped

    return stop


def _keep(call: Call, _scope: Scope) -> Step:
    flags = flags_said(call)
    return lambda run: run.record(Keep(flags(run), run.message.edited()))


def _discard(_call: Call, _scope: Scope) -> Step:
    return lambda run: run.record(Discard())


def _fileinto(call: Call, scope: Scope) -> Step:
    mailbox, flags, copies = call.only(0), flags_said(call), call.has("copy")
    if mailbox.constant == "":
        raise scope.error(mailbox.at, "a mailbox has a name")
    mailbox_id, special_use = call.text("mailboxid"), call.text("specialuse")
    create = call.has("create")

    def fileinto(run: Run) -> None:
        name = mailbox(run)
        if not name or "\0" in name:
            raise SieveError(0, 0, "this is not a name of a mailbox")
        action = FileInto(
            name,
            flags(run),
            create,
            mailbox_id(run) if mailbox_id else "",
            special_use(run) if special_use else "",
            run.message.edited(),
        )
        run.record(action, keeps=copies)

    return fileinto


def _redirect(call: Call, scope: Scope) -> Step:
    target, copies = call.only(0), call.has("copy")
    scope.aims(check_address(target, scope), call.node.at)

    def redirect(run: Run) -> None:
        action = Redirect(address(target(run)), copies, run.message.edited())
        run.record(action, keeps=copies)

    return redirect


def _reject(call: Call, _scope: Scope) -> Step:
    reason, extended = call.only(0), call.node.name == "ereject"
    return lambda run: run.record(Reject(reason(run)[:REASON_CHARACTERS], extended))


COMMANDS: dict[str, CommandForm] = {
    "stop": (Form(), _stop),
    "keep": (Form(options={"flags": FLAGS}), _keep),
    "discard": (Form(), _discard),
    "fileinto": (
        Form(
            needs=("fileinto",),
            options={
                "copy": COPY,
                "flags": FLAGS,
                "create": Option(needs="mailbox"),
                "mailboxid": Option(Kind.STRING, needs="mailboxid"),
                "specialuse": Option(Kind.STRING, needs="special-use"),
            },
            arguments=(Kind.STRING,),
        ),
        _fileinto,
    ),
    "redirect": (Form(options={"copy": COPY}, arguments=(Kind.STRING,)), _redirect),
    "reject": (Form(needs=("reject",), arguments=(Kind.STRING,)), _reject),
    "ereject": (Form(needs=("ereject",), arguments=(Kind.STRING,)), _reject),
}
