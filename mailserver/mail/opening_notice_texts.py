"""The words of what the server writes to people when somebody else looked at their accounts."""

from mailserver.model.notice import Notice

_Words = dict[str, tuple[str, str]]

_ESCROW_OPENED: _Words = {
    "en": (
        "Your organisation opened your mailbox",
        "Two custodians of your organisation opened {address} together and may take one copy of\n"
        "it. The reason they gave: {about}\n"
        "The page Privacy in the webmail shows when this was, and whom you can ask about it.",
    ),
    "nl": (
        "Uw organisatie heeft uw mailbox geopend",
        "Twee bewaarders van uw organisatie hebben {address} samen geopend en mogen er één kopie\n"
        "van maken. De reden die zij gaven: {about}\n"
        "Op de pagina Privacy in de webmail staat wanneer dat was en aan wie u vragen kunt\n"
        "stellen.",
    ),
    "de": (
        "Ihre Organisation hat Ihr Postfach geöffnet",
        "Zwei Treuhänder Ihrer Organisation haben {address} gemeinsam geöffnet und dürfen eine\n"
        "Kopie davon nehmen. Als Grund gaben sie an: {about}\n"
        "Die Seite Datenschutz im Webmail zeigt, wann das war und wen Sie dazu fragen können.",
    ),
    "fr": (
        "Votre organisation a ouvert votre boîte aux lettres",
        "Deux dépositaires de votre organisation ont ouvert ensemble {address} et peuvent en\n"
        "prendre une copie. La raison donnée : {about}\n"
        "La page Vie privée du webmail indique quand cela a eu lieu et à qui vous pouvez\n"
        "poser des questions.",
    ),
}

_TRACED: _Words = {
    "en": (
        "The delivery of your mail is being looked at",
        "Two administrators look at how mail of {address} comes and goes. They see addresses and\n"
        "what became of each message, never its subject or text. When it ends, and what for:\n"
        "{about}\n"
        "What they see is deleted after a day.",
    ),
    "nl": (
        "Er wordt naar de bezorging van uw post gekeken",
        "Twee beheerders bekijken hoe post van {address} binnenkomt en vertrekt. Zij zien\n"
        "adressen en wat er met elk bericht gebeurde, nooit het onderwerp of de tekst. Wanneer\n"
        "het eindigt en waar het voor dient:\n"
        "{about}\n"
        "Wat zij zien wordt na een dag verwijderd.",
    ),
    "de": (
        "Die Zustellung Ihrer Post wird untersucht",
        "Zwei Administratoren sehen sich an, wie Post von {address} kommt und geht. Sie sehen\n"
        "Adressen und was aus jeder Nachricht wurde, nie deren Betreff oder Text. Ende und Grund:\n"
        "{about}\n"
        "Was sie sehen, wird nach einem Tag gelöscht.",
    ),
    "fr": (
        "L'acheminement de votre courrier est examiné",
        "Deux administrateurs examinent comment le courrier de {address} arrive et part. Ils\n"
        "voient les adresses et ce qu'il advient de chaque message, jamais son objet ni son\n"
        "texte. Fin et raison :\n"
        "{about}\n"
        "Ce qu'ils voient est supprimé après un jour.",
    ),
}

OPENING_TEXTS: dict[Notice, _Words] = {
    Notice.ESCROW_OPENED: _ESCROW_OPENED,
    Notice.TRACED: _TRACED,
}
