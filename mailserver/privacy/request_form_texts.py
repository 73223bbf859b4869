"""The letter that proves the address of who asks for a right without an account."""

import secrets
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mailserver.model.address import Address

_TEXTS = {
    "en": (
        "Confirm your request",
        "Somebody, probably you, asked {organisation} about personal data and gave this address.\n"
        "To send the request, open this link within 48 hours and press the button:\n\n{link}\n\n"
        "If it was not you, do nothing: nothing is kept.\n",
    ),
    "nl": (
        "Bevestig uw verzoek",
        "Iemand, waarschijnlijk u, heeft {organisation} iets gevraagd over persoonsgegevens en\n"
        "dit adres opgegeven. Wilt u het verzoek versturen, open dan binnen 48 uur deze link en\n"
        "druk op de knop:\n\n{link}\n\nWas u het niet, doe dan niets: er wordt niets bewaard.\n",
    ),
    "de": (
        "Bestätigen Sie Ihr Anliegen",
        "Jemand, wahrscheinlich Sie, hat {organisation} etwas zu personenbezogenen Daten gefragt\n"
        "und diese Adresse angegeben. Um das Anliegen zu senden, öffnen Sie innerhalb von 48\n"
        "Stunden diesen Link und drücken Sie den Knopf:\n\n{link}\n\n"
        "Waren Sie es nicht, tun Sie nichts: Es wird nichts aufbewahrt.\n",
    ),
    "fr": (
        "Confirmez votre demande",
        "Quelqu'un, sans doute vous, a demandé à {organisation} quelque chose sur des données\n"
        "personnelles et a donné cette adresse. Pour envoyer la demande, ouvrez ce lien dans les\n"
        "48 heures et appuyez sur le bouton :\n\n{link}\n\n"
        "Si ce n'était pas vous, ne faites rien : rien n'est gardé.\n",
    ),
}


def letter(
    sender: str, to: Address, language: str, organisation: str, link: str, at: datetime
) -> bytes:
    """Write the letter; CRLF. Raises KeyError: no such language."""
    subject, text = _TEXTS[language]
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = str(to)
    message["Subject"] = subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    # Lines as they are: a link that a quoted-printable break cuts is a link that nobody can use.
    message.set_content(text.format(organisation=organisation, link=link), cte="8bit")
    return message.as_bytes()
