"""Who vouches for a message, and who says that it is forged."""

from collections.abc import Iterator

from mailserver.screening.facts import Facts
from mailserver.screening.opinion import Reason

_SPF = {
    "fail": Reason("spf-fail", 3.0, "its sender's domain says that this server may not send it"),
    "softfail": Reason(
        "spf-softfail", 1.5, "its sender's domain says that it seldom comes from this server"
    ),
    "permerror": Reason("spf-broken", 0.5, "its sender's domain has broken rules for mail"),
}
_DMARC = {
    "pass": Reason("dmarc-pass", -1.0, "its author's domain vouches for it"),
    "fail": Reason("dmarc-fail", 2.0, "its author's domain did not send it"),
    "permerror": Reason("dmarc-broken", 1.5, "it does not say clearly who wrote it"),
}
_DKIM_FAIL = Reason("dkim-fail", 1.0, "it was changed after it was signed")
_ARC_FAIL = Reason("arc-fail", 0.5, "the seals of those who passed it on are broken")
_UNVOUCHED = Reason("unvouched", 2.0, "nobody vouches for it")
_FROM_HERE = Reason("claims-to-be-ours", 3.0, "it claims to come from here and does not")
_AUTHORS = Reason("several-authors", 4.0, "it has not exactly one author")


def reasons(facts: Facts) -> Iterator[Reason]:
    """Yield what authentication has to say."""
    found = facts.authenticity
    if found.authors != 1:
        yield _AUTHORS
    if _claims_to_be_ours(facts):
        yield _FROM_HERE
    if found.dmarc in _DMARC:
        yield _DMARC[found.dmarc]
    if found.dmarc == "pass":
        return  # what did not hold besides is how forwarded mail looks
    if found.spf in _SPF:
        yield _SPF[found.spf]
    if found.dkim in ("fail", "policy"):
        yield _DKIM_FAIL
    if found.arc == "fail":
        yield _ARC_FAIL
    if not found.vouched and not facts.connection.near:
        yield _UNVOUCHED


def _claims_to_be_ours(facts: Facts) -> bool:
    """Say whether the author has a domain of the recipients', and that domain does not vouch."""
    author, ours = facts.content.author_domain, facts.content.known_domains
    found = facts.authenticity
    # A name server that is away proves nothing against a message.
    proven = found.dmarc in ("pass", "temperror") or found.voucher == author
    return author in ours and not proven and not facts.connection.near
