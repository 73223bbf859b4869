"""The words of the two pages behind links of the consent ledger, in four languages."""

from typing import NamedTuple


class Words(NamedTuple):
    """A page; `{who}` stands for the organisation."""

    title: str
    text: str
    button: str


LANGUAGES = ("en", "nl", "de", "fr")

CONFIRM = {
    "en": Words("Do you agree?", "{who} asks whether you agree to this:", "Yes, I agree"),
    "nl": Words("Stemt u in?", "{who} vraagt of u hiermee instemt:", "Ja, ik stem in"),
    "de": Words("Stimmen Sie zu?", "{who} fragt, ob Sie dem zustimmen:", "Ja, ich stimme zu"),
    "fr": Words("Êtes-vous d'accord ?", "{who} demande si vous acceptez ceci :", "Oui, j'accepte"),
}
CONFIRMED = {
    "en": Words(
        "You agreed",
        "We wrote it down and sent you a letter with a link to take it back. You can also do so"
        " here, now or later:",
        "Take it back",
    ),
    "nl": Words(
        "U hebt ingestemd",
        "We hebben het opgeschreven en u een brief gestuurd met een link om het in te trekken. Dat"
        " kan ook hier, nu of later:",
        "Intrekken",
    ),
    "de": Words(
        "Sie haben zugestimmt",
        "Wir haben es festgehalten und Ihnen einen Brief mit einem Link zum Widerruf geschickt. Sie"
        " können auch hier widerrufen, jetzt oder später:",
        "Widerrufen",
    ),
    "fr": Words(
        "Vous avez accepté",
        "Nous l'avons noté et vous avons envoyé une lettre avec un lien pour revenir sur cet"
        " accord. Vous pouvez aussi le faire ici, maintenant ou plus tard :",
        "Retirer mon accord",
    ),
}
WITHDRAW = {
    "en": Words(
        "No more letters?",
        "{who} will not write to you about this any more. It counts at once.",
        "No more letters",
    ),
    "nl": Words(
        "Geen brieven meer?",
        "{who} schrijft u hierover dan niet meer. Het geldt meteen.",
        "Geen brieven meer",
    ),
    "de": Words(
        "Keine Briefe mehr?",
        "{who} schreibt Ihnen dann darüber nicht mehr. Es gilt sofort.",
        "Keine Briefe mehr",
    ),
    "fr": Words(
        "Plus de lettres ?",
        "{who} ne vous écrira plus à ce sujet. C'est valable tout de suite.",
        "Plus de lettres",
    ),
}
WITHDRAWN = {
    "en": Words("It is done", "{who} does not write to you about this any more.", ""),
    "nl": Words("Het is gebeurd", "{who} schrijft u hierover niet meer.", ""),
    "de": Words("Es ist erledigt", "{who} schreibt Ihnen darüber nicht mehr.", ""),
    "fr": Words("C'est fait", "{who} ne vous écrit plus à ce sujet.", ""),
}
OVER = {
    "en": Words(
        "This link does nothing",
        "It was used, its 48 hours are over, or a part of it is missing. Nothing was changed.",
        "",
    ),
    "nl": Words(
        "Deze link doet niets",
        "Hij is gebruikt, de 48 uur zijn voorbij of er ontbreekt een stuk. Er is niets veranderd.",
        "",
    ),
    "de": Words(
        "Dieser Link bewirkt nichts",
        "Er wurde benutzt, seine 48 Stunden sind vorbei oder es fehlt ein Teil. Nichts wurde"
        " geändert.",
        "",
    ),
    "fr": Words(
        "Ce lien ne fait rien",
        "Il a déjà servi, ses 48 heures sont passées ou il en manque une partie. Rien n'a changé.",
        "",
    ),
}


def language_of(accepted: str) -> str:
    """Choose a language by what a browser accepts, in its own order. Source: RFC 9110 §12.5.4."""
    for part in accepted[:200].split(","):
        language = part.partition(";")[0].strip().lower().partition("-")[0]
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]
