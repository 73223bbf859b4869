"""The methods, a module a data type; each module ends with its `MODULE`, listed here."""

from webui.jmap.methods import (
    contacts,
    core,
    email,
    email_write,
    identity,
    mailbox,
    sieve,
    submission,
    thread,
    vacation,
)
from webui.jmap.registry import Registry

REGISTRY = Registry(
    (
        core.MODULE,
        mailbox.MODULE,
        thread.MODULE,
        email.MODULE,
        email_write.MODULE,
        identity.MODULE,
        submission.MODULE,
        contacts.MODULE,
        sieve.MODULE,
        vacation.MODULE,
    )
)
