"""The command `zegel`, and `python -m mailserver`."""

import secrets
import sys

import typer

from mailserver.cli.program import program
from mailserver.runtime.log import get_logger
from mailserver.runtime.process import harden

BUG = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as a shell says it

log = get_logger("cli")


def main() -> None:
    """Run the command line; a bug becomes one line and an incident, never a traceback."""
    harden()  # not the server alone: whoever is asked for a password, opens mail or makes a key
    try:
        program(prog_name="zegel")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as bug:
        incident = secrets.token_hex(4)
        log.error("incident", incident=incident, exc_info=bug)
        typer.echo(f"zegel: an error of our own, incident {incident} in the log above", err=True)
        sys.exit(BUG)


if __name__ == "__main__":
    main()
