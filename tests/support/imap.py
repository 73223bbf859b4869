"""An edge for the IMAP machine that agrees to everything, and events as values that compare."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass

from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap import command as commands
from mailserver.protocol.imap import event as events
from mailserver.protocol.imap.command import AnyCommand
from mailserver.protocol.imap.limits import Limits
from mailserver.protocol.imap.machine import Machine

REFUSED = "refused"
"""A mailbox to which the edge below takes no message."""


def value(thing: object) -> object:
    """Turn a dataclass into a tuple, with its plaintext revealed."""
    if isinstance(thing, Plaintext):
        return thing.reveal()
    if is_dataclass(thing):
        parts = (value(getattr(thing, field.name)) for field in fields(thing))
        return (type(thing).__name__, *parts)
    if isinstance(thing, tuple):
        return tuple(value(part) for part in thing)
    return thing


def parse(text: bytes) -> AnyCommand:
    """Read one command, without its tag and line ending, that must be understood."""
    machine = Machine()
    machine.log_in()
    said = machine.feed(b"a " + text + b"\r\n")
    (event,) = [one for one in said if not isinstance(one, events.NeedContinuation)]
    assert isinstance(event, events.Command), event
    assert event.tag == b"a"
    return event.command


def fault(text: bytes) -> bytes:
    """Read one command, without its tag and line ending, that must not be understood."""
    machine = Machine()
    machine.log_in()
    said = machine.feed(b"a " + text + b"\r\n")
    (event,) = [one for one in said if not isinstance(one, events.NeedContinuation)]
    assert isinstance(event, events.Bad), event
    assert (event.tag, event.fatal) == (b"a", False)
    assert machine.bad_commands == 1
    return event.text


class Dialogue:
    """A machine with an edge that lets everybody in and takes all messages but REFUSED ones."""

    def __init__(self, limits: Limits | None = None, *, logged_in: bool = False) -> None:
        self.machine = Machine(limits)
        self.events: list[events.Event] = []
        if logged_in:
            self.machine.log_in()

    def say(self, octets: bytes) -> None:
        queue = self.machine.feed(octets)
        while queue:
            event = queue.pop(0)
            self.events.append(event)
            queue = queue + self._answer(event)

    def _answer(self, event: events.Event) -> list[events.Event]:
        machine = self.machine
        match event:
            case events.Command(_, commands.Login() | commands.StartTls() | commands.Logout()):
                machine.log_in()
                return machine.resume()
            case events.Command(_, commands.Authenticate(_, None)):
                return machine.expect_line()
            case events.Command(_, commands.Authenticate()) | events.SaslLine():
                machine.log_in()
                return machine.resume()
            case events.Command(_, commands.Idle()):
                return machine.expect_done()
            case events.LiteralBegin(_, mailbox) if mailbox == REFUSED:
                return machine.refuse_literal()
            case events.LiteralBegin():
                return machine.accept_literal()
            case _:
                return []

    def values(self) -> list[object]:
        """Return the events as values, the chunks of each literal joined."""
        joined: list[object] = []
        chunks: list[bytes] = []
        for event in self.events:
            if isinstance(event, events.LiteralChunk):
                assert len(event.octets) > 0
                chunks.append(event.octets.reveal())
                continue
            if chunks:
                joined.append(b"".join(chunks))
                chunks.clear()
            joined.append(value(event))
        return joined + ([b"".join(chunks)] if chunks else [])


def replay(
    pieces: Iterable[bytes], limits: Limits | None = None, *, logged_in: bool
) -> list[object]:
    """Say the pieces one after the other and return the events as values."""
    dialogue = Dialogue(limits, logged_in=logged_in)
    for piece in pieces:
        dialogue.say(piece)
    return dialogue.values()
