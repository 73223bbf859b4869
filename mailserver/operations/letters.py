"""Letters for a first look: our own text, in four languages.

They hold what a mail program must cope with: plain text and HTML beside each other, attachments,
a thread, encoded words and an empty subject.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

NOOR, BRAM = "noor", "bram"
"""Local parts of the two people of the demonstration."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """One letter; `key` names it for replies, `days` says how long ago it was written."""

    key: str
    sender: tuple[str, str]
    to: tuple[str, ...]
    subject: str
    days: float
    text: str
    html: str = ""
    answers: str = ""
    attachment: tuple[str, str, str, str] = ("", "", "", "")
    """File name, type, subtype and text."""


_N, _B = ("Noor de Wit", "noor"), ("Bram Visser", "bram")
_BAKERY = ("Bakkerij De Korenaar", "bestellingen@korenaar.example")
_CHOIR = ("Chœur du Canal", "secretariat@choeur-du-canal.example")
_LIBRARY = ("Stadtbücherei", "ausleihe@buecherei.example")
_BIKES = ("Wheelwrights", "workshop@wheelwrights.example")

_INVOICE = "artikel;aantal;prijs\r\nroggebrood;2;3,80\r\nkrentenbol;6;1,10\r\nspeculaas;1;4,25\r\n"
_PLAN = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Zegel//demo//EN\r\nBEGIN:VEVENT\r\n"
    "UID:walk@demo.test\r\nDTSTAMP:20260301T090000Z\r\nDTSTART:20260314T090000Z\r\n"
    "DTEND:20260314T150000Z\r\nSUMMARY:Walk along the river\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)

_LETTERS = (
    _Letter(
        "welcome",
        ("Zegel", "postmaster"),
        (NOOR, BRAM),
        "This letter was sealed when it arrived",
        30,
        "Hello,\n\nThe server had this letter in memory for a moment, sealed it for you, and\n"
        "forgot the key. What you see was opened just now, with the app password of your\n"
        "mail program. Look into the data directory: you will not find a word of it.\n",
    ),
    _Letter(
        "walk",
        _B,
        (NOOR,),
        "Saturday: the river or the dunes?",
        9,
        "Hi Noor,\n\nThe forecast is good. I thought of the path along the river, fourteen\n"
        "kilometres, with a ferry half-way. The dunes are shorter but windier.\n\nBram\n",
        attachment=("walk.ics", "text", "calendar", _PLAN),
    ),
    _Letter(
        "walk-2",
        _N,
        (BRAM,),
        "Re: Saturday: the river or the dunes?",
        8.8,
        "The river! I bring soup and the good thermos.\n\n"
        "> I thought of the path along the river, fourteen kilometres\n\nNoor\n",
        answers="walk",
    ),
    _Letter(
        "walk-3",
        _B,
        (NOOR,),
        "Re: Saturday: the river or the dunes?",
        8.7,
        "Then I bring bread. Train at 8:52, platform 3.\n\nBram\n",
        answers="walk-2",
    ),
    _Letter(
        "bread",
        _BAKERY,
        (NOOR,),
        "Uw bestelling van zaterdag – afhalen vóór twaalf uur",
        7,
        "Beste klant,\n\nUw brood ligt klaar vanaf acht uur. De rekening zit bij deze brief.\n\n"
        "Met smakelijke groet,\nBakkerij De Korenaar\n",
        "<p>Beste klant,</p><p>Uw brood ligt klaar vanaf <b>acht uur</b>. De rekening zit bij deze"
        " brief.</p><p>Met smakelijke groet,<br>Bakkerij De Korenaar</p>",
        attachment=("rekening élite.csv", "text", "csv", _INVOICE),
    ),
    _Letter(
        "choir",
        _CHOIR,
        (NOOR, BRAM),
        "Répétition déplacée à jeudi",
        6,
        "Chers choristes,\n\nLa répétition de mardi est déplacée à jeudi, même heure, dans la\n"
        "salle du haut. Apportez la partition de Noël, page douze.\n\nÀ jeudi,\nHélène\n",
    ),
    _Letter(
        "library",
        _LIBRARY,
        (BRAM,),
        "Ihre Vormerkung liegt bereit: „Der Wärmehaushalt alter Häuser“",
        5,
        "Guten Tag,\n\ndas vorgemerkte Buch liegt bis Freitag für Sie bereit. Bitte bringen Sie\n"
        "Ihren Ausweis mit. Säumnisgebühren fallen keine an.\n\nIhre Stadtbücherei\n",
    ),
    _Letter(
        "bike",
        _BIKES,
        (BRAM,),
        "Your bicycle is ready",
        3,
        "Dear Mr Visser,\n\nNew chain, new brake blocks, and the bell rings again. We also\n"
        "tightened the mudguard; no charge.\n\nWheelwrights\n",
        "<p>Dear Mr Visser,</p><ul><li>New chain</li><li>New brake blocks</li><li>The bell rings"
        " again</li></ul><p>We also tightened the mudguard; no charge.</p>",
    ),
    _Letter(
        "minutes",
        _N,
        (BRAM,),
        "Minutes of the garden meeting",
        2,
        "Hi Bram,\n\nShort version: the pear tree stays, the shed goes, you dig.\nLong version"
        " attached.\n\nNoor\n",
        attachment=(
            "minutes.md",
            "text",
            "markdown",
            "# Garden\r\n\r\n1. The pear tree stays.\r\n2. The shed goes.\r\n3. Bram digs.\r\n",
        ),
    ),
    _Letter("nothing", _B, (NOOR,), "", 1, "Forgot the subject. Again. See you tonight!\n"),
)


def letters(domain: str, now: datetime) -> Iterator[tuple[str, str, bytes]]:
    """Yield each letter once a reader: local part, the sender's address, the message's octets.

    They are in the order in which they were written; `now` must be aware.
    """
    for letter in _LETTERS:
        message = _compose(letter, domain, now)
        octets = message.as_bytes(policy=SMTP)
        for reader in letter.to:
            yield reader, _full(letter.sender[1], domain), octets


def _compose(letter: _Letter, domain: str, now: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    name, address = letter.sender
    message["From"] = HeaderAddress(name, addr_spec=_full(address, domain))
    message["To"] = tuple(HeaderAddress(addr_spec=_full(to, domain)) for to in letter.to)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(now - timedelta(days=letter.days))
    message["Message-ID"] = f"<{letter.key}@{domain}>"
    if letter.answers:
        message["In-Reply-To"] = f"<{letter.answers}@{domain}>"
        message["References"] = f"<{letter.answers}@{domain}>"
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(f"<html><body>{letter.html}</body></html>", subtype="html")
    file_name, kind, subtype, content = letter.attachment
    if file_name:
        octets = content.encode()
        message.add_attachment(octets, maintype=kind, subtype=subtype, filename=file_name)
    return message


def _full(address: str, domain: str) -> str:
    return address if "@" in address else f"{address}@{domain}"
