"""Machines of the IMAP grammar with small limits."""

from mailserver.protocol.imap import command as c
from mailserver.protocol.imap.event import (
    Command,
    NeedContinuation,
)
from mailserver.protocol.imap.limits import Limits
from mailserver.protocol.imap.machine import Machine

SMALL = Limits(
    line_octets=100,
    literal_octets=60,
    early_literal_octets=20,
    message_octets=1_000,
    discard_octets=2_000,
)
GO = NeedContinuation(b"go ahead")
NOOP = Command(b"z", c.Noop())


def user(limits: Limits = SMALL) -> Machine:
    machine = Machine(limits)
    machine.log_in()
    return machine


def stranger(limits: Limits = SMALL) -> Machine:
    return Machine(limits)


def alive(machine: Machine) -> bool:
    """Whether it goes on with the next command as if nothing had happened."""
    return machine.feed(b"z NOOP\r\n") == [NOOP]
