"""The words of notices about what owners asked for by their rights; see `notice_texts`."""

from mailserver.model.notice import Notice

RIGHTS_TEXTS: dict[Notice, dict[str, tuple[str, str]]] = {
    Notice.EXPORTED: {
        "en": (
            "A copy of your data is being made",
            "Somebody who is signed in as you asked for a copy of everything in {address}.\n"
            "You find it in the webmail on the page Privacy, for seven days.\n\n"
            "Was it not you? Change your password now: the copy can then not be fetched any\n"
            "more.",
        ),
        "nl": (
            "Er wordt een kopie van uw gegevens gemaakt",
            "Iemand die als u is aangemeld, heeft om een kopie gevraagd van alles in\n"
            "{address}. U vindt hem zeven dagen lang in de webmail op de pagina Privacy.\n\n"
            "Was u dit niet? Wijzig dan nu uw wachtwoord: de kopie kan dan niet meer worden\n"
            "opgehaald.",
        ),
        "de": (
            "Eine Kopie Ihrer Daten wird erstellt",
            "Jemand, der als Sie angemeldet ist, hat um eine Kopie von allem in {address}\n"
            "gebeten. Sie finden sie sieben Tage lang im Webmail auf der Seite Datenschutz.\n\n"
            "Waren Sie das nicht? Ändern Sie jetzt Ihr Kennwort: Die Kopie kann dann nicht\n"
            "mehr abgeholt werden.",
        ),
        "fr": (
            "Une copie de vos données est en préparation",
            "Une personne connectée sous votre nom a demandé une copie de tout ce que\n"
            "contient {address}. Vous la trouverez pendant sept jours dans le webmail, à la\n"
            "page Confidentialité.\n\n"
            "Ce n'était pas vous ? Changez votre mot de passe maintenant : la copie ne\n"
            "pourra plus être récupérée.",
        ),
    },
    Notice.ERASURE_CANCELLED: {
        "en": (
            "Your account stays",
            "You asked that {address} be erased, and have signed in since: it is not\n"
            "erased. If you still want it gone, ask again on the page Privacy of the\n"
            "webmail.\n\n"
            "Did you not ask for this? Then somebody else was signed in as you: change your\n"
            "password and look at your sign-ins.",
        ),
        "nl": (
            "Uw account blijft bestaan",
            "U hebt gevraagd {address} te wissen en hebt u daarna aangemeld: het account\n"
            "wordt niet gewist. Wilt u dat toch, vraag het dan opnieuw op de pagina Privacy\n"
            "van de webmail.\n\n"
            "Hebt u hier niet om gevraagd? Dan was iemand anders als u aangemeld: wijzig uw\n"
            "wachtwoord en bekijk uw aanmeldingen.",
        ),
        "de": (
            "Ihr Konto bleibt bestehen",
            "Sie haben darum gebeten, {address} zu löschen, und haben sich seitdem\n"
            "angemeldet: Das Konto wird nicht gelöscht. Möchten Sie es dennoch, bitten Sie\n"
            "im Webmail auf der Seite Datenschutz erneut darum.\n\n"
            "Haben Sie nicht darum gebeten? Dann war jemand anderes als Sie angemeldet:\n"
            "Ändern Sie Ihr Kennwort und sehen Sie Ihre Anmeldungen durch.",
        ),
        "fr": (
            "Votre compte est conservé",
            "Vous avez demandé l'effacement de {address}, puis vous vous êtes connecté : le\n"
            "compte n'est pas effacé. Si vous le souhaitez toujours, demandez-le de nouveau\n"
            "à la page Confidentialité du webmail.\n\n"
            "Vous n'avez rien demandé ? Une autre personne était alors connectée sous votre\n"
            "nom : changez votre mot de passe et vérifiez vos connexions.",
        ),
    },
    Notice.RESTRICTED: {
        "en": (
            "Your account is only kept from now on",
            "As you asked, what is in {address} is kept, and nothing else is done with it:\n"
            "nothing is sent, sorted by filters, learned from or deleted by its age. New\n"
            "mail is kept in the inbox. You end this on the page Privacy of the webmail.",
        ),
        "nl": (
            "Uw account wordt voortaan alleen bewaard",
            "Zoals u hebt gevraagd, wordt bewaard wat in {address} staat en gebeurt er\n"
            "verder niets mee: niets wordt verzonden, door filters gesorteerd, gebruikt om\n"
            "van te leren of verwijderd omdat het oud is. Nieuwe berichten komen in de\n"
            "inbox. U beëindigt dit op de pagina Privacy van de webmail.",
        ),
        "de": (
            "Ihr Konto wird ab jetzt nur noch aufbewahrt",
            "Wie von Ihnen gewünscht, wird aufbewahrt, was in {address} liegt, und nichts\n"
            "weiter damit getan: Nichts wird gesendet, von Filtern sortiert, zum Lernen\n"
            "benutzt oder wegen seines Alters gelöscht. Neue Nachrichten kommen in den\n"
            "Posteingang. Sie beenden dies im Webmail auf der Seite Datenschutz.",
        ),
        "fr": (
            "Votre compte est désormais seulement conservé",
            "Comme vous l'avez demandé, le contenu de {address} est conservé et rien\n"
            "d'autre n'en est fait : rien n'est envoyé, trié par des filtres, utilisé pour\n"
            "apprendre ni supprimé en raison de son âge. Les nouveaux messages restent dans\n"
            "la boîte de réception. Vous y mettez fin à la page Confidentialité du webmail.",
        ),
    },
    Notice.RESTRICTION_LIFTED: {
        "en": (
            "Your account is used as before",
            "{address} is no longer restricted: mail can be sent, filters sort what\n"
            "arrives, and Trash and Junk are emptied by age again.",
        ),
        "nl": (
            "Uw account wordt weer gewoon gebruikt",
            "{address} is niet meer beperkt: u kunt weer verzenden, filters sorteren wat\n"
            "binnenkomt en de mappen Prullenbak en Ongewenst worden weer geleegd op\n"
            "leeftijd.",
        ),
        "de": (
            "Ihr Konto wird wieder wie zuvor benutzt",
            "{address} ist nicht mehr eingeschränkt: Sie können wieder senden, Filter\n"
            "sortieren, was ankommt, und Papierkorb und Spam werden wieder nach Alter\n"
            "geleert.",
        ),
        "fr": (
            "Votre compte est de nouveau utilisé comme avant",
            "{address} n'est plus limité : vous pouvez de nouveau envoyer, les filtres\n"
            "trient ce qui arrive et la corbeille et les indésirables sont de nouveau vidés\n"
            "selon leur âge.",
        ),
    },
}
