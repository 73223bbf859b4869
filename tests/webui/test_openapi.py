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


@pytest.mark.parametrize(
    ("site", "begin"), [(Site.WEBMAIL, "/api/account"), (Site.ADMIN, "/api/admin")]
)
def test_each_api_stands_in_its_own_sites_description_alone(site: Site, begin: str) -> None:
    described = {each: openapi(each)["paths"] for each in Site}
    assert any(path.startswith(begin) for path in described[site])
    for other in set(Site) - {site}:
        assert not any(path.startswith(begin) for path in described[other]), other
