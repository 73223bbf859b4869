"""What identity providers publish, kept for a while: where they are, and what they sign with.

A key that is not known is asked for anew, for providers change theirs; but not more than once a
minute, for anybody can name a key that nobody has. What is older than an hour is read again before
it is believed: a key that was withdrawn is good for no longer.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mailserver.crypto.jose import KEYS_OCTETS, VerifyingKeys
from mailserver.model.errors import Condition, MailError, PeerFault, Transient
from mailserver.protocol.oidc import code_flow, metadata
from mailserver.protocol.oidc.metadata import DOCUMENT_OCTETS, Metadata
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.service_client import ServiceAnswer, ServiceClient

KEPT = timedelta(hours=1)
KEYS_AGAIN = timedelta(minutes=1)
ASKED_AGAIN = timedelta(seconds=5)  # after no answer: who signs in meanwhile is not kept waiting
ISSUERS = 1_000  # a few KB each
_OK = 200
_SERVER_ERROR = 500

log = get_logger("accounts")


class ProviderAway(Transient):
    """The identity provider does not answer, or not as one."""

    reason = "provider_unavailable"

    def __init__(self) -> None:
        """Say so; what is wrong with it is for the operator, in the log."""
        super().__init__(
            Condition.UNAVAILABLE, "your organisation's sign-in does not answer, try again later"
        )


class _Issuer:
    """One provider."""

    def __init__(self) -> None:
        self.reading = asyncio.Lock()
        self.metadata: Metadata | None = None
        self.metadata_at = 0.0
        self.keys: VerifyingKeys | None = None
        self.keys_at = 0.0
        self.failed_at: float | None = None


class Issuers:
    """The providers that this process spoke to lately; used on the event loop only."""

    def __init__(self, client: ServiceClient, clock: Clock) -> None:
        """Ask them by `client`."""
        self._client = client
        self._clock = clock
        self._known: OrderedDict[str, _Issuer] = OrderedDict()

    async def metadata(self, issuer: str) -> Metadata:
        """Return what a provider publishes of itself.

        Raises:
            Transient: UNAVAILABLE (`ProviderAway`).
        """
        known = self._issuer(issuer)
        async with known.reading:
            if known.metadata is None or self._is_old(known.metadata_at):
                octets = await self._fetched(known, metadata.document_url(issuer), DOCUMENT_OCTETS)
                try:
                    known.metadata = metadata.parse(octets, issuer)
                except PeerFault as fault:
                    raise _told(issuer, fault) from fault
                known.metadata_at = self._clock.monotonic()
            return known.metadata

    async def check(self, issuer: str) -> None:
        """See that a provider is there, with keys of use to us. Raises as `metadata`."""
        await self._keys(issuer, await self.metadata(issuer), again=False)

    async def claims(self, issuer: str, token: str) -> Mapping[str, Any]:
        """Return what an ID token says that a provider signed.

        Raises:
            PeerFault, Corrupt: it did not.
            Transient: UNAVAILABLE (`ProviderAway`).
        """
        found = await self.metadata(issuer)
        keys = await self._keys(issuer, found, again=False)
        if not keys.knows(token):
            keys = await self._keys(issuer, found, again=True)
        return keys.verified(token)

    async def id_token(self, found: Metadata, *, client_secret: str, **asked: str) -> str | None:
        """Redeem a code for an ID token; None where the provider will not have it.

        `asked` is what `code_flow.token_request` takes. Nothing else of the answer is kept.

        Raises:
            Transient: UNAVAILABLE (`ProviderAway`).
            PeerFault: BAD_SYNTAX, the answer has no ID token.
        """
        body, fields = code_flow.token_request(found, client_secret=client_secret, **asked)
        try:
            answer = await self._client.post(
                found.token_endpoint, body, fields, most_octets=code_flow.ANSWER_OCTETS
            )
        except Transient as away:
            raise _told(found.issuer, away) from away
        if answer.status >= _SERVER_ERROR:
            raise _told(found.issuer, _wrong_status(answer))
        if answer.status != _OK:
            log.warning("code not redeemed", provider=found.issuer, status=answer.status)
            return None
        return code_flow.id_token(answer.octets)

    async def _keys(self, issuer: str, found: Metadata, *, again: bool) -> VerifyingKeys:
        known = self._issuer(issuer)
        async with known.reading:
            age = self._clock.monotonic() - known.keys_at
            wanted = again and age >= KEYS_AGAIN.total_seconds()
            if known.keys is None or wanted or self._is_old(known.keys_at):
                octets = await self._fetched(known, found.keys_url, KEYS_OCTETS)
                try:
                    known.keys = VerifyingKeys.parse(octets)
                except PeerFault as fault:
                    raise _told(issuer, fault) from fault
                known.keys_at = self._clock.monotonic()
            return known.keys

    async def _fetched(self, known: _Issuer, url: str, most_octets: int) -> bytes:
        now = self._clock.monotonic()
        failed_at, known.failed_at = known.failed_at, now
        if failed_at is not None and now - failed_at < ASKED_AGAIN.total_seconds():
            known.failed_at = failed_at
            raise ProviderAway
        try:
            answer = await self._client.get(url, most_octets=most_octets)
        except Transient as away:
            raise _told(url, away) from away
        if answer.status != _OK:
            raise _told(url, _wrong_status(answer))
        known.failed_at = None
        return answer.octets

    def _is_old(self, read_at: float) -> bool:
        return self._clock.monotonic() - read_at >= KEPT.total_seconds()

    def _issuer(self, issuer: str) -> _Issuer:
        known = self._known.setdefault(issuer, _Issuer())
        self._known.move_to_end(issuer)
        if len(self._known) > ISSUERS:
            self._known.popitem(last=False)
        return known


def _wrong_status(answer: ServiceAnswer) -> Transient:
    return Transient(Condition.UNAVAILABLE, f"it answered with {answer.status}")


def _told(provider: str, error: MailError) -> ProviderAway:
    """Tell the operator what is wrong with a provider."""
    cause = error.__cause__
    why = error.text if cause is None else f"{error.text}: {type(cause).__name__}"
    log.warning("identity provider", provider=provider, why=why)
    return ProviderAway()
