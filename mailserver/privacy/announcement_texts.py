"""What customers are told of another processor, in four languages: a letter to read and send.

Source: GDPR Art. 28(2).
"""

from mailserver.privacy.announcements import Announcement

LANGUAGES = ("en", "nl", "de", "fr")

_BEGINS = {
    "en": "From {day} on, {name} ({country}) will process data for us: {role}. Ground: {basis}. If"
    " you do not agree, tell us before that day.",
    "nl": "Vanaf {day} verwerkt {name} ({country}) gegevens voor ons: {role}. Grondslag: {basis}."
    " Bent u het er niet mee eens? Laat het ons dan vóór die dag weten.",
    "de": "Ab dem {day} verarbeitet {name} ({country}) Daten für uns: {role}. Grundlage: {basis}."
    " Wenn Sie nicht einverstanden sind, sagen Sie es uns bitte vor diesem Tag.",
    "fr": "À partir du {day}, {name} ({country}) traitera des données pour nous : {role}."
    " Fondement : {basis}. Si vous n'êtes pas d'accord, dites-le-nous avant ce jour.",
}
_ENDS = {
    "en": "From {day} on, {name} ({country}) will no longer process data for us ({role}).",
    "nl": "Vanaf {day} verwerkt {name} ({country}) geen gegevens meer voor ons ({role}).",
    "de": "Ab dem {day} verarbeitet {name} ({country}) keine Daten mehr für uns ({role}).",
    "fr": "À partir du {day}, {name} ({country}) ne traitera plus de données pour nous ({role}).",
}


def announced(told: Announcement, language: str, organisation: str) -> str:
    """Write the letter, signed by `organisation`. Raises KeyError: no such language."""
    words = (_ENDS if told.ends else _BEGINS)[language].format(
        day=told.begins.isoformat(),
        **{"name": told.name, "country": told.country, "role": told.role, "basis": told.basis},
    )
    return f"{words}\n\n{organisation}"
