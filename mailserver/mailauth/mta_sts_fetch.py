"""Fetching an MTA-STS policy over https: small, soon, from the right host, and nowhere else.

Source: RFC 8461 §3.3, §10.
"""

from datetime import timedelta
from typing import Protocol

from mailserver.model.web_url import WebUrl
from mailserver.runtime.web_client import Trouble, WebClient, WebError

DEADLINE = timedelta(seconds=60)  # RFC 8461 §3.3 suggests a minute
POLICY_OCTETS = 64 << 10  # RFC 8461 §3.3 suggests a limit
PATH = "/.well-known/mta-sts.txt"


class FetchError(Exception):
    """There is no policy to be had; `result` is TLS-RPT's word for why (RFC 8460 §4.3)."""

    def __init__(self, result: str) -> None:
        """Carry the result type."""
        super().__init__(result)
        self.result = result


class Fetch(Protocol):
    """Whatever gets the text of a domain's policy."""

    async def __call__(self, domain: str) -> bytes:
        """Return the policy of `domain`. Raises FetchError."""
        ...


class HttpsFetch:
    """Fetches policies."""

    def __init__(self, web: WebClient, *, deadline: timedelta = DEADLINE) -> None:
        """Ask by `web`."""
        self._web = web
        self._deadline = deadline

    async def __call__(self, domain: str) -> bytes:
        """Return the policy of `domain`; redirections are not followed (RFC 8461 §3.3).

        Raises:
            FetchError: there is none.
        """
        url = WebUrl("https", f"mta-sts.{domain}", PATH)
        try:
            answer = await self._web.get(url, most_octets=POLICY_OCTETS, deadline=self._deadline)
        except WebError as error:
            raise FetchError(_result(error.trouble)) from error
        if answer.status != 200 or answer.type != "text/plain":
            raise FetchError("sts-policy-fetch-error")
        return answer.octets


def _result(trouble: Trouble) -> str:
    match trouble:
        case Trouble.UNTRUSTED:
            return "sts-webpki-invalid"
        case Trouble.TOO_LARGE:
            return "sts-policy-invalid"
        case _:
            return "sts-policy-fetch-error"
