"""A configuration profile for the mail programs of iPhones, iPads and Macs.

The password is not in it: the device asks for it, and the person enters an app password.

Source: Apple, Configuration Profile Reference, payload `com.apple.mail.managed`.
"""

import plistlib
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from mailserver.model.address import Address
from mailserver.runtime.settings import Settings, Tls
from webui.public.mail_servers import MailServer, mail_servers

MEDIA_TYPE = "application/x-apple-aspen-config"


def profile(settings: Settings, address: Address) -> bytes:
    """Write the profile of `address`; the same address gets the same identifiers each time."""
    account = str(address)
    servers = mail_servers(settings)
    name = f"zegel:{settings.hostname.lower()}:{account}"
    payload: dict[str, Any] = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{_reversed(address.domain)}.mail.account",
        "PayloadUUID": _uuid(f"{name}:account"),
        "PayloadDisplayName": account,
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAccountDescription": account,
        "EmailAddress": account,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    for prefix, protocol in (("Incoming", "imap"), ("Outgoing", "smtp")):
        server = next((one for one in servers if one.protocol == protocol), None)
        if server is not None:
            payload.update(_server(prefix, server, account))
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"{_reversed(address.domain)}.mail",
            "PayloadUUID": _uuid(name),
            "PayloadDisplayName": account,
            "PayloadOrganization": address.domain,
            "PayloadRemovalDisallowed": False,
            "PayloadContent": [payload],
        },
        fmt=plistlib.FMT_XML,
    )


def _server(prefix: str, server: MailServer, account: str) -> dict[str, Any]:
    return {
        f"{prefix}MailServerHostName": server.host,
        f"{prefix}MailServerPortNumber": server.port,
        f"{prefix}MailServerUseSSL": server.tls is not Tls.NONE,
        f"{prefix}MailServerUsername": account,
        f"{prefix}MailServerAuthentication": "EmailAuthPassword",
    }


def _reversed(domain: str) -> str:
    return ".".join(reversed(domain.split(".")))


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name)).upper()
