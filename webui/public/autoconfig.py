"""Thunderbird's configuration file, which K-9, FairEmail and others read too.

Source: the format of config-v1.1.xml, draft-ietf-mailmaint-autoconfig §4.
"""

from xml.etree.ElementTree import Element, SubElement, tostring  # written only, never read

from mailserver.runtime.settings import Settings, Tls
from webui.public.mail_servers import mail_servers

_SOCKETS = {Tls.IMPLICIT: "SSL", Tls.STARTTLS: "STARTTLS", Tls.NONE: "plain"}
_PASSWORD = "password-cleartext"  # noqa: S105 - the format's name of SASL PLAIN inside TLS


def client_config(settings: Settings, domain: str) -> bytes:
    """Write the file for the people of `domain`."""
    root = Element("clientConfig", version="1.1")
    provider = SubElement(root, "emailProvider", id=domain)
    _say(provider, "domain", domain)
    _say(provider, "displayName", domain)
    _say(provider, "displayShortName", domain)
    for server in mail_servers(settings):
        incoming = server.protocol == "imap"
        kind = "incomingServer" if incoming else "outgoingServer"
        element = SubElement(provider, kind, type=server.protocol)
        _say(element, "hostname", server.host)
        _say(element, "port", str(server.port))
        _say(element, "socketType", _SOCKETS[server.tls])
        _say(element, "username", "%EMAILADDRESS%")
        _say(element, "authentication", _PASSWORD)
    octets: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return octets


def _say(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text
