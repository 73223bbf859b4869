"""Asking for a right without an account: a letter with a link proves the address first.

    form ─► letter to the address (nothing is kept) ─► link, button ─► the register, with its term

What was filled in travels sealed within the link, so that nothing of a request that nobody
confirmed stays here; what its writer has to say beside it is written at the link's end, for a line
of mail holds no more (RFC 5322 §2.1.1). The link is good for 48 hours; used again it names the same
request. Whoever
asks gets the same answer, whether or not anything is known of the address, and is never asked for a
copy of an identity card. Source: GDPR Art. 12(2), (6); PRIVACY §14.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Corrupt, PeerFault, Refused
from mailserver.model.ids import ObjectId, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.privacy.erasure import Post
from mailserver.privacy.request import Request, Right, Source
from mailserver.privacy.request_form_texts import letter
from mailserver.privacy.requests import Requests
from mailserver.runtime.clock import Clock
from mailserver.vault.guard import InstanceGuard, Kind

GOOD_FOR = timedelta(hours=48)
WORDS = 500
PATH = "/trust/request"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a form was filled in with."""

    right: Right
    address: str


class RequestForm:
    """Takes requests from people who have no account here."""

    def __init__(
        self,
        requests: Requests,
        guard: InstanceGuard,
        clock: Clock,
        *,
        post: Post | None,
        sender: str,
        organisation: str,
    ) -> None:
        """Write into `requests`; letters come from the address `sender`. None: none leave."""
        self._requests = requests
        self._guard = guard
        self._clock = clock
        self._post = post
        self._sender = sender
        self._organisation = organisation

    @property
    def posts(self) -> bool:
        """Whether letters leave this server: without them no address can be proved."""
        return self._post is not None

    async def ask(self, wish: Wish, language: str, origin: str) -> None:
        """Send the letter; `origin` is where its link leads.

        Raises:
            PeerFault: BAD_ADDRESS.
            Refused: NOT_PERMITTED, no letter leaves this server.
            Transient: the queue does not take it.
        """
        if self._post is None:
            raise Refused(Condition.NOT_PERMITTED, "this server sends no mail to others")
        to = Address.parse(wish.address)
        link = f"{origin}{PATH}/{self._sealed(wish)}"
        octets = letter(
            *(self._sender, to, language, self._organisation, link, self._clock.now()),
        )
        await self._post(octets, to)

    def read(self, token: str) -> tuple[ObjectId, Wish]:
        """Return what a link says.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, it is none of ours, or too old.
        """
        try:
            octets = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            name = ObjectId(octets[:16])
            said = json.loads(self._guard.open(Kind.FORM, name, Guarded(octets[16:])))
        except (Corrupt, UnicodeEncodeError, binascii.Error, ValueError):
            raise _absent() from None
        if datetime.fromisoformat(said["until"]) <= self._clock.now():
            raise _absent()
        return name, Wish(Right(said["right"]), said["address"])

    async def confirm(self, token: str, words: str) -> Request:
        """Write down what a link says, since its writer has shown that the address is his.

        Args:
            token: of the link.
            words: what he says beside it.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
            PeerFault: BAD_SYNTAX, the words are too long.
            Conflict: others write just now.
        """
        name, wish = self.read(token)
        if len(words) > WORDS:
            raise PeerFault(Condition.BAD_SYNTAX, f"say it in {WORDS} letters")
        for one in await self._requests.listing():
            if one.form == name.hex():
                return one
        return await self._requests.receive(
            wish.right, Source.FORM, wish.address, words=words, form=name.hex()
        )

    def _sealed(self, wish: Wish) -> str:
        name, until = new_object_id(), self._clock.now() + GOOD_FOR
        said = {
            "right": wish.right.value,
            "address": wish.address,
            "until": until.isoformat(),
        }
        sealed = self._guard.seal(Kind.FORM, name, json.dumps(said).encode())
        return base64.urlsafe_b64encode(name + sealed).rstrip(b"=").decode()


def _absent() -> Absent:
    return Absent(Condition.NO_SUCH_CREDENTIAL, "this link is not, or no longer, good")
