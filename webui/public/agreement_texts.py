"""What the page of an agreement says around the text, in its four languages."""

from typing import NamedTuple


class Words(NamedTuple):
    """The words of the page in one language."""

    title: str
    intro: str
    """Names the customer and whose server this is."""
    version: str
    sha256: str
    name: str
    role: str
    authority: str
    button: str
    missing: str
    done: str
    receipt: str
    gone: str
    """Where the link is not valid."""


WORDS = {
    "en": Words(
        "Data processing agreement",
        "{processor} asks {customer} to agree to this text. Read it, and sign below if you may.",
        "Version {version}, language {language}",
        "SHA-256 of the text",
        "Your name",
        "Your role",
        "I may sign for {customer}, and agree to this text.",
        "Sign",
        "Fill in your name and your role, and tick that you may sign.",
        "Signed: thank you. Keep this receipt; we have the same one.",
        "Download the receipt",
        "This link is not valid, or not any more. Ask for a new one.",
    ),
    "nl": Words(
        "Verwerkersovereenkomst",
        "{processor} vraagt {customer} akkoord te gaan met deze tekst. Lees hem, en onderteken"
        " hieronder als u dat mag.",
        "Versie {version}, taal {language}",
        "SHA-256 van de tekst",
        "Uw naam",
        "Uw functie",
        "Ik mag tekenen voor {customer} en ga akkoord met deze tekst.",
        "Ondertekenen",
        "Vul uw naam en functie in, en kruis aan dat u mag tekenen.",
        "Ondertekend, dank u wel. Bewaar dit bewijs; wij hebben hetzelfde.",
        "Bewijs downloaden",
        "Deze link is niet geldig, of niet meer. Vraag een nieuwe aan.",
    ),
    "de": Words(
        "Auftragsverarbeitungsvertrag",
        "{processor} bittet {customer}, diesem Text zuzustimmen. Lesen Sie ihn, und unterschreiben"
        " Sie unten, wenn Sie das dürfen.",
        "Version {version}, Sprache {language}",
        "SHA-256 des Textes",
        "Ihr Name",
        "Ihre Funktion",
        "Ich darf für {customer} unterschreiben und stimme diesem Text zu.",
        "Unterschreiben",
        "Geben Sie Ihren Namen und Ihre Funktion an, und bestätigen Sie, dass Sie unterschreiben"
        " dürfen.",
        "Unterschrieben, vielen Dank. Bewahren Sie diesen Beleg auf; wir haben den gleichen.",
        "Beleg herunterladen",
        "Dieser Link ist nicht gültig oder abgelaufen. Bitten Sie um einen neuen.",
    ),
    "fr": Words(
        "Accord de traitement des données",
        "{processor} demande à {customer} d'accepter ce texte. Lisez-le, puis signez ci-dessous si"
        " vous en avez le pouvoir.",
        "Version {version}, langue {language}",
        "SHA-256 du texte",
        "Votre nom",
        "Votre fonction",
        "J'ai le pouvoir de signer pour {customer} et j'accepte ce texte.",
        "Signer",
        "Indiquez votre nom et votre fonction, et cochez que vous avez le pouvoir de signer.",
        "Signé, merci. Conservez ce reçu ; nous avons le même.",
        "Télécharger le reçu",
        "Ce lien n'est pas valable, ou ne l'est plus. Demandez-en un autre.",
    ),
}
