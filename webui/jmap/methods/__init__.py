"""The methods, a module a data type; each module ends with its `MODULE`, listed here."""

from webui.jmap.methods import (
    blob,
    contacts,
    core,
    email,
    email_parse,
    email_write,
    identity,
    mailbox,
    mdn,
    preference,
    push_subscription,
    quota,
    sieve,
    snippet,
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
        snippet.MODULE,
        quota.MODULE,
        blob.MODULE,
        push_subscription.MODULE,
        push_subscription.WEB_PUSH,
        email_write.MODULE,
        email_parse.MODULE,
        mdn.MODULE,
        identity.MODULE,
        submission.MODULE,
        vacation.MODULE,
        sieve.MODULE,
        contacts.MODULE,
        preference.MODULE,
    )
)
