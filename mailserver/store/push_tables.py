"""The table of push subscriptions: to which push service whose changes are announced."""

from sqlalchemy import Index, LargeBinary, Table

from mailserver.store.columns import account_key, column, guarded, instant, number
from mailserver.store.tables import metadata

push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    account_key("push"),
    column("subscription_id", LargeBinary(16), "none", "random name", "push", key=True),
    guarded("subscription", "the push service's URL, its keys, and which session asked", "push"),
    number("told", "up to which change it was told; below 0 what is still to be done", "push"),
    number("failures", "how often pushing failed in a row; spaces the next attempts", "push"),
    instant("next_at", "when it may be pushed to again", "push", pd="none"),
    instant("expires_at", "when it ends by itself, a week at most", "push", pd="none"),
    Index("ix_push_subscriptions_next_at", "next_at"),
    sqlite_with_rowid=False,
)
