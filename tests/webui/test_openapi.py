"""The description of the REST parts."""

import json

import pytest

from webui.app import openapi
from webui.site import Site


@pytest.mark.parametrize("site", list(Site))
def test_every_site_can_be_described(site: Site) -> None:
    described = openapi(site)
    assert described["openapi"].startswith("3.1")
    assert json.loads(json.dumps(described)) == described


def test_the_account_api_stands_in_the_webmails_description_alone() -> None:
    assert any(path.startswith("/api/account") for path in openapi(Site.WEBMAIL)["paths"])
    for site in (Site.API, Site.ADMIN, Site.PORTAL, Site.PUBLIC, Site.HTTP):
        assert not openapi(site)["paths"], site
