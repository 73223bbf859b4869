"""`zegel privacy`: the registers of the law, and what people may ask."""

import typer

from mailserver.cli import (
    agreements,
    assessments,
    breaches,
    certificates,
    consents,
    lawful,
    matters,
    papers,
    personal,
    processing,
    processors,
    requests,
)

group = typer.Typer(
    help="The registers that the law asks for, and the rights of people.", no_args_is_help=True
)


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    group.add_typer(breaches.group, name="breach")
    group.command("breaches")(breaches.show_all)
    group.add_typer(consents.group, name="consent")
    group.add_typer(processing.group, name="register")
    group.add_typer(requests.group, name="request")
    group.command("requests")(requests.show_all)
    group.command("show")(papers.show)
    group.add_typer(agreements.group, name="dpa")
    group.add_typer(assessments.group, name="dpia")
    group.add_typer(matters.risks, name="risk")
    group.add_typer(matters.training, name="training")
    group.add_typer(matters.measures, name="measure")
    group.add_typer(lawful.group, name="lawful")
    group.add_typer(processors.group, name="processors")
    group.command("certificate")(certificates.verify)
    group.command("export")(personal.export)
    program.add_typer(group, name="privacy")
