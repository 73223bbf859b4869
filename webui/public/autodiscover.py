"""Outlook's autodiscovery: plain old XML, and the JSON that says where it is.

What Outlook sends is XML of a stranger. One element of it matters, so that one is looked for and
nothing is parsed: no document types, no entities, no nesting.

Source: [MS-OXDSCLI] §2.2.3, §2.2.4; Autodiscover v2.
"""

import re
from html import unescape
from xml.etree.ElementTree import Element, SubElement, tostring  # written only, never read

from mailserver.model.address import Address
from mailserver.model.errors import Condition, PeerFault
from mailserver.runtime.settings import Settings, Tls
from webui.public.mail_servers import mail_servers

REQUEST_OCTETS = 16 * 1024
PATH = "/autodiscover/autodiscover.xml"
_ANSWER = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_ADDRESS = re.compile(r"<(?:\w{1,20}:)?EMailAddress>\s*([^<>\s]{3,320})\s*</", re.ASCII)
_KINDS = {"imap": "IMAP", "smtp": "SMTP"}


def asked_for(request: bytes) -> Address:
    """Return the address that Outlook asks for.

    Raises:
        PeerFault: BAD_SYNTAX or BAD_ADDRESS, there is none.
    """
    found = _ADDRESS.search(request[:REQUEST_OCTETS].decode("utf-8", "replace"))
    if found is None:
        raise PeerFault(Condition.BAD_SYNTAX, "there is no EMailAddress in this")
    return Address.parse(unescape(found[1]))


def settings_for(settings: Settings, address: Address) -> bytes:
    """Write the answer with the servers of `address`."""
    root = Element("Autodiscover", xmlns=_ANSWER)
    response = SubElement(root, "Response", xmlns=_OUTLOOK)
    _say(SubElement(response, "User"), "DisplayName", str(address))
    account = SubElement(response, "Account")
    _say(account, "AccountType", "email")
    _say(account, "Action", "settings")
    for server in mail_servers(settings):
        protocol = SubElement(account, "Protocol")
        _say(protocol, "Type", _KINDS[server.protocol])
        _say(protocol, "Server", server.host)
        _say(protocol, "Port", str(server.port))
        _say(protocol, "LoginName", str(address))
        _say(protocol, "DomainRequired", "off")
        _say(protocol, "SPA", "off")
        _say(protocol, "SSL", "on")
        _say(protocol, "Encryption", "SSL" if server.tls is Tls.IMPLICIT else "TLS")
        _say(protocol, "AuthRequired", "on")
        if server.protocol == "smtp":
            _say(protocol, "UsePOPAuth", "off")
            _say(protocol, "SMTPLast", "off")
    octets: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return octets


def refusal(code: int, words: str) -> bytes:
    """Write an error: 600 for a request that is none, 601 where there is nothing to tell."""
    root = Element("Autodiscover", xmlns=_ANSWER)
    error = SubElement(SubElement(root, "Response"), "Error")
    _say(error, "ErrorCode", str(code))
    _say(error, "Message", words)
    SubElement(error, "DebugData")
    octets: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return octets


def version_2(origin: str, protocol: str) -> dict[str, str] | None:
    """Answer Autodiscover v2: where the XML is; None for protocols that are not offered."""
    if protocol.lower() != "autodiscoverv1":
        return None
    return {"Protocol": "AutodiscoverV1", "Url": f"{origin}{PATH}"}


def _say(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text
