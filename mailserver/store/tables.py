"""The tables of the main database: ciphertext, and the index that IMAP needs with nobody home.

Every per-account key begins with `account_id`, so that an account's rows lie together and the
schema shards by account. There are no foreign keys: a check on each insert costs a lookup on the
hot path (on PostgreSQL a row lock), one transaction maintains both sides anyway, and `check.py`
proves that they agree.

On SQLite, small rows that are read by ranges are stored in the primary key's tree (WITHOUT ROWID:
an account's entries are then neighbours on disk). Rows with ciphertext keep a rowid, for the
inserts of all accounts then land on the same last page, and pages are full (ADR 6).
"""

from sqlalchemy import BigInteger, Index, LargeBinary, MetaData, Table, Text

from mailserver.store.columns import (
    account_key,
    column,
    epoch,
    guarded,
    hashed,
    instant,
    number,
    object_name,
    sealed,
    small,
    text,
)

metadata = MetaData()

domains = Table(
    "domains",
    metadata,
    text("name", "none", "a domain we take mail for", "domain", key=True),
    instant("created_at", "shown to the administrator", "domain", pd="none"),
    sqlite_with_rowid=False,
)

accounts = Table(
    "accounts",
    metadata,
    account_key(),
    small("state", "whether mail is taken and served (AccountState)", "account", pd="clear"),
    instant("created_at", "shown to the administrator", "account"),
    number("quota_octets", "how much it may hold; 0 is no bound", "account", pd="clear"),
    number("used_octets", "how much it holds", "account", pd="clear"),
    number("modseq", "the change counter: MODSEQ, JMAP state (RFC 7162)", "account"),
    number("pruned_modseq", "changes up to here are no longer in the log", "account"),
    number("next_mailbox", "counter", "account"),
    number("next_email", "counter", "account"),
    number("next_thread", "counter", "account"),
    number("next_epoch", "counter", "account"),
    number("next_keyword", "counter", "account"),
    number("next_segment", "counter", "account"),
    number("next_uid_validity", "only rises, so that a name made anew is told apart", "account"),
    sqlite_with_rowid=False,
)

addresses = Table(
    "addresses",
    metadata,
    text("address", "clear", "finds the account; the keystore decides", "account", key=True),
    column("account_id", LargeBinary(16), "clear", "whose address it is", "account"),
    Index("ix_addresses_account_id", "account_id"),
    sqlite_with_rowid=False,
)

epochs = Table(
    "epochs",
    metadata,
    account_key(),
    epoch("account", key=True),
    small("origin", "delivery or the reader made it", "account"),
    number("generation", "which account key opens it", "account"),
    small("suite", "which algorithms sealed it", "account"),
    sealed("sealed", "the content key, sealed to the account", "account"),
    number("dep_kid", "which master key authenticates it", "account"),
    column("dep_mac", LargeBinary, "none", "proves that we made it (PRIVACY §2)", "account"),
    instant("created_at", "when its key was made", "account"),
    sqlite_with_rowid=False,
)

mailboxes = Table(
    "mailboxes",
    metadata,
    account_key(),
    number("mailbox_id", "number within the account", "mailbox", key=True),
    guarded("name", "the path, as its reader wrote it", "mailbox"),
    hashed("name_hash", "keeps names unique without reading them", "mailbox"),
    column("role", Text, "clear", "special use (RFC 6154)", "mailbox", optional=True),
    number("uid_validity", "RFC 9051 §2.3.1.1", "mailbox"),
    number("uid_next", "the next UID", "mailbox"),
    number("recent_from", "UIDs from here on are \\Recent", "mailbox", pd="clear"),
    number("highest_modseq", "RFC 7162 §3.1.2.1", "mailbox"),
    number("total", "entries in it", "mailbox", pd="clear"),
    number("unseen", "entries without \\Seen", "mailbox", pd="clear"),
    number("deleted", "entries with \\Deleted", "mailbox", pd="clear"),
    number("octets", "sum of its messages' sizes", "mailbox", pd="clear"),
    column(
        "sort_order",
        BigInteger,
        "clear",
        "place among its siblings (RFC 8621 §2)",
        "mailbox",
        optional=True,
    ),
    Index("ix_mailboxes_name_hash", "account_id", "name_hash", unique=True),
    sqlite_with_rowid=False,
)

subscriptions = Table(
    "subscriptions",
    metadata,
    account_key(),
    hashed("name_hash", "which name, without reading it", "account", key=True),
    guarded("name", "the path; it need not exist (RFC 9051 §6.3.7)", "account"),
    sqlite_with_rowid=False,
)

keywords = Table(
    "keywords",
    metadata,
    account_key(),
    number("keyword", "the number that entries hold", "account", key=True),
    guarded("name", "the keyword, as its reader wrote it", "account"),
    hashed("name_hash", "keeps keywords unique without reading them", "account"),
    Index("ix_keywords_name_hash", "account_id", "name_hash", unique=True),
    sqlite_with_rowid=False,
)

emails = Table(
    "emails",
    metadata,
    account_key(),
    number("email_id", "number within the account", "message", key=True),
    object_name("message"),
    epoch("message"),
    number("size_octets", "RFC822.SIZE and quota", "message", pd="clear"),
    instant("internaldate", "when we got it; retention and order", "message"),
    number("thread_id", "which conversation", "message", pd="pseudonym"),
    number("entry_count", "how many mailboxes hold it", "message"),
    sealed("summary", "what lists show: envelope, structure, preview", "message"),
)

blobs = Table(
    "blobs",
    metadata,
    account_key(),
    number(
        "blob_id", "number within the account; an email's blob has its number", "message", key=True
    ),
    object_name("message"),
    small("place", "where the ciphertext lies (Place)", "message"),
    number("sealed_octets", "how long the ciphertext is", "message"),
    column("sha256_ct", LargeBinary(32), "none", "finds a flipped bit without a key", "message"),
    sealed("data", "the message as it came, if it lies here", "message", optional=True),
)

entries = Table(
    "entries",
    metadata,
    account_key(),
    number("mailbox_id", "which mailbox", "message", key=True),
    number("uid", "RFC 9051 §2.3.1.1", "message", key=True),
    number("email_id", "which email", "message"),
    small("flags", "system flags (RFC 9051 §2.3.2)", "message", pd="clear"),
    column(
        "keywords",
        LargeBinary,
        "clear",
        "keyword numbers, two octets each",
        "message",
        optional=True,
    ),
    number("modseq", "RFC 7162: the last change", "message"),
    instant("saved_at", "when it came into this mailbox (RFC 8514)", "message"),
    sqlite_with_rowid=False,
)

list_blocks = Table(
    "list_blocks",
    metadata,
    account_key(),
    number("mailbox_id", "which mailbox", "message", key=True),
    number("first_uid", "lowest UID in it", "message", key=True),
    number("last_uid", "highest UID in it", "message"),
    number("messages", "entries in it; proves that it is complete", "message"),
    object_name("message"),
    epoch("message"),
    sealed("data", "what lists show of many messages, until one of them goes", "message"),
)

changes = Table(
    "changes",
    metadata,
    account_key(),
    number("modseq", "which change", "changes", key=True),
    number("part", "its rows are numbered from 0", "changes", key=True),
    small("kind", "what happened (changes.Kind)", "changes", pd="clear"),
    number("mailbox_id", "where; 0 where no mailbox is meant", "changes"),
    column("numbers", LargeBinary, "clear", "ranges of UIDs or email numbers", "changes"),
    instant("at", "when; prunes the log", "changes"),
    sqlite_with_rowid=False,
)

thread_hashes = Table(
    "thread_hashes",
    metadata,
    account_key(),
    hashed("hash", "a Message-ID of the conversation (PRIVACY §3)", "message", key=True),
    number("thread_id", "which conversation", "message", pd="pseudonym"),
    sqlite_with_rowid=False,
)

search_tails = Table(
    "search_tails",
    metadata,
    account_key("index"),
    number("email_id", "which email", "index", key=True),
    object_name("index"),
    epoch("index"),
    sealed("tail", "words of one message, until a session merges them", "index"),
)

search_segments = Table(
    "search_segments",
    metadata,
    account_key("index"),
    number("segment_id", "number within the account", "index", key=True),
    object_name("index"),
    epoch("index"),
    number("first_email", "lowest email in it", "index"),
    number("last_email", "highest email in it", "index"),
    number("documents", "emails in it", "index"),
    sealed("data", "words of many messages, a frame each", "index"),
)

audit = Table(
    "audit",
    metadata,
    number("seq", "place in the chain", "audit", key=True),
    instant("at", "when it happened", "audit"),
    text("event", "clear", "what happened", "audit"),
    column("subject", LargeBinary, "clear", "the account it concerns", "audit", optional=True),
    column("prev_hash", LargeBinary(32), "none", "chains the entries (PRIVACY §17)", "audit"),
    column("entry", LargeBinary, "guarded", "the entry; personal fields are ciphertext", "audit"),
    column("hash", LargeBinary(32), "none", "chains the entries (PRIVACY §17)", "audit"),
    Index("ix_audit_subject", "subject", "seq"),
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    number("seq", "the last entry it covers", "audit", key=True),
    instant("at", "when it was signed", "audit", pd="none"),
    column("hash", LargeBinary(32), "none", "of that entry", "audit"),
    column("signature", LargeBinary, "none", "Ed25519 over the above", "audit"),
)
