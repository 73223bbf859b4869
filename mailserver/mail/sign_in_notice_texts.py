"""The words of notices about signing in, in four languages; see `notice_texts`."""

from mailserver.model.notice import Notice

_Words = dict[str, tuple[str, str]]

_NEW_DEVICE: _Words = {
    "en": (
        "A new device signed in to your account",
        "Somebody signed in to {address} from a device or network that was not used before:\n"
        "{about}.\n"
        "If that was not you, change your password at once and end all sessions in your settings.",
    ),
    "nl": (
        "Een nieuw apparaat heeft zich bij uw account aangemeld",
        "Iemand heeft zich aangemeld bij {address} vanaf een apparaat of netwerk dat nog niet\n"
        "eerder is gebruikt: {about}.\n"
        "Was u dat niet, wijzig dan meteen uw wachtwoord en beëindig alle sessies bij uw\n"
        "instellingen.",
    ),
    "de": (
        "Ein neues Gerät hat sich bei Ihrem Konto angemeldet",
        "Jemand hat sich bei {address} von einem Gerät oder Netz aus angemeldet, das bisher\n"
        "nicht benutzt wurde: {about}.\n"
        "Wenn Sie das nicht waren, ändern Sie sofort Ihr Passwort und beenden Sie alle Sitzungen\n"
        "in den Einstellungen.",
    ),
    "fr": (
        "Un nouvel appareil s'est connecté à votre compte",
        "Quelqu'un s'est connecté à {address} depuis un appareil ou un réseau encore inconnu :\n"
        "{about}.\n"
        "Si ce n'était pas vous, changez immédiatement votre mot de passe et terminez toutes les\n"
        "sessions dans vos paramètres.",
    ),
}
_SIGN_IN_FAILURES: _Words = {
    "en": (
        "Many failed sign-ins at your account",
        "Somebody tried to sign in to {address} with wrong passwords, {about} times in a short\n"
        "while. Nobody got in by that. A long password of your own and a second factor keep it\n"
        "so.",
    ),
    "nl": (
        "Veel mislukte aanmeldingen bij uw account",
        "Iemand heeft in korte tijd {about} keer met een verkeerd wachtwoord geprobeerd zich aan\n"
        "te melden bij {address}. Daarmee is niemand binnengekomen. Een lang eigen wachtwoord en\n"
        "een tweede factor houden dat zo.",
    ),
    "de": (
        "Viele fehlgeschlagene Anmeldungen bei Ihrem Konto",
        "Jemand hat in kurzer Zeit {about} Mal mit falschen Passwörtern versucht, sich bei\n"
        "{address} anzumelden. Dadurch ist niemand hineingekommen. Ein langes eigenes Passwort\n"
        "und ein zweiter Faktor sorgen dafür, dass es so bleibt.",
    ),
    "fr": (
        "Nombreuses connexions échouées à votre compte",
        "Quelqu'un a essayé {about} fois en peu de temps de se connecter à {address} avec de\n"
        "mauvais mots de passe. Personne n'est entré ainsi. Un long mot de passe propre à ce\n"
        "compte et un second facteur vous protègent.",
    ),
}
_FACTOR_CHANGED: _Words = {
    "en": (
        "The second factor of your account changed",
        "A second factor of {address} was added, replaced or taken off: {about}.\n"
        "If that was not you, change your password at once and tell your administrator.",
    ),
    "nl": (
        "De tweede factor van uw account is gewijzigd",
        "Een tweede factor van {address} is toegevoegd, vervangen of verwijderd: {about}.\n"
        "Was u dat niet, wijzig dan meteen uw wachtwoord en zeg het aan uw beheerder.",
    ),
    "de": (
        "Der zweite Faktor Ihres Kontos wurde geändert",
        "Ein zweiter Faktor von {address} wurde hinzugefügt, ersetzt oder entfernt: {about}.\n"
        "Wenn Sie das nicht waren, ändern Sie sofort Ihr Passwort und sagen Sie es Ihrem\n"
        "Administrator.",
    ),
    "fr": (
        "Le second facteur de votre compte a changé",
        "Un second facteur de {address} a été ajouté, remplacé ou retiré : {about}.\n"
        "Si ce n'était pas vous, changez immédiatement votre mot de passe et prévenez votre\n"
        "administrateur.",
    ),
}
_PASSWORD_CHANGED: _Words = {
    "en": (
        "Your password was changed",
        "The password of {address} was changed, and other sessions were ended.\n"
        "If that was not you, use your recovery code at once.",
    ),
    "nl": (
        "Uw wachtwoord is gewijzigd",
        "Het wachtwoord van {address} is gewijzigd en andere sessies zijn beëindigd.\n"
        "Was u dat niet, gebruik dan meteen uw herstelcode.",
    ),
    "de": (
        "Ihr Passwort wurde geändert",
        "Das Passwort von {address} wurde geändert, und andere Sitzungen wurden beendet.\n"
        "Wenn Sie das nicht waren, benutzen Sie sofort Ihren Wiederherstellungscode.",
    ),
    "fr": (
        "Votre mot de passe a été changé",
        "Le mot de passe de {address} a été changé et les autres sessions ont été terminées.\n"
        "Si ce n'était pas vous, utilisez immédiatement votre code de récupération.",
    ),
}
_RESET_ASKED: _Words = {
    "en": (
        "Somebody resets your account",
        "A reset of {address} without its recovery code was asked for. It takes effect at\n"
        "{about}; older mail then stays closed until an old password or app password opens it.\n"
        "If you did not ask for this, sign in and say so: it stops the reset.",
    ),
    "nl": (
        "Iemand zet uw account opnieuw op",
        "Er is gevraagd om {address} zonder herstelcode opnieuw in te stellen. Dat gaat in op\n"
        "{about}; oudere post blijft dan gesloten tot een oud wachtwoord of app-wachtwoord haar\n"
        "opent. Hebt u hier niet om gevraagd, meld u dan aan en zeg het: dan gaat het niet door.",
    ),
    "de": (
        "Jemand setzt Ihr Konto zurück",
        "Für {address} wurde ein Zurücksetzen ohne Wiederherstellungscode verlangt. Es gilt ab\n"
        "{about}; ältere Post bleibt dann verschlossen, bis ein altes Passwort oder App-Passwort\n"
        "sie öffnet. Wenn Sie das nicht wollten, melden Sie sich an und sagen Sie es: das hält es\n"
        "auf.",
    ),
    "fr": (
        "Quelqu'un réinitialise votre compte",
        "Une réinitialisation de {address} sans son code de récupération a été demandée. Elle\n"
        "prend effet le {about} ; l'ancien courrier reste alors fermé jusqu'à ce qu'un ancien mot\n"
        "de passe l'ouvre. Si vous ne l'avez pas demandée, connectez-vous et dites-le : cela\n"
        "l'arrête.",
    ),
}
_RESET_DONE: _Words = {
    "en": (
        "Your account was reset",
        "{address} has new keys. Older mail stays closed; an old password, app password or\n"
        "recovery code opens it until {about}.",
    ),
    "nl": (
        "Uw account is opnieuw ingesteld",
        "{address} heeft nieuwe sleutels. Oudere post blijft gesloten; een oud wachtwoord,\n"
        "app-wachtwoord of een oude herstelcode opent haar tot {about}.",
    ),
    "de": (
        "Ihr Konto wurde zurückgesetzt",
        "{address} hat neue Schlüssel. Ältere Post bleibt verschlossen; ein altes Passwort,\n"
        "App-Passwort oder ein alter Wiederherstellungscode öffnet sie bis {about}.",
    ),
    "fr": (
        "Votre compte a été réinitialisé",
        "{address} a de nouvelles clés. L'ancien courrier reste fermé ; un ancien mot de passe,\n"
        "mot de passe d'application ou code de récupération l'ouvre jusqu'au {about}.",
    ),
}
_FACTORS_TO_GO: _Words = {
    "en": (
        "Your second factors will be taken off",
        "Two administrators were told that you lost every second factor of {address}. All are\n"
        "taken off at {about}. If you still have one, sign in with it and refuse.",
    ),
    "nl": (
        "Uw tweede factoren worden verwijderd",
        "Twee beheerders hebben gehoord dat u elke tweede factor van {address} kwijt bent. Alle\n"
        "worden verwijderd op {about}. Hebt u er nog een, meld u er dan mee aan en weiger het.",
    ),
    "de": (
        "Ihre zweiten Faktoren werden entfernt",
        "Zwei Administratoren wurde gesagt, dass Sie jeden zweiten Faktor von {address} verloren\n"
        "haben. Alle werden am {about} entfernt. Wenn Sie noch einen haben, melden Sie sich damit\n"
        "an und lehnen Sie ab.",
    ),
    "fr": (
        "Vos seconds facteurs seront retirés",
        "Deux administrateurs ont appris que vous aviez perdu tous les seconds facteurs de\n"
        "{address}. Tous seront retirés le {about}. S'il vous en reste un, connectez-vous avec et\n"
        "refusez.",
    ),
}
_VAULT_OPENED: _Words = {
    "en": (
        "Your older mail is open again",
        "Older mail of {address} was opened with an old secret. Everything that was set up since\n"
        "the reset ended: passwords, app passwords, sessions and second factors.",
    ),
    "nl": (
        "Uw oudere post is weer open",
        "Oudere post van {address} is met een oud geheim geopend. Alles wat sinds het opnieuw\n"
        "instellen was gemaakt is beëindigd: wachtwoorden, app-wachtwoorden, sessies en tweede\n"
        "factoren.",
    ),
    "de": (
        "Ihre ältere Post ist wieder offen",
        "Ältere Post von {address} wurde mit einem alten Geheimnis geöffnet. Alles, was seit dem\n"
        "Zurücksetzen eingerichtet wurde, ist beendet: Passwörter, App-Passwörter, Sitzungen und\n"
        "zweite Faktoren.",
    ),
    "fr": (
        "Votre ancien courrier est de nouveau ouvert",
        "L'ancien courrier de {address} a été ouvert avec un ancien secret. Tout ce qui avait été\n"
        "mis en place depuis la réinitialisation a pris fin : mots de passe, mots de passe\n"
        "d'application, sessions et seconds facteurs.",
    ),
}

SIGN_IN_TEXTS: dict[Notice, _Words] = {
    Notice.NEW_DEVICE: _NEW_DEVICE,
    Notice.SIGN_IN_FAILURES: _SIGN_IN_FAILURES,
    Notice.FACTOR_CHANGED: _FACTOR_CHANGED,
    Notice.PASSWORD_CHANGED: _PASSWORD_CHANGED,
    Notice.RESET_ASKED: _RESET_ASKED,
    Notice.RESET_DONE: _RESET_DONE,
    Notice.FACTORS_TO_GO: _FACTORS_TO_GO,
    Notice.VAULT_OPENED: _VAULT_OPENED,
}
