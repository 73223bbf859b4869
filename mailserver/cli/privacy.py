"""`zegel privacy`: the registers of the law."""

import typer

from mailserver.cli import breaches, processing

group = typer.Typer(help="The registers that the law asks for.", no_args_is_help=True)


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    group.add_typer(breaches.group, name="breach")
    group.command("breaches")(breaches.show_all)
    group.add_typer(processing.group, name="register")
    program.add_typer(group, name="privacy")
