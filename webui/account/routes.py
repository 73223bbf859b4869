"""All of `/api/account`."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from webui.account import (
    routes_consents,
    routes_contacts,
    routes_escrow,
    routes_exports,
    routes_factors,
    routes_forwards,
    routes_language,
    routes_privacy,
    routes_provider,
    routes_recovery,
    routes_secrets,
    routes_sessions,
    routes_sign_in,
    routes_wishes,
)
from webui.errors import PROBLEM


class Problem(BaseModel):
    """What went wrong. Source: RFC 9457 §3."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    condition: str | None = None
    fault: str | None = None
    """Why a password is refused, in one word."""
    least: int | None = None
    """How many characters a password needs."""


PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": what, "content": {PROBLEM: {"schema": Problem.model_json_schema()}}}
    for code, what in {
        400: "the request is malformed",
        401: "nobody is signed in, or the secret is not right",
        403: "not from here, not now, or not before something else",
        404: "there is no such thing",
        409: "somebody else was first",
        413: "the body is too large",
        422: "a field is not as it should be, or the password is weak",
        423: "not yet",
        429: "too many attempts, or too many of them",
        503: "busy; nothing was changed",
    }.items()
}

router = APIRouter(prefix="/api/account", responses=PROBLEMS)
for part in (
    routes_sign_in,
    routes_provider,
    routes_sessions,
    routes_factors,
    routes_secrets,
    routes_recovery,
    routes_language,
    routes_forwards,
    routes_privacy,
    routes_escrow,
    routes_exports,
    routes_wishes,
    routes_contacts,
    routes_consents,
):
    router.include_router(part.router)
