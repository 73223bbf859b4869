"""What the rules go by: plain values about one message, gathered elsewhere.

Words of results (`pass`, `fail` …) are those of RFC 8601 §2.7, so that no rule depends on how they
were found out.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Authenticity:
    """What authentication found."""

    spf: str = "none"
    dkim: str = "none"
    """The best of all signatures."""
    dmarc: str = "none"
    arc: str = "none"
    authors: int = 1
    """How many From fields there are."""
    voucher: str = ""
    """The domain that answers for the message; empty if none does."""

    @property
    def vouched(self) -> bool:
        """Whether any domain at all answers for the message."""
        return "pass" in (self.spf, self.dkim, self.dmarc)


@dataclass(frozen=True, slots=True)
class Connection:
    """What the connection shows of its other end."""

    near: bool = False
    """Whether it comes from this machine or a private network."""
    helo: str = ""
    ours: frozenset[str] = frozenset()
    """Names that are ours alone: the host's, and the domains we take mail for."""
    reverse: str | None = ""
    """A host name of the address, empty without one, None where DNS did not say."""
    confirmed: bool = True
    """Whether that name leads back to the address (RFC 8601 §3, iprev)."""
    ip: str = ""
    listed: tuple[tuple[str, float], ...] = ()
    """Who lists the address, and what that costs; empty unless the settings name lists."""


@dataclass(frozen=True, slots=True)
class Content:
    """What the message itself shows."""

    date: int | None = 0
    """Its Date in seconds since 1970; None without one that can be read."""
    now: int = 0
    has_message_id: bool = True
    has_recipients: bool = True
    """Whether it names anybody in To or Cc."""
    named_recipients: int = 1
    envelope_recipients: int = 1
    subject: str = ""
    answers: bool = False
    """Whether it names a message that it answers."""
    author_domain: str = ""
    author_name: str = ""
    """What stands beside the author's address."""
    reply_domain: str = ""
    """Where answers go; empty where that is the author."""
    html: bool = False
    plain: bool = True
    """Whether there is a text part for those who do not read HTML."""
    images: int = 0
    letters: int = 1_000
    """Readable characters."""
    misleading_links: int = 0
    """Links whose text shows another host than they lead to."""
    bare_links: int = 0
    """Links to an IP address."""
    listed: tuple[tuple[str, float], ...] = ()
    """Who lists domains that occur in it."""
    known_domains: frozenset[str] = frozenset()
    """Our own domains, which others might want to look like."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How those who vouch for the message, or else its network, have fared here of late."""

    good: float = 0.0
    bad: float = 0.0
    """Messages, weighted by age."""
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything of one message that holds for all who get it."""

    authenticity: Authenticity = field(default=Authenticity())
    connection: Connection = field(default=Connection())
    content: Content = field(default=Content())
    standing: Standing = field(default=Standing())


@dataclass(frozen=True, slots=True)
class Personal:
    """What only one reader's account knows."""

    wrote_to: bool = False
    heard_from: bool = False
    authenticated: bool = False
    """Whether the author is who he says; a forged name is nobody's friend."""
    likeness: float | None = None
    """How much it reads like this reader's junk, 0 to 1; None where too little was learned."""
