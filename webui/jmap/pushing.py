"""Changes and codes → push services (RFC 8620 §7.2): a round a second, while the server runs."""

import asyncio
from typing import Any

import msgspec

from mailserver.mail.push_desk import DuePush, PushDesk
from mailserver.model.errors import MailError
from mailserver.runtime.log import get_logger
from webui.jmap.push import state_change, types_of

ROUND_SECONDS = 1.0

log = get_logger("web")


async def push_rounds(desk: PushDesk) -> None:
    """Push what is due, until cancelled."""
    while True:
        try:
            await push_round(desk)
        except MailError as error:  # what was claimed is due again after a minute
            log.warning("push round failed", condition=error.condition)
        await asyncio.sleep(ROUND_SECONDS)


async def push_round(desk: PushDesk) -> int:
    """Push what is due now; return how many were claimed."""
    due = await desk.due()
    await asyncio.gather(*(desk.push(each, payload_of(each)) for each in due))
    return len(due)


def payload_of(due: DuePush) -> bytes | None:
    """Return the object to push; None where nothing of the wanted types changed."""
    if due.code is not None:
        return _written(
            {
                "@type": "PushVerification",
                "pushSubscriptionId": f"P{due.subscription_id.hex()}",
                "verificationCode": due.code,
            }
        )
    types = types_of(due.changes)
    told = types if due.types is None else types.intersection(due.types)
    if not told:
        return None
    return _written(state_change(f"A{due.account_id.hex()}", told, due.state))


def _written(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)
