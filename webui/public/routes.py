"""The routes of the public site, found under every name of ours."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import PlainTextResponse, Response

from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, PeerFault
from mailserver.operations.published import mta_sts_policy
from webui.deps import Served, Web
from webui.hosts import SERVICES, Names, host_of
from webui.public import apple, autodiscover
from webui.public.autoconfig import client_config
from webui.public.security_txt import security_txt

router = APIRouter(include_in_schema=False)

XML = "application/xml"
JSON = "application/json"
_CACHED = {"cache-control": "public, max-age=3600"}


async def _domain_of_host(request: Request, served: Served) -> str | None:
    return await Names(served.directory.is_local).domain_of(host_of(request.scope))


HostDomain = Annotated[str | None, Depends(_domain_of_host)]
Email = Annotated[str, Query(max_length=320)]


async def _of_ours(served: Served, text: str) -> Address:
    """Read an address of a domain of ours; nothing is said of the address itself.

    Raises:
        PeerFault: BAD_ADDRESS, it is none.
        Absent: NO_SUCH_DOMAIN.
    """
    address = Address.parse(text)
    if not await served.directory.is_local(address.domain):
        raise Absent(Condition.NO_SUCH_DOMAIN, "mail for this domain is not here")
    return address


@router.get("/mail/config-v1.1.xml")
@router.get("/.well-known/autoconfig/mail/config-v1.1.xml")
async def autoconfig(served: Served, of_host: HostDomain, emailaddress: Email = "") -> Response:
    """Tell Thunderbird and others their servers, by the address they name or by the host."""
    domain = (await _of_ours(served, emailaddress)).domain if emailaddress else of_host
    if domain is None:
        raise PeerFault(Condition.BAD_ADDRESS, "name an address: ?emailaddress=...")
    return Response(client_config(served.settings, domain), media_type=XML)


@router.get("/mail/apple.mobileconfig")
async def mobileconfig(served: Served, email: Email) -> Response:
    """Give an iPhone, iPad or Mac the profile of an address."""
    address = await _of_ours(served, email)
    return Response(
        apple.profile(served.settings, address),
        media_type=apple.MEDIA_TYPE,
        headers={"content-disposition": 'attachment; filename="mail.mobileconfig"'},
    )


@router.post("/autodiscover/autodiscover.xml")
@router.post("/Autodiscover/Autodiscover.xml")
@router.post("/AutoDiscover/AutoDiscover.xml")
async def outlook(request: Request, served: Served) -> Response:
    """Tell Outlook its servers; errors are said in its own XML, with 200, as it expects."""
    try:
        address = await _of_ours(served, str(autodiscover.asked_for(await request.body())))
    except PeerFault as fault:
        if fault.condition is Condition.TOO_LARGE:
            raise
        return Response(autodiscover.refusal(600, "Invalid Request"), media_type=XML)
    except Absent:
        return Response(autodiscover.refusal(601, "Provider is not available"), media_type=XML)
    return Response(autodiscover.settings_for(served.settings, address), media_type=XML)


@router.get("/autodiscover/autodiscover.json")
@router.get("/autodiscover/autodiscover.json/v1.0/{email}")
async def outlook_v2(
    web: Web, protocol: Annotated[str, Query(alias="Protocol", max_length=64)] = ""
) -> Response:
    """Tell newer Outlooks where the XML is."""
    found = autodiscover.version_2(web.place.origin, protocol)
    if found is None:
        found = {"ErrorCode": "ProtocolNotSupported", "ErrorMessage": "not offered here"}
        return Response(msgspec.json.encode(found), HTTPStatus.BAD_REQUEST, media_type=JSON)
    return Response(msgspec.json.encode(found), media_type=JSON)


@router.get("/.well-known/mta-sts.txt")
async def mta_sts(request: Request, served: Served, of_host: HostDomain) -> Response:
    """Publish the policy of a domain under its own name alone. Source: RFC 8461 §3.3."""
    policy = mta_sts_policy(served.settings)
    if of_host is None or host_of(request.scope).partition(".")[0] != SERVICES[2] or not policy:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    return PlainTextResponse(policy, headers=_CACHED)


@router.get("/.well-known/security.txt")
async def security(web: Web) -> Response:
    """Say whom to tell of a hole."""
    services = web.services
    text = security_txt(services.settings, web.place.origin, services.clock.now())
    return PlainTextResponse(text, headers=_CACHED)


@router.get("/robots.txt")
async def robots() -> Response:
    """Keep search engines out. Source: RFC 9309."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n", headers=_CACHED)
