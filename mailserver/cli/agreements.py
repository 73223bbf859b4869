"""`zegel privacy dpa`: the agreement with customers, who accepted it, and the receipts."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.certificates import public_key
from mailserver.cli.papers import write_new, write_paper
from mailserver.cli.terminal import fail, say, table, told
from mailserver.privacy.agreement import Acceptance, Signatory, Text, check_receipt, differences
from mailserver.privacy.agreements import TEXT_CHARACTERS
from mailserver.privacy.papers import Form, Paper
from mailserver.privacy.signed import DOCUMENT_OCTETS

group = typer.Typer(
    help="The data processing agreement with organisations whose mail this server keeps.",
    no_args_is_help=True,
)

Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="As its domains name it.")]
Language = Annotated[str | None, typer.Option(help="en, nl, de or fr.")]
Version = Annotated[int | None, typer.Option(help="Which version; else the newest.")]
To = Annotated[Path | None, typer.Option(help="A new file; else it is printed.")]
_TITLES = {
    "en": "Data processing agreement",
    "nl": "Verwerkersovereenkomst",
    "de": "Auftragsverarbeitungsvertrag",
    "fr": "Accord de traitement des données",
}


@group.command("publish")
def publish(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="UTF-8 text.")],
    language: Annotated[str, typer.Option(help="en, nl, de or fr.")],
    translates: Annotated[
        int | None, typer.Option(metavar="VERSION", help="It is that version, translated.")
    ] = None,
) -> None:
    """Publish a new version; customers have thirty days to accept it."""
    octets = file.read_bytes() if file.stat().st_size <= 4 * TEXT_CHARACTERS else b"\xff"
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        fail(f"{file} is not text in UTF-8 of at most {TEXT_CHARACTERS} letters")

    async def published(house: House) -> tuple[Text, list[str]]:
        agreements, before = house.books.papers.agreements, await _newest(house)
        new = await agreements.publish(text, language, translates=translates)
        return new, [] if before is None or translates else differences(before, new)

    new, changed = in_house(context, published)
    say(f"Version {new.version} ({new.language}) is published: SHA-256 {new.sha256}.")
    for line in changed:
        say(line)


@group.command("versions")
def versions(context: typer.Context) -> None:
    """List the texts."""
    texts = in_house(context, lambda house: house.books.papers.agreements.texts())
    rows = [
        (str(one.version), one.language, f"{one.published_at:%Y-%m-%d %H:%M}", one.sha256)
        for one in texts
    ]
    table(("version", "language", "published", "SHA-256"), rows)


@group.command("show")
def show(
    context: typer.Context,
    version: Version = None,
    language: Language = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="As what; else the text as it was published.")
    ] = None,
    to: To = None,
) -> None:
    """Write a text."""
    one = in_house(context, lambda house: house.books.papers.agreements.text(version, language))
    if form is not None:
        facts = {"version": one.version, "language": one.language, "sha256": one.sha256}
        title = _TITLES[one.language]
        write_paper(Paper(title, one.published_at, facts, (), one.text, one.language), form, to)
    elif to is None:
        say(one.text)
    else:
        write_new(to, one.text.encode())  # octet by octet what was hashed


@group.command("diff")
def diff(
    context: typer.Context,
    old: Annotated[int, typer.Argument(metavar="OLD")],
    new: Annotated[int, typer.Argument(metavar="NEW")],
    language: Language = None,
) -> None:
    """Say what one version says that another did not."""

    async def compared(house: House) -> list[str]:
        agreements = house.books.papers.agreements
        return differences(
            await agreements.text(old, language), await agreements.text(new, language)
        )

    for line in in_house(context, compared):
        say(line)


@group.command("customers")
def customers(context: typer.Context) -> None:
    """List the organisations whose domains these are, and where each stands."""

    async def listed(house: House) -> list[tuple[str, ...]]:
        papers = house.books.papers
        rows: list[tuple[str, ...]] = []
        for customer, domains in sorted((await papers.customers()).items()):
            accepted = await papers.agreements.accepted(customer)
            due = await papers.agreements.due(customer)
            stands = await papers.agreements.standing(customer)
            version = "" if accepted is None else str(accepted.version)
            day = "" if due is None else f"{due:%Y-%m-%d %H:%M %Z}"
            rows.append((customer, stands.value, version, day, " ".join(domains)))
        return rows

    head = ("customer", "stands", "version", "accept by", "domains")
    table(head, in_house(context, listed))


@group.command("accept")
def accept(
    context: typer.Context,
    customer: Customer,
    signatory: Annotated[str, typer.Option(metavar="NAME", help="Who signs.")],
    role: Annotated[str, typer.Option(help="What the signatory is there.")],
    authority: Annotated[
        bool, typer.Option("--authority", help="The signatory says: I may sign for it.")
    ] = False,
    address: Annotated[str, typer.Option(metavar="IP", help="From where; kept cut.")] = "",
    version: Version = None,
    language: Language = None,
    to: To = None,
) -> None:
    """Write down that a customer accepts a version, and write the receipt."""

    async def accepted(house: House) -> Acceptance:
        who = Signatory(signatory, role, authority, address)
        agreements = house.books.papers.agreements
        return await agreements.accept(customer, who, version=version, language=language)

    one = in_house(context, accepted)
    _give(one, to)


@group.command("offer")
def offer(context: typer.Context, customer: Customer) -> None:
    """Make a link by which a customer reads the newest version and signs it; for thirty days."""

    async def offered(house: House) -> str:
        secret = await house.books.papers.offers.offer(customer)
        return f"{house.settings.webmail_url}/agreement/{secret}"

    say(in_house(context, offered))
    say(f"Give it to whom {customer} named: whoever has it may sign. It is not shown again.")


@group.command("receipt")
def receipt(context: typer.Context, customer: Customer, to: To = None) -> None:
    """Write the receipt of what a customer accepted last."""
    one = in_house(context, lambda house: house.books.papers.agreements.accepted(customer))
    if one is None:
        fail(f"{customer} has accepted nothing")
    _give(one, to)


@group.command("verify")
def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The receipt.")],
    text: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The text it is about.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The server's public key; else this server's own."),
    ] = None,
) -> None:
    """Verify a receipt, and that it is about a text; with --key it needs no server."""
    if file.stat().st_size > DOCUMENT_OCTETS:
        fail(f"{file} is no receipt of an agreement")
    public = public_key(context, key)
    read = file.read_text(encoding="utf-8", errors="replace")
    said = told(lambda: check_receipt(public, read))
    if text is not None and sha256(text.read_bytes()).hexdigest() != said["sha256"]:
        fail(f"the receipt is genuine, and about another text than {text}")
    say(
        f"Genuine: {said['signatory']} ({said['role']}) accepted version {said['version']}"
        f" ({said['language']}) for {said['controller']} at {said['accepted']}."
    )
    say(f"SHA-256 of the text: {said['sha256']}{'' if text is None else ', as in the file'}.")


@group.command("end")
def end(context: typer.Context, customer: Customer) -> None:
    """Write down that an organisation is no customer any more."""
    in_house(context, lambda house: house.books.papers.agreements.end(customer))
    say(f"{customer} has no agreement any more.")


async def _newest(house: House) -> Text | None:
    texts = await house.books.papers.agreements.texts()
    return texts[-1] if texts else None


def _give(one: Acceptance, to: Path | None) -> None:
    if to is None:
        say(one.receipt.rstrip("\n"))
        return
    write_new(to, one.receipt.encode())
    say(f"{one.customer} accepted version {one.version}; the receipt is in {to}.")
