"""The session object: what the server can do, for whom, and where (RFC 8620 §2)."""

import hashlib
from typing import Any

import msgspec

from webui.jmap.context import Context
from webui.jmap.dispatch import WEBSOCKET
from webui.jmap.registry import Registry
from webui.site import Place, Site


def session_object(registry: Registry, context: Context, place: Place) -> dict[str, Any]:
    """Return the session of `context`'s account; its `state` changes with anything in it."""
    origin, account_id = place.origin, context.account_id
    told = {uri: each.session(context) for uri, each in registry.capabilities.items()}
    capabilities = {uri: value for uri, value in told.items() if value is not None}
    if place.site is Site.API:
        socket = origin.replace("https://", "wss://").replace("http://", "ws://")
        capabilities[WEBSOCKET] = {"url": f"{socket}/jmap/ws", "supportsPush": True}
    of_account = {
        uri: each.account(context)
        for uri, each in registry.capabilities.items()
        if each.account is not None
    }
    session: dict[str, Any] = {
        "capabilities": capabilities,
        "accounts": {
            account_id: {
                "name": context.account.address,
                "isPersonal": True,
                "isReadOnly": False,
                "accountCapabilities": of_account,
            }
        },
        "primaryAccounts": dict.fromkeys(of_account, account_id),
        "username": context.account.address,
        "apiUrl": f"{origin}/jmap",
        "downloadUrl": f"{origin}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?type={{type}}",
        "uploadUrl": f"{origin}/jmap/upload/{{accountId}}",
        "eventSourceUrl": (
            f"{origin}/jmap/events?types={{types}}&closeafter={{closeafter}}&ping={{ping}}"
        ),
    }
    digest = hashlib.sha256(msgspec.json.encode(session, order="sorted")).hexdigest()
    return {**session, "state": digest[:16]}
