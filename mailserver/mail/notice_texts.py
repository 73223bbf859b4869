"""The words of what the server writes to people about their accounts, in four languages.

`{about}` is the address or the number that it is about, `{address}` the account's own name.
"""

from mailserver.mail.opening_notice_texts import OPENING_TEXTS
from mailserver.mail.rights_notice_texts import RIGHTS_TEXTS
from mailserver.mail.sign_in_notice_texts import SIGN_IN_TEXTS
from mailserver.model.notice import Notice

ENGLISH = "en"

_Words = dict[str, tuple[str, str]]

_NEARLY_FULL: _Words = {
    "en": (
        "Your mailbox is {about} % full",
        "Your mailbox {address} is {about} % full. When it is full, new mail is sent back to its\n"
        "senders for a while and then refused. Delete what you no longer need, and empty Trash\n"
        "and Junk.",
    ),
    "nl": (
        "Uw mailbox is voor {about} % vol",
        "Uw mailbox {address} is voor {about} % vol. Als hij vol is, moeten afzenders nieuwe\n"
        "berichten later opnieuw sturen, en ten slotte worden ze geweigerd. Verwijder wat u niet\n"
        "meer nodig hebt en leeg de mappen Trash en Junk.",
    ),
    "de": (
        "Ihr Postfach ist zu {about} % voll",
        "Ihr Postfach {address} ist zu {about} % voll. Ist es ganz voll, müssen Absender neue\n"
        "Nachrichten später noch einmal senden, und schließlich werden sie abgewiesen. Löschen\n"
        "Sie, was Sie nicht mehr brauchen, und leeren Sie Trash und Junk.",
    ),
    "fr": (
        "Votre boîte aux lettres est pleine à {about} %",
        "Votre boîte aux lettres {address} est pleine à {about} %. Une fois pleine, les nouveaux\n"
        "messages doivent être renvoyés plus tard par leurs expéditeurs, puis sont refusés.\n"
        "Supprimez ce dont vous n'avez plus besoin et videz Trash et Junk.",
    ),
}
_FULL: _Words = {
    "en": (
        "Your mailbox is full",
        "Your mailbox {address} is full, and a message for you had to wait. Its sender's server\n"
        "tries again for some days. Delete what you no longer need, and empty Trash and Junk.",
    ),
    "nl": (
        "Uw mailbox is vol",
        "Uw mailbox {address} is vol, en een bericht aan u moest wachten. De server van de\n"
        "afzender probeert het nog enkele dagen. Verwijder wat u niet meer nodig hebt en leeg de\n"
        "mappen Trash en Junk.",
    ),
    "de": (
        "Ihr Postfach ist voll",
        "Ihr Postfach {address} ist voll, und eine Nachricht an Sie musste warten. Der Server des\n"
        "Absenders versucht es noch einige Tage. Löschen Sie, was Sie nicht mehr brauchen, und\n"
        "leeren Sie Trash und Junk.",
    ),
    "fr": (
        "Votre boîte aux lettres est pleine",
        "Votre boîte aux lettres {address} est pleine et un message pour vous a dû attendre. Le\n"
        "serveur de l'expéditeur réessaie pendant quelques jours. Supprimez ce dont vous n'avez\n"
        "plus besoin et videz Trash et Junk.",
    ),
}
_FORWARD_APPROVED: _Words = {
    "en": (
        "Your mail may be sent on to {about}",
        "From now on the filters of {address} may send your mail on to {about}.\n"
        "If you did not ask for this, tell your administrator at once.",
    ),
    "nl": (
        "Uw post mag worden doorgestuurd naar {about}",
        "Vanaf nu mogen de filters van {address} uw post doorsturen naar {about}.\n"
        "Hebt u hier niet om gevraagd, zeg het dan meteen aan uw beheerder.",
    ),
    "de": (
        "Ihre Post darf an {about} weitergeleitet werden",
        "Von jetzt an dürfen die Filter von {address} Ihre Post an {about} weiterleiten.\n"
        "Wenn Sie das nicht wollten, sagen Sie es sofort Ihrem Administrator.",
    ),
    "fr": (
        "Votre courrier peut être transféré à {about}",
        "Désormais, les filtres de {address} peuvent transférer votre courrier à {about}.\n"
        "Si vous ne l'avez pas demandé, prévenez tout de suite votre administrateur.",
    ),
}
_ADDRESS_GIVEN_AWAY: _Words = {
    "en": (
        "The address {about} is somebody else's now",
        "The address {about} was yours until not long ago. Two administrators gave it to another\n"
        "account, which gets all mail for it from now on.",
    ),
    "nl": (
        "Het adres {about} is nu van iemand anders",
        "Het adres {about} was tot voor kort van u. Twee beheerders hebben het aan een ander\n"
        "account gegeven, dat vanaf nu alle post voor dit adres krijgt.",
    ),
    "de": (
        "Die Adresse {about} gehört jetzt jemand anderem",
        "Die Adresse {about} gehörte bis vor Kurzem Ihnen. Zwei Administratoren haben sie einem\n"
        "anderen Konto gegeben, das von jetzt an alle Post an sie erhält.",
    ),
    "fr": (
        "L'adresse {about} appartient désormais à quelqu'un d'autre",
        "L'adresse {about} était la vôtre il y a peu. Deux administrateurs l'ont donnée à un\n"
        "autre compte, qui reçoit désormais tout le courrier qui lui est adressé.",
    ),
}
_SENDING_FROZEN: _Words = {
    "en": (
        "Sending from your account was stopped",
        "It looks as if somebody else sends mail from {address}. Sending was therefore\n"
        "stopped; you can still sign in, read and receive. Revoke the app passwords that you do\n"
        "not know, and ask your administrator to let you send again.",
    ),
    "nl": (
        "Verzenden vanuit uw account is gestopt",
        "Het lijkt erop dat iemand anders post verstuurt vanuit {address}. Daarom is\n"
        "verzenden gestopt; aanmelden, lezen en ontvangen gaan gewoon door. Trek app-wachtwoorden\n"
        "in die u niet kent, en vraag uw beheerder om het verzenden weer toe te staan.",
    ),
    "de": (
        "Das Senden von Ihrem Konto wurde angehalten",
        "Es sieht so aus, als ob jemand anderes von {address} Post verschickt. Das\n"
        "Senden wurde deshalb angehalten; anmelden, lesen und empfangen können Sie weiter.\n"
        "Widerrufen Sie App-Passwörter, die Sie nicht kennen, und bitten Sie Ihren Administrator,\n"
        "das Senden wieder zu erlauben.",
    ),
    "fr": (
        "L'envoi depuis votre compte a été arrêté",
        "Il semble que quelqu'un d'autre envoie du courrier depuis {address}. L'envoi a\n"
        "donc été arrêté ; vous pouvez toujours vous connecter, lire et recevoir. Révoquez les\n"
        "mots de passe d'application que vous ne connaissez pas et demandez à votre\n"
        "administrateur de rétablir l'envoi.",
    ),
}
_SENDING_UNFROZEN: _Words = {
    "en": ("You can send again", "Mail from {address} is sent again."),
    "nl": ("U kunt weer verzenden", "Post van {address} wordt weer verstuurd."),
    "de": ("Sie können wieder senden", "Post von {address} wird wieder verschickt."),
    "fr": (
        "Vous pouvez de nouveau envoyer",
        "Le courrier de {address} est de nouveau envoyé.",
    ),
}

TEXTS: dict[Notice, _Words] = {
    Notice.NEARLY_FULL: _NEARLY_FULL,
    Notice.FULL: _FULL,
    Notice.FORWARD_APPROVED: _FORWARD_APPROVED,
    Notice.ADDRESS_GIVEN_AWAY: _ADDRESS_GIVEN_AWAY,
    Notice.SENDING_FROZEN: _SENDING_FROZEN,
    Notice.SENDING_UNFROZEN: _SENDING_UNFROZEN,
    **SIGN_IN_TEXTS,
    **OPENING_TEXTS,
    **RIGHTS_TEXTS,
}


def words(notice: Notice, language: str) -> tuple[str, str]:
    """Return subject and text of a notice, in English where there is no such language."""
    by_language = TEXTS[notice]
    return by_language.get(language) or by_language[ENGLISH]
