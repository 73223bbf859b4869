"""What a report says to people, in the four languages of the product.

A sentence for the reader of the report, another for each recipient; the reason is told in plain
words where the status code (RFC 3463) has a meaning people can act on, and the other server's own
words always follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Action(Enum):
    """What became of a recipient. Source: RFC 3464 §2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class Reason(Enum):
    """Why, as far as people can act on it."""

    NO_SUCH_USER = "no such user"
    NO_SUCH_DOMAIN = "no such domain"
    FULL = "full"
    TOO_LARGE = "too large"
    UNREACHABLE = "unreachable"
    EXPIRED = "expired"
    REFUSED = "refused"
    NO_TLS = "no tls"
    LOOP = "loop"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `{host}`, `{until}` and `{said}` are filled in."""

    name: str
    """What the sender of reports is called."""
    subjects: Mapping[Action, str]
    beginnings: Mapping[Action, str]
    reasons: Mapping[Reason, str]
    retry: str
    said: str
    told: str
    """What the sentence says where it is our own word."""
    copy: str
    headers: str
    date: str
    """How an instant is written, for `strftime`; UTC."""


_REASONS = {
    "1.1": Reason.NO_SUCH_USER,
    "1.6": Reason.NO_SUCH_USER,
    "1.2": Reason.NO_SUCH_DOMAIN,
    "1.10": Reason.NO_SUCH_DOMAIN,
    "2.2": Reason.FULL,
    "2.3": Reason.TOO_LARGE,
    "3.4": Reason.TOO_LARGE,
    "4.1": Reason.UNREACHABLE,
    "4.2": Reason.UNREACHABLE,
    "4.3": Reason.UNREACHABLE,
    "4.4": Reason.NO_SUCH_DOMAIN,
    "4.6": Reason.LOOP,
    "4.7": Reason.EXPIRED,
    "7.4": Reason.NO_TLS,
    "7.5": Reason.NO_TLS,
    "7.10": Reason.NO_TLS,
    "7.30": Reason.NO_TLS,
}


def reason_of(status: str) -> Reason:
    """Say what an enhanced status code means to people. Source: RFC 3463 §3, RFC 5248."""
    _, _, detail = status.partition(".")
    if detail in _REASONS:
        return _REASONS[detail]
    return Reason.REFUSED if detail.startswith("7.") else Reason.OTHER


_ENGLISH = Words(
    name="Mail delivery",
    subjects={
        Action.FAILED: "Your message was not delivered",
        Action.DELAYED: "Your message is delayed",
        Action.DELIVERED: "Your message was delivered",
        Action.RELAYED: "Your message was passed on",
        Action.EXPANDED: "Your message was sent on to a group",
    },
    beginnings={
        Action.FAILED: "Your message could not be delivered to these recipients. It will not be "
        "tried again.",
        Action.DELAYED: "Your message could not be delivered to these recipients yet. You need "
        "not do anything: it is being tried again.",
        Action.DELIVERED: "Your message was delivered to these recipients.",
        Action.RELAYED: "Your message was passed on to these recipients' mail server, which does "
        "not report deliveries. You will hear no more of it unless it fails.",
        Action.EXPANDED: "Your message reached these groups and was sent on to their members. "
        "Their deliveries are not reported.",
    },
    reasons={
        Reason.NO_SUCH_USER: "There is no such address. Check it for mistakes.",
        Reason.NO_SUCH_DOMAIN: "The part behind the @ takes no mail. Check it for mistakes.",
        Reason.FULL: "The mailbox is full. Tell the recipient in another way.",
        Reason.TOO_LARGE: "The message is too large for the recipient's mail server.",
        Reason.UNREACHABLE: "The recipient's mail server does not answer.",
        Reason.EXPIRED: "It was tried again and again, until its time was over.",
        Reason.REFUSED: "The recipient's mail server does not want this message.",
        Reason.NO_TLS: "The recipient's mail server offers no connection as safe as this message "
        "asks for.",
        Reason.LOOP: "The message went in a circle between mail servers.",
        Reason.OTHER: "",
    },
    retry="It is tried until {until}.",
    said="The mail server {host} said: {said}",
    told="The reason: {said}",
    copy="Your message is attached.",
    headers="The header of your message is attached.",
    date="%Y-%m-%d %H:%M UTC",
)

_DUTCH = Words(
    name="Postbezorging",
    subjects={
        Action.FAILED: "Uw bericht is niet bezorgd",
        Action.DELAYED: "Uw bericht is vertraagd",
        Action.DELIVERED: "Uw bericht is bezorgd",
        Action.RELAYED: "Uw bericht is doorgegeven",
        Action.EXPANDED: "Uw bericht is aan een groep doorgestuurd",
    },
    beginnings={
        Action.FAILED: "Uw bericht kon niet worden bezorgd bij deze ontvangers. Het wordt niet "
        "opnieuw geprobeerd.",
        Action.DELAYED: "Uw bericht kon nog niet worden bezorgd bij deze ontvangers. U hoeft niets "
        "te doen: het wordt opnieuw geprobeerd.",
        Action.DELIVERED: "Uw bericht is bezorgd bij deze ontvangers.",
        Action.RELAYED: "Uw bericht is doorgegeven aan de mailserver van deze ontvangers, die "
        "bezorging niet meldt. U hoort er alleen nog van als het misgaat.",
        Action.EXPANDED: "Uw bericht heeft deze groepen bereikt en is doorgestuurd aan de leden. "
        "De bezorging bij hen wordt niet gemeld.",
    },
    reasons={
        Reason.NO_SUCH_USER: "Dit adres bestaat niet. Controleer het op fouten.",
        Reason.NO_SUCH_DOMAIN: "Het deel achter de @ neemt geen post aan. Controleer het op "
        "fouten.",
        Reason.FULL: "De mailbox is vol. Laat het de ontvanger op een andere manier weten.",
        Reason.TOO_LARGE: "Het bericht is te groot voor de mailserver van de ontvanger.",
        Reason.UNREACHABLE: "De mailserver van de ontvanger antwoordt niet.",
        Reason.EXPIRED: "Het is steeds opnieuw geprobeerd, tot de tijd om was.",
        Reason.REFUSED: "De mailserver van de ontvanger wil dit bericht niet hebben.",
        Reason.NO_TLS: "De mailserver van de ontvanger biedt geen verbinding die zo veilig is als "
        "dit bericht vraagt.",
        Reason.LOOP: "Het bericht liep in een kring tussen mailservers.",
        Reason.OTHER: "",
    },
    retry="Het wordt geprobeerd tot {until}.",
    said="De mailserver {host} zei: {said}",
    told="De reden: {said}",
    copy="Uw bericht is bijgevoegd.",
    headers="De kopregels van uw bericht zijn bijgevoegd.",
    date="%d-%m-%Y %H:%M UTC",
)

_GERMAN = Words(
    name="Postzustellung",
    subjects={
        Action.FAILED: "Ihre Nachricht wurde nicht zugestellt",
        Action.DELAYED: "Ihre Nachricht verzögert sich",
        Action.DELIVERED: "Ihre Nachricht wurde zugestellt",
        Action.RELAYED: "Ihre Nachricht wurde weitergegeben",
        Action.EXPANDED: "Ihre Nachricht wurde an eine Gruppe weitergeleitet",
    },
    beginnings={
        Action.FAILED: "Ihre Nachricht konnte diesen Empfängern nicht zugestellt werden. Es wird "
        "nicht noch einmal versucht.",
        Action.DELAYED: "Ihre Nachricht konnte diesen Empfängern noch nicht zugestellt werden. Sie "
        "brauchen nichts zu tun: Es wird weiter versucht.",
        Action.DELIVERED: "Ihre Nachricht wurde diesen Empfängern zugestellt.",
        Action.RELAYED: "Ihre Nachricht wurde an den Mailserver dieser Empfänger weitergegeben, "
        "der Zustellungen nicht meldet. Sie hören nur noch davon, wenn es misslingt.",
        Action.EXPANDED: "Ihre Nachricht hat diese Gruppen erreicht und wurde an die Mitglieder "
        "weitergeleitet. Die Zustellung an sie wird nicht gemeldet.",
    },
    reasons={
        Reason.NO_SUCH_USER: "Diese Adresse gibt es nicht. Prüfen Sie sie auf Fehler.",
        Reason.NO_SUCH_DOMAIN: "Der Teil hinter dem @ nimmt keine Post an. Prüfen Sie ihn auf "
        "Fehler.",
        Reason.FULL: "Das Postfach ist voll. Sagen Sie es dem Empfänger auf anderem Weg.",
        Reason.TOO_LARGE: "Die Nachricht ist zu groß für den Mailserver des Empfängers.",
        Reason.UNREACHABLE: "Der Mailserver des Empfängers antwortet nicht.",
        Reason.EXPIRED: "Es wurde immer wieder versucht, bis die Frist um war.",
        Reason.REFUSED: "Der Mailserver des Empfängers will diese Nachricht nicht haben.",
        Reason.NO_TLS: "Der Mailserver des Empfängers bietet keine so sichere Verbindung, wie "
        "diese Nachricht sie verlangt.",
        Reason.LOOP: "Die Nachricht lief im Kreis zwischen Mailservern.",
        Reason.OTHER: "",
    },
    retry="Es wird bis {until} versucht.",
    said="Der Mailserver {host} sagte: {said}",
    told="Der Grund: {said}",
    copy="Ihre Nachricht ist beigefügt.",
    headers="Die Kopfzeilen Ihrer Nachricht sind beigefügt.",
    date="%d.%m.%Y %H:%M UTC",
)

_FRENCH = Words(
    name="Distribution du courrier",
    subjects={
        Action.FAILED: "Votre message n’a pas été remis",
        Action.DELAYED: "Votre message est retardé",
        Action.DELIVERED: "Votre message a été remis",
        Action.RELAYED: "Votre message a été transmis",
        Action.EXPANDED: "Votre message a été envoyé à un groupe",
    },
    beginnings={
        Action.FAILED: "Votre message n’a pas pu être remis à ces destinataires. Il n’y aura pas "
        "d’autre tentative.",
        Action.DELAYED: "Votre message n’a pas encore pu être remis à ces destinataires. Vous "
        "n’avez rien à faire : les tentatives continuent.",
        Action.DELIVERED: "Votre message a été remis à ces destinataires.",
        Action.RELAYED: "Votre message a été transmis au serveur de ces destinataires, qui ne "
        "signale pas les remises. Vous n’en aurez de nouvelles qu’en cas d’échec.",
        Action.EXPANDED: "Votre message est arrivé à ces groupes et a été envoyé à leurs membres. "
        "Les remises ne sont pas signalées.",
    },
    reasons={
        Reason.NO_SUCH_USER: "Cette adresse n’existe pas. Vérifiez-la.",
        Reason.NO_SUCH_DOMAIN: "La partie derrière @ ne reçoit pas de courrier. Vérifiez-la.",
        Reason.FULL: "La boîte aux lettres est pleine. Prévenez le destinataire autrement.",
        Reason.TOO_LARGE: "Le message est trop grand pour le serveur du destinataire.",
        Reason.UNREACHABLE: "Le serveur du destinataire ne répond pas.",
        Reason.EXPIRED: "Les tentatives se sont répétées jusqu’à la fin du délai.",
        Reason.REFUSED: "Le serveur du destinataire ne veut pas de ce message.",
        Reason.NO_TLS: "Le serveur du destinataire n’offre pas de connexion aussi sûre que ce "
        "message l’exige.",
        Reason.LOOP: "Le message a tourné en rond entre des serveurs.",
        Reason.OTHER: "",
    },
    retry="Les tentatives continuent jusqu’au {until}.",
    said="Le serveur {host} a dit : {said}",
    told="La raison : {said}",
    copy="Votre message est joint.",
    headers="L’en-tête de votre message est joint.",
    date="%d/%m/%Y %H:%M UTC",
)

LANGUAGES: Final[Mapping[str, Words]] = {
    "en": _ENGLISH,
    "nl": _DUTCH,
    "de": _GERMAN,
    "fr": _FRENCH,
}


def words(language: str) -> Words:
    """Return the words of a language tag (`nl`, `de-AT`); English where we have none."""
    return LANGUAGES.get(language.partition("-")[0].lower(), _ENGLISH)
