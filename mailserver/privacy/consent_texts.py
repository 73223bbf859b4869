"""The two letters of the consent ledger, in four languages: the question, and the receipt.

The question says nothing but what is asked and by whom: nothing is advertised before somebody said
yes. Source: PRIVACY §14; GDPR Art. 7(2), (3).
"""

from typing import NamedTuple


class Words(NamedTuple):
    """A letter; `{who}`, `{text}` and `{url}` stand for what it is about."""

    subject: str
    text: str


QUESTION = {
    "en": Words(
        "Please confirm: {who}",
        "Somebody, probably you, agreed with this address to the following:\n\n{text}\n\n"
        "If that was you, open this page within 48 hours and say yes:\n\n{url}\n\n"
        "If it was not, do nothing. You get no other letter, and what we know of this address is"
        " erased after seven days.\n\n{who}",
    ),
    "nl": Words(
        "Wilt u dit bevestigen: {who}",
        "Iemand, waarschijnlijk u, heeft met dit adres ingestemd met het volgende:\n\n{text}\n\n"
        "Was u dat, open dan binnen 48 uur deze pagina en zeg ja:\n\n{url}\n\n"
        "Was u het niet, doe dan niets. U krijgt geen andere brief, en wat we van dit adres weten"
        " wordt na zeven dagen gewist.\n\n{who}",
    ),
    "de": Words(
        "Bitte bestätigen: {who}",
        "Jemand, wahrscheinlich Sie, hat mit dieser Adresse Folgendem zugestimmt:\n\n{text}\n\n"
        "Wenn Sie das waren, öffnen Sie innerhalb von 48 Stunden diese Seite und sagen Sie Ja:"
        "\n\n{url}\n\n"
        "Wenn nicht, tun Sie nichts. Sie erhalten keinen weiteren Brief, und was wir von dieser"
        " Adresse wissen, wird nach sieben Tagen gelöscht.\n\n{who}",
    ),
    "fr": Words(
        "Merci de confirmer : {who}",
        "Quelqu'un, sans doute vous, a accepté ceci avec cette adresse :\n\n{text}\n\n"
        "Si c'était vous, ouvrez cette page dans les 48 heures et dites oui :\n\n{url}\n\n"
        "Sinon, ne faites rien. Vous ne recevrez pas d'autre lettre, et ce que nous savons de cette"
        " adresse est effacé après sept jours.\n\n{who}",
    ),
}
RECEIPT = {
    "en": Words(
        "You agreed: {who}",
        "With this address you agreed to the following:\n\n{text}\n\n"
        "You can take it back at any time, without signing in:\n\n{url}\n\n{who}",
    ),
    "nl": Words(
        "U hebt ingestemd: {who}",
        "Met dit adres hebt u ingestemd met het volgende:\n\n{text}\n\n"
        "U kunt dat altijd intrekken, zonder in te loggen:\n\n{url}\n\n{who}",
    ),
    "de": Words(
        "Sie haben zugestimmt: {who}",
        "Mit dieser Adresse haben Sie Folgendem zugestimmt:\n\n{text}\n\n"
        "Sie können das jederzeit widerrufen, ohne sich anzumelden:\n\n{url}\n\n{who}",
    ),
    "fr": Words(
        "Vous avez accepté : {who}",
        "Avec cette adresse, vous avez accepté ceci :\n\n{text}\n\n"
        "Vous pouvez revenir sur cet accord à tout moment, sans vous connecter :"
        "\n\n{url}\n\n{who}",
    ),
}
