"""The tables of consents: texts, courses and events.

A *course* is one person's yes and no to one purpose. Its row says how things stand now; its events,
which are never changed, prove it. Who the person is and by which way he said it is guarded by the
instance, not by an account: the proof outlives the account (GDPR Art. 7(1)).
"""

from sqlalchemy import Index, LargeBinary, SmallInteger, Table, UniqueConstraint

from mailserver.store.columns import column, guarded, hashed, instant, number, object_name, text
from mailserver.store.tables import metadata

consent_texts = Table(
    "consent_texts",
    metadata,
    number("number", "its number, from 1", "consent", key=True),
    text("purpose", "none", "what is asked for, as the settings name it", "consent"),
    text("language", "none", "en, nl, de or fr", "consent"),
    text("version", "none", "the organisation's own name for this version", "consent"),
    text("body", "none", "what people read", "consent"),
    column("sha256", LargeBinary(32), "none", "of the body", "consent"),
    instant("at", "when it was added", "consent", pd="none"),
    UniqueConstraint("purpose", "language", "version", name="uq_consent_texts_version"),
    sqlite_with_rowid=False,
)

consent_courses = Table(
    "consent_courses",
    metadata,
    hashed("course", "whose, and to which purpose", "consent", key=True),
    hashed("subject", "whose", "consent"),
    number("number", "of its last event", "consent"),
    number("kept", "of its last event that is a proof; those behind it may be erased", "consent"),
    column("state", SmallInteger, "clear", "its last event's kind", "consent"),
    column("settled", SmallInteger, "clear", "the kind of the last event that counts", "consent"),
    instant("changed_at", "when that was", "consent"),
    instant("asked_at", "when it was asked last", "consent"),
    column("customer", SmallInteger, "clear", "1: of an account that is here", "consent"),
    hashed("token", "what confirms it, 48 hours long", "consent"),
    instant("expires_at", "when the token ends; 0 without one", "consent"),
    object_name("consent"),
    guarded("person", "address, account and purpose", "consent"),
    Index("ix_consent_courses_subject", "subject"),
    Index("ix_consent_courses_token", "token"),
    sqlite_with_rowid=False,
)

consent_events = Table(
    "consent_events",
    metadata,
    hashed("course", "of which course", "consent", key=True),
    number("number", "its number there, from 1", "consent", key=True),
    column("kind", SmallInteger, "clear", "granted, confirmed, withdrawn or expired", "consent"),
    number("text", "to which text; 0 to none", "consent"),
    instant("at", "when it was said", "consent"),
    object_name("consent"),
    guarded("detail", "by which way, by whom, and what proves it", "consent"),
    sqlite_with_rowid=False,
)
