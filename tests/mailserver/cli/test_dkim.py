"""Signing keys at the command line: what to publish, what comes next, and the switch."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import Zegel, prepared
from tests.support.dns import Records, standing_zone

RECORD = re.compile(r'(\S+)\. IN (TXT (?:"[^"]+" ?)+)')
DOMAIN = "example.test"


@pytest.fixture
def zegel(tmp_path: Path) -> Zegel:
    """Settings with one domain."""
    ready = prepared(tmp_path / "run")
    ready.done("domain", "add", DOMAIN)
    return ready


@contextmanager
def in_dns(records: Records) -> Iterator[dict[str, str]]:
    """Serve `records`; yield the environment in which commands ask there."""
    with standing_zone(records) as dns:
        yield {"ZEGEL_DNS_NAMESERVERS": f"127.0.0.1:{dns.endpoint.port}"}


def records(said: str) -> dict[str, list[str]]:
    """Read the records that a command printed, as a zone."""
    return {name: [text] for name, text in RECORD.findall(said)}


def states(said: str) -> list[str]:
    """Read the states of the keys in the table."""
    return sorted(re.split(r"\s{2,}", line)[1] for line in said.splitlines()[1:5])


def test_a_new_domain_has_four_records_to_publish(zegel: Zegel) -> None:
    with in_dns({}) as environ:
        said = zegel.done("dkim", "list", DOMAIN.upper(), **environ)
    assert states(said) == ["signs", "signs", "waits", "waits"]
    assert said.count("not in DNS") == 4
    found = records(said)
    assert len(found) == 4
    assert all(name.endswith(f"._domainkey.{DOMAIN}") for name in found)
    assert sum("k=rsa" in text for (text,) in found.values()) == 2
    assert said.count("publish its record") == 4
    assert max(map(len, re.findall(r'"([^"]+)"', said))) <= 255


def test_keys_in_dns_take_their_turn(zegel: Zegel) -> None:
    with in_dns({}) as environ:
        listed = records(zegel.done("dkim", "list", DOMAIN, **environ))
        refused = zegel("dkim", "rotate", DOMAIN, **environ)
        assert refused.status == 1
        assert "2 of 2 keys are not in DNS" in refused.err
        assert set(records(refused.out)) < set(listed)
    with in_dns(listed) as environ:
        said = zegel.done("dkim", "list", DOMAIN, **environ)
        assert said.count("in DNS") == 4
        assert "publish" not in said
        rotated = zegel.done("dkim", "rotate", DOMAIN, **environ)
        assert rotated.count("signs from now on") == 2
        assert rotated.count("Keep ") == 2
        assert not set(records(rotated)) & set(listed)
        after = zegel.done("dkim", "list", DOMAIN, **environ)
        assert after.count("retired") == 2
        assert after.count("keep its record until") == 2


def test_keys_may_be_switched_unseen(zegel: Zegel) -> None:
    with in_dns({}) as environ:
        said = zegel.done("dkim", "rotate", DOMAIN, "--unchecked", **environ)
    assert said.count("signs from now on") == 2


def test_other_domains_have_no_keys(zegel: Zegel) -> None:
    assert "no signing keys" in zegel.refused("dkim", "list", "other.test")
    assert "no signing keys" in zegel.refused("dkim", "rotate", "other.test")
    assert "not a domain name" in zegel.refused("dkim", "list", "under a bridge")
