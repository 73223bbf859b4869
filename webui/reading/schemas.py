"""What `/api/mail` takes and gives, as JSON."""

from typing import Annotated

from pydantic import BaseModel, Field

from mailserver.mail import unsubscribing
from mailserver.mail.unsubscribing import Result
from mailserver.model.web_url import CHARACTERS
from webui.account.schemas import Body

EmailName = Annotated[str, Field(pattern=r"^M[1-9][0-9]{0,17}$", examples=["M12"])]
"""An Email's id, as JMAP has it."""
BlobName = Annotated[str, Field(min_length=1, max_length=4_300, pattern=r"^[A-Za-z0-9_-]+$")]
"""A blob's id, likewise."""
PageNumber = Annotated[int, Field(ge=1, le=1_000_000)]
MediaType = Annotated[str, Field(max_length=255)]
Charset = Annotated[str, Field(max_length=64)]


class Allowed(BaseModel):
    """Which helps the organisation allows, its server's name, and how long it keeps what."""

    remote_images: bool
    unsubscribe: bool
    previews: bool
    authserv_id: str
    """Whose `Authentication-Results` the app may believe: nobody else's. Source: RFC 8601 §2.5."""
    trash_days: int
    """How long what was moved to Trash is kept."""
    junk_days: int


class ImageWanted(Body):
    """A picture of an email."""

    email_id: EmailName
    url: Annotated[str, Field(min_length=1, max_length=CHARACTERS)]
    """As the email names it, or as a browser writes it."""


class OneClick(BaseModel):
    """One POST by the server leaves the list. Source: RFC 8058."""

    host: str
    """Whom it goes to."""
    signed_by: str
    """The domain that answers for it."""


class Letter(BaseModel):
    """A letter leaves the list. Source: RFC 6068."""

    to: str
    subject: str
    body: str
    vouched: bool
    """Whether the server may send it; else it is for its reader to look at and send."""


class Offer(BaseModel):
    """How to leave the list that an email came by."""

    one_click: OneClick | None
    mail: Letter | None
    page: str | None
    """A page to open by hand."""

    @classmethod
    def of(cls, offer: unsubscribing.Offer) -> "Offer":
        """Write an offer."""
        click, letter = offer.one_click, offer.letter
        return cls(
            one_click=None
            if click is None
            else OneClick(host=click.host, signed_by=click.signed_by),
            mail=None
            if letter is None
            else Letter(
                to=letter.to, subject=letter.subject, body=letter.body, vouched=offer.vouched
            ),
            page=offer.page or None,
        )


class Leaving(Body):
    """Which list to leave, and how."""

    email_id: EmailName
    by: unsubscribing.Way


class Left(BaseModel):
    """What became of it."""

    result: Result
