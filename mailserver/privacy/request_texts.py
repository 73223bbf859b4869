"""What a person who asked is told, in four languages: drafts, for somebody to read and send.

Source: GDPR Art. 12(4) for what a refusal says; Art. 28(3)(e) for requests that are another's.
"""

from mailserver.privacy.legal_profile import Authority
from mailserver.privacy.request import Request

LANGUAGES = ("en", "nl", "de", "fr")

_FORWARDED = {
    "en": "We received your request of {day}. The data it is about are those of {controller}, who"
    " decides on them; we have handed your request on and they will answer you.",
    "nl": "We hebben uw verzoek van {day} ontvangen. De gegevens waarover het gaat, zijn die van"
    " {controller}, die daarover beslist; we hebben uw verzoek doorgegeven en zij antwoorden u.",
    "de": "Wir haben Ihr Anliegen vom {day} erhalten. Über die Daten, um die es geht, entscheidet"
    " {controller}; wir haben es dorthin weitergegeben, und Sie erhalten von dort Antwort.",
    "fr": "Nous avons reçu votre demande du {day}. Les données concernées relèvent de"
    " {controller}, qui en décide ; nous lui avons transmis votre demande et il vous répondra.",
}
_REFUSED = {
    "en": "We cannot grant your request of {day}: {reason} You may complain to {authority} ({url})"
    " and go to court.",
    "nl": "We kunnen uw verzoek van {day} niet inwilligen: {reason} U kunt een klacht indienen bij"
    " {authority} ({url}) en naar de rechter gaan.",
    "de": "Wir können Ihrem Anliegen vom {day} nicht entsprechen: {reason} Sie können sich bei"
    " {authority} beschweren ({url}) und vor Gericht klagen.",
    "fr": "Nous ne pouvons pas donner suite à votre demande du {day} : {reason} Vous pouvez"
    " introduire une réclamation auprès de {authority} ({url}) et saisir la justice.",
}


def forwarded(request: Request, language: str) -> str:
    """Tell who asked that another will answer. Raises KeyError: no such language."""
    day = f"{request.received_at:%Y-%m-%d}"
    return _FORWARDED[language].format(day=day, controller=request.controller)


def refused(request: Request, language: str, authority: Authority) -> str:
    """Tell who asked why nothing is done, and where to complain. Raises KeyError."""
    return _REFUSED[language].format(
        day=f"{request.received_at:%Y-%m-%d}",
        reason=request.reason,
        authority=authority.name,
        url=authority.url,
    )
