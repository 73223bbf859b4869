import os
import smtplib
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime
from pathlib import Path

texts = Path("texts")
when = format_datetime(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


def new(subject: str, number: int) -> EmailMessage:
    m = EmailMessage(policy=policy.SMTP)
    m["From"] = Address("Klerk, van Zegelveen – é", "clerk", "zegel.test")
    m["To"] = Address("Anna Jansen", "jansen", "example.test")
    m["Subject"] = subject
    m["Date"] = when
    m["Message-ID"] = f"<python.{number}@zegel.test>"
    return m


one = new("Vergunning voor de sluis – bevestiging van ontvangst van uw aanvraag van maart", 1)
one.set_content((texts / "brief.txt").read_text(), cte="quoted-printable")
two = new("Nieuwsbrief", 2)
two.set_content((texts / "long.txt").read_text())
two.add_alternative((texts / "page.html").read_text(), subtype="html")
_, page = two.iter_parts()
page.add_related((texts / "zegel.png").read_bytes(), "image", "png", cid="<foto@zegel.test>")
two.add_attachment(
    (texts / "zegel.png").read_bytes(),
    maintype="image",
    subtype="png",
    filename="sluis & brug – foto.png",
)
three = new("Fwd: Nieuwsbrief", 3)
three["In-Reply-To"] = "<python.2@zegel.test>"
three["References"] = "<python.1@zegel.test> <python.2@zegel.test>"
three.set_content("Zie hieronder.\n")
three.add_attachment(two)
four = new("Groep", 4)
del four["To"]
four["To"] = (
    Group("Raadsleden", (Address("A", "a", "example.test"), Address("B", "b", "example.test"))),
    Group("leeg"),
)
four.set_content("Groepspost.\n")
five = MIMEMultipart("mixed")
five["From"], five["To"], five["Subject"], five["Date"] = (
    "clerk@zegel.test",
    "jansen@example.test",
    "latin",
    when,
)
five["Message-ID"] = "<python.5@zegel.test>"
five.attach(MIMEText("Ça coûte 5 €\n", "plain", "iso-8859-15"))
five.attach(MIMEText("Привет, мир\n", "plain", "koi8-r"))
five.attach(MIMEText("日本語の手紙\n", "plain", "iso-2022-jp"))
six = new("8bit utf-8", 6)
six.set_content((texts / "lettre.txt").read_text(), cte="8bit")
with smtplib.SMTP("127.0.0.1", int(os.environ["PORT"]), local_hostname="zegel.test") as smtp:
    for message in (one, two, three, four, five, six):
        smtp.send_message(message)
