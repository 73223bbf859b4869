"""How mail for elsewhere leaves, as an operator writes it."""

from pathlib import Path

import pytest

from mailserver.model.errors import Misconfigured
from mailserver.runtime.settings import load
from mailserver.runtime.settings_relay import Hop, Relay
from mailserver.runtime.settings_values import Tls

LOOPBACK = {
    f"listeners.{name}.address": "127.0.0.1:0"
    for name in ("mx", "submission", "submissions", "imap", "imaps", "lmtp")
}


CARRIER = {
    "name": "Carriers",
    "role": "relay",
    "host": "smtp.example.net",
    "country": "NL",
    "basis": "agreement",
}


def relay(**said: object) -> Relay:
    overrides = {f"relay.{key}": value for key, value in said.items()}
    return load(None, {}, LOOPBACK | {"processors": [CARRIER]} | overrides).relay


@pytest.mark.parametrize(
    ("written", "hop"),
    [
        ("smtp.example.net:587", Hop("smtp.example.net", 587, Tls.STARTTLS)),
        ("smtp.example.net", Hop("smtp.example.net", 25, Tls.STARTTLS)),
        ("Smtp.Example.Net.:465 implicit", Hop("smtp.example.net", 465, Tls.IMPLICIT)),
        ("127.0.0.1:2525 none", Hop("127.0.0.1", 2525, Tls.NONE)),
        ("[2001:db8::1]:26", Hop("2001:db8::1", 26, Tls.STARTTLS)),
        ("[2001:db8::1]", Hop("2001:db8::1", 25, Tls.STARTTLS)),
        ("off", None),
    ],
)
def test_a_server_is_written_as_people_write_it(written: str, hop: Hop | None) -> None:
    assert relay(smart_host=written).smart_host == hop
    if hop is not None:
        assert relay(smart_host=str(hop)).smart_host == hop


def test_tables_are_lines_also_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "zegel.toml"
    file.write_text(
        '[relay]\nroutes = ["example.org 10.0.0.5:25 none", ".corp.example mx.corp.example"]\n'
        'mandatory_tls = ["partner.example", "other.example mx.other.example .other.example"]\n'
        'source_addresses = ["192.0.2.1", "2001:db8::1"]\n'
    )
    found = load(file, {}, LOOPBACK).relay
    assert found.routes == {
        "example.org": Hop("10.0.0.5", 25, Tls.NONE),
        ".corp.example": Hop("mx.corp.example", 25, Tls.STARTTLS),
    }
    assert found.mandatory_tls == {
        "partner.example": (),
        "other.example": ("mx.other.example", ".other.example"),
    }
    assert found.source_addresses == ("192.0.2.1", "2001:db8::1")
    environ = {
        "ZEGEL_RELAY_ROUTES": "example.org 10.0.0.5:25 none, .corp.example mx.corp.example",
        "ZEGEL_RELAY_MANDATORY_TLS": "partner.example",
        "ZEGEL_RELAY_ENABLED": "false",
    }
    changed = load(file, environ, LOOPBACK).relay
    assert changed.routes == found.routes
    assert changed.mandatory_tls == {"partner.example": ()}
    assert changed.enabled is False


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("smart_host", "a b c"),
        ("smart_host", "smtp.example.net:0"),
        ("smart_host", "smtp.example.net:25 plain"),
        ("smart_host", "not a host"),
        ("routes", ["example.org"]),
        ("routes", ["two@parts 10.0.0.1"]),
        ("mandatory_tls", ["exa mple..org"]),
        ("source_addresses", ["here"]),
        ("enabled", "perhaps"),
        ("port", 0),
        ("credentials_file", "/etc/zegel/secrets/relay"),
    ],
)
def test_what_cannot_be_meant_is_refused(key: str, value: object) -> None:
    with pytest.raises(Misconfigured, match="relay"):
        relay(**{key: value})


def test_credentials_are_never_sent_in_the_clear() -> None:
    with pytest.raises(Misconfigured, match="without TLS"):
        relay(smart_host="10.0.0.1:25 none", credentials_file="/etc/zegel/secrets/relay")


def test_a_server_that_is_only_tried_out_writes_to_nobody() -> None:
    assert not load(None, {}, LOOPBACK).relays
    assert load(None, {}, LOOPBACK | {"listeners.mx.address": "192.0.2.1:25"}).relays
    assert load(None, {}, LOOPBACK | {"relay.enabled": True}).relays
    assert load(None, {}, {"relay.enabled": "false"}).relays is False
    assert load(None, {}, {}).relays
