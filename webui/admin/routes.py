"""All of `/api/admin`."""

from fastapi import APIRouter

from webui.account.routes import PROBLEMS
from webui.admin import (
    routes_breaches,
    routes_oversight,
    routes_registers,
    routes_requests,
    routes_session,
)

PARTS = tuple(
    part.router
    for part in (
        routes_session,
        routes_requests,
        routes_breaches,
        routes_registers,
        routes_oversight,
    )
)
"""Its parts; tests look at what each of their routes asks for."""

router = APIRouter(prefix="/api/admin", responses=PROBLEMS)
for part in PARTS:
    router.include_router(part)
