"""What alerts say: one letter for all that is new, in the language of the settings.

Numbers, days, names of ours and commands; nobody's address and nothing of any mail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal


class Kind(StrEnum):
    """What may be wrong."""

    CERTIFICATE = "certificate"
    DISK = "disk"
    QUEUE = "queue"
    BACKUP = "backup"
    DRILL = "drill"
    SCRUB = "scrub"
    AUDIT = "audit"
    BREACH = "breach"
    REQUEST = "request"
    RETENTION = "retention"
    ERASURE = "erasure"
    DOCTOR = "doctor"
    SEPARATION = "separation"


What = Literal["new", "changed", "still", "over"]


@dataclass(frozen=True, slots=True)
class News:
    """What is told of one alarm."""

    kind: Kind
    what: What
    facts: Mapping[str, str]
    since: datetime


def title(kind: Kind, language: str, facts: Mapping[str, str]) -> str:
    """Say in one line what is wrong. Raises KeyError: no such language."""
    return WORDS[kind][language][0].format_map(facts)


def compose(news: Sequence[News], language: str, host: str) -> tuple[str, str]:
    """Write a letter about at least one thing: its subject and its text.

    Args:
        news: in the order in which it is told; what is over comes last.
        language: en, nl, de or fr.
        host: whose server it is.
    """
    ordered = sorted(news, key=lambda one: one.what == "over")
    first = ordered[0]
    subject = f"[{host}] {title(first.kind, language, first.facts)}"
    if first.what == "over":
        subject = f"[{host}] {MARKS[language]['over']}: {title(first.kind, language, first.facts)}"
    if len(ordered) > 1:
        subject += f" (+{len(ordered) - 1})"
    parts = [_part(one, language) for one in ordered]
    return subject, "\n".join((*parts, CLOSING[language].format(host=host), ""))


def _part(one: News, language: str) -> str:
    mark = MARKS[language][one.what]
    since = SINCE[language].format(since=f"{one.since:%Y-%m-%d %H:%M} UTC")
    lines = [f"{mark}: {title(one.kind, language, one.facts)}", f"  {since}"]
    if one.what != "over":
        lines += [f"  {line}" for line in one.facts.get("lines", "").splitlines()]
        lines.append(f"  {WORDS[one.kind][language][1].format_map(one.facts)}")
    return "\n".join((*lines, ""))


def passed_on(language: str, subject: str, text: str) -> tuple[str, str]:
    """Write to the second contact what did not reach the first."""
    return subject, f"{PASSED_ON[language]}\n\n{text}"


def trial_letter(language: str, host: str) -> tuple[str, str]:
    """Write a letter that shows that letters arrive."""
    subject, text = TEST[language]
    return f"[{host}] {subject}", f"{text}\n\n{CLOSING[language].format(host=host)}\n"


MARKS: dict[str, dict[What, str]] = {
    "en": {"new": "NEW", "changed": "CHANGED", "still": "STILL", "over": "OVER"},
    "nl": {"new": "NIEUW", "changed": "GEWIJZIGD", "still": "NOG STEEDS", "over": "VOORBIJ"},
    "de": {"new": "NEU", "changed": "GEÄNDERT", "still": "WEITERHIN", "over": "VORBEI"},
    "fr": {"new": "NOUVEAU", "changed": "CHANGÉ", "still": "TOUJOURS", "over": "TERMINÉ"},
}
SINCE = {
    "en": "since {since}",
    "nl": "sinds {since}",
    "de": "seit {since}",
    "fr": "depuis {since}",
}
CLOSING = {
    "en": "The mail server {host} wrote this. You can see what stands with: zegel alerts list",
    "nl": "De mailserver {host} schreef dit. U ziet wat er speelt met: zegel alerts list",
    "de": "Das schrieb der Mailserver {host}. Was ansteht, zeigt Ihnen: zegel alerts list",
    "fr": "Le serveur de courrier {host} a écrit ceci. Pour voir l'état : zegel alerts list",
}
PASSED_ON = {
    "en": "This letter did not reach its first readers. Please look at it, and tell them.",
    "nl": "Deze brief bereikte de eerste lezers niet. Kijkt u ernaar en licht u hen in?",
    "de": "Dieser Brief erreichte seine ersten Leser nicht. Bitte sehen Sie ihn an und geben Sie"
    " Bescheid.",
    "fr": "Cette lettre n'est pas arrivée à ses premiers lecteurs. Veuillez la lire et les"
    " prévenir.",
}
TEST = {
    "en": ("Test: alerts arrive here", "Nothing is wrong. Alerts of this server arrive here."),
    "nl": (
        "Proef: waarschuwingen komen hier aan",
        "Er is niets aan de hand. Waarschuwingen van deze server komen hier aan.",
    ),
    "de": (
        "Probe: Warnungen kommen hier an",
        "Es ist alles in Ordnung. Warnungen dieses Servers kommen hier an.",
    ),
    "fr": (
        "Essai : les alertes arrivent ici",
        "Tout va bien. Les alertes de ce serveur arrivent ici.",
    ),
}

_Words = dict[str, tuple[str, str]]
"""By language: what is wrong, and what to do."""

_CERTIFICATE: _Words = {
    "en": ("the certificate ends in {days} days, on {day}", "Renew it, and see why nobody did."),
    "nl": (
        "het certificaat verloopt over {days} dagen, op {day}",
        "Vernieuw het, en ga na waarom dat niet gebeurde.",
    ),
    "de": (
        "das Zertifikat endet in {days} Tagen, am {day}",
        "Erneuern Sie es, und sehen Sie nach, warum das nicht geschah.",
    ),
    "fr": (
        "le certificat expire dans {days} jours, le {day}",
        "Renouvelez-le et cherchez pourquoi cela n'a pas été fait.",
    ),
}
_DISK: _Words = {
    "en": (
        "{percent} % of the disk of the {place} is free",
        "Make room: a full disk takes no mail.",
    ),
    "nl": (
        "{percent} % van de schijf van {place} is vrij",
        "Maak ruimte: een volle schijf neemt geen mail aan.",
    ),
    "de": (
        "{percent} % der Platte von {place} sind frei",
        "Schaffen Sie Platz: Eine volle Platte nimmt keine Mail an.",
    ),
    "fr": (
        "{percent} % du disque de {place} est libre",
        "Faites de la place : un disque plein n'accepte plus de courrier.",
    ),
}
_QUEUE: _Words = {
    "en": (
        "mail has waited in the queue for {hours} hours",
        "{rows} recipients wait. See: zegel queue list",
    ),
    "nl": (
        "mail wacht al {hours} uur in de wachtrij",
        "{rows} ontvangers wachten. Kijk met: zegel queue list",
    ),
    "de": (
        "Mail wartet seit {hours} Stunden in der Warteschlange",
        "{rows} Empfänger warten. Sehen Sie nach mit: zegel queue list",
    ),
    "fr": (
        "du courrier attend depuis {hours} heures dans la file",
        "{rows} destinataires attendent. Voyez : zegel queue list",
    ),
}
_BACKUP: _Words = {
    "en": (
        "the newest backup ({place}) is of {day}",
        "Run: zegel backup create. See that its targets are there and that it runs every day.",
    ),
    "nl": (
        "de nieuwste reservekopie ({place}) is van {day}",
        "Voer uit: zegel backup create. Ga na of de doelen er zijn en of dit elke dag gebeurt.",
    ),
    "de": (
        "die neueste Sicherung ({place}) ist von {day}",
        "Führen Sie aus: zegel backup create. Prüfen Sie, ob die Ziele da sind und ob dies täglich"
        " läuft.",
    ),
    "fr": (
        "la dernière sauvegarde ({place}) date de {day}",
        "Exécutez : zegel backup create. Vérifiez que les cibles existent et que cela tourne chaque"
        " jour.",
    ),
}
_DRILL: _Words = {
    "en": (
        "the last restore drill failed, or is too long ago ({day})",
        "Run: zegel backup drill. What was never restored may not be a backup.",
    ),
    "nl": (
        "de laatste hersteloefening mislukte, of is te lang geleden ({day})",
        "Voer uit: zegel backup drill. Wat nooit is hersteld, is misschien geen reservekopie.",
    ),
    "de": (
        "die letzte Wiederherstellungsprobe schlug fehl oder ist zu lange her ({day})",
        "Führen Sie aus: zegel backup drill. Was nie wiederhergestellt wurde, ist vielleicht keine"
        " Sicherung.",
    ),
    "fr": (
        "le dernier exercice de restauration a échoué ou est trop ancien ({day})",
        "Exécutez : zegel backup drill. Ce qui n'a jamais été restauré n'est peut-être pas une"
        " sauvegarde.",
    ),
}
_SCRUB: _Words = {
    "en": (
        "stored mail is damaged or missing (breach register {number})",
        "See: zegel privacy breach show {number}. Look at the disk; a backup may have the letters.",
    ),
    "nl": (
        "opgeslagen mail is beschadigd of ontbreekt (datalekregister {number})",
        "Kijk met: zegel privacy breach show {number}. Onderzoek de schijf; een reservekopie heeft"
        " de brieven misschien nog.",
    ),
    "de": (
        "gespeicherte Mail ist beschädigt oder fehlt (Register der Verletzungen {number})",
        "Sehen Sie nach mit: zegel privacy breach show {number}. Prüfen Sie die Platte; eine"
        " Sicherung hat die Briefe vielleicht noch.",
    ),
    "fr": (
        "du courrier stocké est abîmé ou manque (registre des violations {number})",
        "Voyez : zegel privacy breach show {number}. Vérifiez le disque ; une sauvegarde contient"
        " peut-être les lettres.",
    ),
}
_AUDIT: _Words = {
    "en": (
        "the audit log is not what was written (breach register {number})",
        "Run: zegel audit verify. Change nothing before you have a copy.",
    ),
    "nl": (
        "het auditlogboek is niet wat er geschreven is (datalekregister {number})",
        "Voer uit: zegel audit verify. Verander niets voordat u een kopie hebt.",
    ),
    "de": (
        "das Audit-Protokoll ist nicht, was geschrieben wurde (Register der Verletzungen {number})",
        "Führen Sie aus: zegel audit verify. Ändern Sie nichts, bevor Sie eine Kopie haben.",
    ),
    "fr": (
        "le journal d'audit n'est pas ce qui fut écrit (registre des violations {number})",
        "Exécutez : zegel audit verify. Ne changez rien avant d'avoir une copie.",
    ),
}
_BREACH: _Words = {
    "en": (
        "breach {number} waits for an answer ({state}); deadline: {deadline}",
        "See: zegel privacy breach show {number}. The authority hears of a breach within 72 hours"
        " of your knowing (GDPR Art. 33).",
    ),
    "nl": (
        "datalek {number} wacht op antwoord ({state}); termijn: {deadline}",
        "Kijk met: zegel privacy breach show {number}. De autoriteit hoort van een datalek binnen"
        " 72 uur nadat u het weet (AVG art. 33).",
    ),
    "de": (
        "Verletzung {number} wartet auf Antwort ({state}); Frist: {deadline}",
        "Sehen Sie nach mit: zegel privacy breach show {number}. Die Aufsicht erfährt davon binnen"
        " 72 Stunden, nachdem Sie davon wissen (DSGVO Art. 33).",
    ),
    "fr": (
        "la violation {number} attend une réponse ({state}) ; délai : {deadline}",
        "Voyez : zegel privacy breach show {number}. L'autorité est informée dans les 72 heures"
        " après que vous en avez connaissance (RGPD art. 33).",
    ),
}
_REQUEST: _Words = {
    "en": (
        "request {number} is due on {due}",
        "{days} days are left. See: zegel privacy request show {number}",
    ),
    "nl": (
        "verzoek {number} moet uiterlijk op {due} beantwoord zijn",
        "Er resteren {days} dagen. Kijk met: zegel privacy request show {number}",
    ),
    "de": (
        "Anliegen {number} ist bis {due} zu beantworten",
        "Es bleiben {days} Tage. Sehen Sie nach mit: zegel privacy request show {number}",
    ),
    "fr": (
        "la demande {number} doit recevoir une réponse au plus tard le {due}",
        "Il reste {days} jours. Voyez : zegel privacy request show {number}",
    ),
}
_RETENTION: _Words = {
    "en": (
        "data are kept too long: {category}",
        "Deleting has failed since {day}. See the log, and run: zegel retention run",
    ),
    "nl": (
        "gegevens worden te lang bewaard: {category}",
        "Verwijderen mislukt sinds {day}. Kijk in het logboek en voer uit: zegel retention run",
    ),
    "de": (
        "Daten werden zu lange aufbewahrt: {category}",
        "Das Löschen misslingt seit {day}. Sehen Sie ins Protokoll und führen Sie aus: zegel"
        " retention run",
    ),
    "fr": (
        "des données sont gardées trop longtemps : {category}",
        "L'effacement échoue depuis le {day}. Voyez le journal et exécutez : zegel retention run",
    ),
}
_ERASURE: _Words = {
    "en": (
        "erasing is not finished: {accounts} accounts",
        "See why in the log; the server tries again. Or run: zegel user remove",
    ),
    "nl": (
        "wissen is niet voltooid: {accounts} accounts",
        "Kijk in het logboek waarom; de server probeert het weer. Of voer uit: zegel user remove",
    ),
    "de": (
        "das Löschen ist nicht abgeschlossen: {accounts} Konten",
        "Sehen Sie im Protokoll, warum; der Server versucht es wieder. Oder führen Sie aus:"
        " zegel user remove",
    ),
    "fr": (
        "l'effacement n'est pas terminé : {accounts} comptes",
        "Voyez pourquoi dans le journal ; le serveur réessaie. Ou exécutez : zegel user remove",
    ),
}
_DOCTOR: _Words = {
    "en": ("the doctor found {findings} things", "See: zegel doctor"),
    "nl": ("de doctor vond {findings} zaken", "Kijk met: zegel doctor"),
    "de": ("der Doktor fand {findings} Dinge", "Sehen Sie nach mit: zegel doctor"),
    "fr": ("le docteur a trouvé {findings} choses", "Voyez : zegel doctor"),
}
_SEPARATION: _Words = {
    "en": (
        "keys and mail are no longer apart",
        "What opens mail lies with the mail. Move it as the settings ask, and run: zegel doctor",
    ),
    "nl": (
        "sleutels en mail zijn niet meer gescheiden",
        "Wat mail opent, ligt bij de mail. Verplaats het zoals de instellingen vragen en voer uit:"
        " zegel doctor",
    ),
    "de": (
        "Schlüssel und Mail sind nicht mehr getrennt",
        "Was Mail öffnet, liegt bei der Mail. Verschieben Sie es, wie die Einstellungen verlangen,"
        " und führen Sie aus: zegel doctor",
    ),
    "fr": (
        "les clés et le courrier ne sont plus séparés",
        "Ce qui ouvre le courrier se trouve avec lui. Déplacez-le comme les réglages le demandent"
        " et exécutez : zegel doctor",
    ),
}
WORDS: dict[Kind, _Words] = {
    Kind.CERTIFICATE: _CERTIFICATE,
    Kind.DISK: _DISK,
    Kind.QUEUE: _QUEUE,
    Kind.BACKUP: _BACKUP,
    Kind.DRILL: _DRILL,
    Kind.SCRUB: _SCRUB,
    Kind.AUDIT: _AUDIT,
    Kind.BREACH: _BREACH,
    Kind.REQUEST: _REQUEST,
    Kind.RETENTION: _RETENTION,
    Kind.ERASURE: _ERASURE,
    Kind.DOCTOR: _DOCTOR,
    Kind.SEPARATION: _SEPARATION,
}
