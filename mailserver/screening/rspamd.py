"""Spam, as an rspamd of this machine sees it: one HTTP request a message.

What rspamd knows beyond the message (client, HELO, sender, recipients) goes in header fields of the
request. Its own lists and fuzzy hashes ask third parties unless its configuration says otherwise;
`docs/spam.md` has the one that does not.

Source: rspamd's "Protocol" page, /checkv2.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.errors import Condition, Transient
from mailserver.screening.opinion import Advice, Opinion, Reason

SECONDS = 30.0
REPLY_OCTETS = 1024 * 1024
SYMBOLS = 20

_ADVICE = {
    "no action": Advice.ACCEPT,
    "greylist": Advice.ACCEPT,  # doubtful: it says so again however often the message comes
    "add header": Advice.JUNK,
    "rewrite subject": Advice.JUNK,
    "soft reject": Advice.DELAY,
    "reject": Advice.REJECT,
}


@dataclass(frozen=True, slots=True)
class Traits:
    """What the transaction says of the message."""

    client: Client
    sender: Address | None
    recipients: Sequence[Address]


class Rspamd:
    """One rspamd worker."""

    def __init__(self, url: str, password: str = "", seconds: float = SECONDS) -> None:
        """Ask the worker at `url`, `http://127.0.0.1:11333`."""
        headers = {"Password": password} if password else {}
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=seconds, trust_env=False
        )

    async def check(self, octets: bytes, traits: Traits) -> Opinion:
        """Return what rspamd thinks.

        Raises:
            Transient: UNAVAILABLE, it does not answer in time, or not with an opinion.
        """
        try:
            answer = await self._http.post("/checkv2", content=octets, headers=_headers(traits))
            answer.raise_for_status()
            if len(answer.content) > REPLY_OCTETS:
                raise ValueError("more than an opinion")
            return _opinion(json.loads(answer.content))
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise Transient(Condition.UNAVAILABLE, "rspamd does not answer") from fault

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()


def _headers(traits: Traits) -> list[tuple[str, str]]:
    said = [
        ("IP", traits.client.ip),
        ("Helo", traits.client.helo),
        ("From", str(traits.sender or "")),
        *(("Rcpt", str(recipient)) for recipient in traits.recipients),
    ]
    return [(name, _ascii(value)) for name, value in said if value]


def _ascii(value: str) -> str:
    """Spell what is beyond ASCII or no text at all so that it is a header field's value."""
    return value.encode("ascii", "backslashreplace").decode().translate(_CONTROLS)


_CONTROLS = {code: "?" for code in (*range(32), 127)}


def _opinion(answer: Mapping[str, Any]) -> Opinion:
    advice = _ADVICE[answer["action"]]
    symbols = sorted(answer.get("symbols", {}).values(), key=lambda symbol: -abs(symbol["score"]))
    reasons = tuple(
        Reason(
            name=str(symbol["name"])[:64],
            points=float(symbol["score"]),
            text=str(symbol.get("description") or symbol["name"])[:200],
        )
        for symbol in symbols[:SYMBOLS]
        if symbol["score"]
    )
    doubtful = answer["action"] == "greylist"
    return Opinion(advice, float(answer["score"]), reasons, doubtful=doubtful)
