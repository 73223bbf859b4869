"""The cookies of the webmail: the session, and the browser that is known (PRIVACY §6, §14)."""

from datetime import timedelta
from typing import Final

from starlette.responses import Response

from mailserver.accounts.sign_in import Outcome
from mailserver.accounts.trusted_devices import TRUSTED_FOR
from mailserver.accounts.web_sessions import LONGEST_STAYING, Begun
from mailserver.model.sealed import Plaintext

SESSION: Final = "__Host-sid"
TRUST: Final = "__Host-trust"


def put_session(answer: Response, begun: Begun) -> None:
    """Give the browser its session; without "stay signed in" it goes with the browser."""
    _put(answer, SESSION, begun.cookie, LONGEST_STAYING if begun.stay else None)


def put_outcome(answer: Response, outcome: Outcome) -> None:
    """Give the browser what a step of signing in led to."""
    put_session(answer, outcome.session)
    if outcome.trust is not None:
        _put(answer, TRUST, outcome.trust, TRUSTED_FOR)


def drop_session(answer: Response) -> None:
    """Have the browser forget its session, and what it kept of us (Clear Site Data §3.1)."""
    answer.delete_cookie(SESSION, path="/", secure=True, httponly=True, samesite="strict")
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'


def drop_trust(answer: Response) -> None:
    """Have the browser forget that it is known."""
    answer.delete_cookie(TRUST, path="/", secure=True, httponly=True, samesite="strict")


def _put(answer: Response, name: str, value: Plaintext, life: timedelta | None) -> None:
    answer.set_cookie(
        name,
        value.reveal().decode("ascii"),
        max_age=None if life is None else int(life.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
