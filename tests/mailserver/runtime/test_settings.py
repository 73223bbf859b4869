from pathlib import Path

import pytest
from pydantic import ValidationError

from mailserver.model.errors import Misconfigured
from mailserver.runtime.settings import Endpoint, Settings, Tls, load
from mailserver.runtime.settings_source import dotted_keys, variable_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "zegel.toml"


def refusal(file: Path, text: str, **environ: str) -> str:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as error:
        load(file, environ)
    assert "\n" not in error.value.text
    return error.value.text


def test_defaults_are_those_of_the_design() -> None:
    settings = load(None, {})
    assert settings.limits.message_octets == 50 << 20
    assert settings.limits.recipients == 1_000
    assert settings.limits.quota_octets == 10 << 30
    assert settings.limits.header_block_octets == 256 << 10
    doors = settings.listeners.named()
    assert {name: str(door.address) for name, door in doors.items() if door.address} == {
        "mx": ":25",
        "submission": ":587",
        "submissions": ":465",
        "imaps": ":993",
        "https": ":443",
    }
    assert doors["imaps"].tls is doors["submissions"].tls is Tls.IMPLICIT
    assert doors["mx"].tls is doors["submission"].tls is Tls.STARTTLS


@pytest.mark.parametrize(
    ("overrides", "url"),
    [
        ({"listeners.https.address": "127.0.0.1:2443"}, "https://localhost:2443"),
        ({"listeners.https.address": "0.0.0.0:443"}, "https://localhost"),
        ({"listeners.https.address": "off"}, "https://localhost"),
        (
            {"listeners.https.address": "127.0.0.1:2443", "listeners.https.public_port": 8443},
            "https://localhost:8443",
        ),
        ({"web.public_url": "https://mail.example.test"}, "https://mail.example.test"),
    ],
)
def test_links_lead_to_where_the_webmail_is(overrides: dict[str, object], url: str) -> None:
    assert load(None, {}, {"hostname": "localhost", **overrides}).webmail_url == url


def test_file_then_environment_then_command_line(file: Path) -> None:
    file.write_text('hostname = "a.example"\n[limits]\nrecipients = 200\nconnections = 7\n')
    environ = {"ZEGEL_LIMITS_RECIPIENTS": "300", "ZEGEL_CONFIG": str(file), "PATH": "/bin"}
    settings = load(None, environ, {"limits.connections": 9})
    assert settings.hostname == "a.example"
    assert settings.limits.recipients == 300
    assert settings.limits.connections == 9


def test_every_setting_has_a_variable_of_its_own() -> None:
    keys = list(dotted_keys(Settings))
    variables = {variable_of(key) for key in keys}
    assert len(variables) == len(keys)
    assert {"ZEGEL_DATABASE_URL", "ZEGEL_KEYSTORE_URL", "ZEGEL_LISTENERS_IMAPS_ADDRESS"} < variables


def test_settings_are_frozen() -> None:
    settings = load(None, {})
    with pytest.raises(ValidationError):
        settings.hostname = "other"


def test_relative_paths_count_from_the_file(file: Path) -> None:
    file.write_text('data_dir = "data"\n[database]\nurl = "sqlite:///data/mail.sqlite3"\n')
    settings = load(file, {})
    assert settings.data_dir == file.parent / "data"
    assert settings.database_url == f"sqlite:///{file.parent / 'data' / 'mail.sqlite3'}"
    assert settings.blob_dir == file.parent / "data" / "blobs"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::1]:993", "::1", 993),
        (":25", "", 25),
        ("localhost:1143", "localhost", 1143),
    ],
)
def test_addresses(file: Path, text: str, host: str, port: int) -> None:
    file.write_text(f'[listeners.imaps]\naddress = "{text}"\n')
    address = load(file, {}).listeners.imaps.address
    assert address == Endpoint(host=host, port=port)
    assert str(address) == text


def test_listener_can_be_turned_off(file: Path) -> None:
    file.write_text('[listeners.mx]\naddress = "off"\n')
    assert load(file, {}).listeners.mx.address is None


@pytest.mark.parametrize("text", ["imap.example.org", "127.0.0.1:99999", "127.0.0.1:", ":x"])
def test_what_is_no_address_is_refused(file: Path, text: str) -> None:
    said = refusal(file, f'[listeners.mx]\naddress = "{text}"\n')
    assert said.startswith("listeners.mx.address (in ")
    assert "host:port" in said


def test_sizes_may_carry_a_unit(file: Path) -> None:
    file.write_text('[limits]\nmessage_octets = "150 MiB"\n')
    assert load(file, {}).limits.message_octets == 150 << 20


def test_hard_bound_holds(file: Path) -> None:
    said = refusal(file, '[limits]\nmessage_octets = "151 MiB"\n')
    assert said.startswith("limits.message_octets")
    assert str(150 << 20) in said


def test_unknown_key_names_the_nearest(file: Path) -> None:
    said = refusal(file, "[limits]\nmesage_octets = 1\n")
    assert "limits.mesage_octets is no setting; the nearest one is limits.message_octets" in said
    assert "keystore.url" in refusal(file, '[keystoer]\nurl = "x"\n')
    assert "is no setting" in refusal(file, "limits = 3\n")


def test_unknown_variable_names_the_nearest(file: Path) -> None:
    said = refusal(file, "", ZEGEL_DATABSE_URL="x")
    assert "ZEGEL_DATABSE_URL is no setting; the nearest one is ZEGEL_DATABASE_URL" in said


def test_password_in_a_url_is_never_repeated(file: Path) -> None:
    text = '[database]\nurl = "mysql://zegel:hunter2@db/mail"\n'
    assert "hunter2" not in refusal(file, text)
    file.write_text(text.replace("mysql", "postgresql"))
    assert "hunter2" not in repr(load(file, {}))


def test_password_of_a_database_may_lie_in_a_file(file: Path) -> None:
    file.with_name("secret").write_text("p@ss/word\n")
    text = '[database]\nurl = "postgresql://zegel@db/mail"\npassword_file = "{}"\n'
    file.write_text(text.format("secret"))
    assert load(file, {}).database_url == "postgresql://zegel:p%40ss%2Fword@db/mail"
    assert "cannot be read" in refusal(file, text.format("none"))
    doubled = text.format("secret").replace("zegel@", "zegel:x@")
    assert "postgresql://user@host/name" in refusal(file, doubled)
    sqlite = '[keystore]\nurl = "sqlite:///k/k.sqlite3"\npassword_file = "secret"\n'
    assert refusal(file, sqlite).startswith("keystore.password_file")


def test_broken_and_missing_files_are_named(file: Path) -> None:
    assert "this is no TOML" in refusal(file, "a = = 1")
    with pytest.raises(Misconfigured, match="no such file"):
        load(file.with_name("none.toml"), {})


def test_plain_text_stays_on_loopback(file: Path) -> None:
    door = '[listeners.imap]\naddress = "{}"\ntls = "none"\n'
    assert "loopback addresses only" in refusal(file, door.format("0.0.0.0:143"))
    assert "loopback addresses only" in refusal(file, door.format(":143"))
    assert "loopback addresses only" in refusal(file, door.format("imap.example.org:143"))
    for host in ("127.0.0.1", "127.9.9.9", "[::1]", "localhost"):
        file.write_text(door.format(f"{host}:0"))
        assert load(file, {}).listeners.imap.tls is Tls.NONE


def test_lmtp_stays_on_loopback_whatever_its_tls(file: Path) -> None:
    said = refusal(file, '[listeners.lmtp]\naddress = ":24"\ntls = "starttls"\n')
    assert "must be on loopback" in said


def test_debug_log_is_refused_on_a_public_server(file: Path) -> None:
    assert "debug" in refusal(file, '[log]\nlevel = "debug"\n')


@pytest.mark.parametrize("key", ["master_file", "audit_file"])
def test_keys_lie_outside_of_the_data(file: Path, key: str) -> None:
    said = refusal(file, f'data_dir = "data"\n[keys]\n{key} = "data/secrets/x.key"\n')
    assert said.startswith(f"keys.{key}: it must lie outside of the data directory")


def test_link_into_the_data_directory_is_seen_through(file: Path) -> None:
    (file.parent / "data").mkdir()
    (file.parent / "secrets").symlink_to("data")
    said = refusal(file, 'data_dir = "data"\n[keys]\nmaster_file = "secrets/master.key"\n')
    assert "outside of the data directory" in said


def test_keystore_lies_outside_of_the_data(file: Path) -> None:
    text = 'data_dir = "data"\n[keystore]\nurl = "sqlite:///data/keystore.sqlite3"\n'
    assert "outside of the data directory" in refusal(file, text)
    text = (
        '[database]\nurl = "sqlite:///db/a.sqlite3"\n[keystore]\nurl = "sqlite:///db/b.sqlite3"\n'
    )
    assert "outside of the data directory" in refusal(file, text)


def test_keystore_has_a_postgresql_of_its_own(file: Path) -> None:
    text = (
        '[database]\nurl = "postgresql://a@db/mail"\n[keystore]\nurl = "postgresql://b@{}/keys"\n'
    )
    assert "instance of its own" in refusal(file, text.format("db:5432"))
    file.write_text(text.format("db:5433"))
    assert load(file, {}).keystore.url.endswith("/keys")
    text = (
        '[database]\nurl = "postgresql://a@/mail?host=/run/mail"\n'
        '[keystore]\nurl = "postgresql://b@/keys?host={}"\n'
    )
    assert "instance of its own" in refusal(file, text.format("/run/mail"))
    assert "instance of its own" in refusal(file, text.format("/run/mail&port=5432"))
    for other in ("/run/keys", "/run/mail&port=5433"):
        file.write_text(text.format(other))
        assert load(file, {}).keystore.url.endswith(other)


def test_several_workers_need_postgresql(file: Path) -> None:
    assert refusal(file, "workers = 2\n").startswith("workers: several processes need PostgreSQL")
    assert "workers" in refusal(file, "workers = 0\n")
    file.write_text('workers = 2\n[database]\nurl = "postgresql://a@db/mail"\n')
    assert load(file, {}).workers == 2
    assert load(None, {}).workers == 1


def test_name_servers_are_addresses_with_a_port_where_needed(file: Path) -> None:
    file.write_text('[dns]\nnameservers = ["127.0.0.1", "[::1]:5353", "2001:db8::53"]\n')
    dns = load(file, {}).dns
    assert dns.nameservers == (
        Endpoint(host="127.0.0.1", port=53),
        Endpoint(host="::1", port=5353),
        Endpoint(host="2001:db8::53", port=53),
    )
    varied = load(None, {"ZEGEL_DNS_NAMESERVERS": "127.0.0.1, 192.0.2.53:54"}).dns
    assert [str(one) for one in varied.nameservers] == ["127.0.0.1:53", "192.0.2.53:54"]
    assert load(None, {}).dns.nameservers == ()


@pytest.mark.parametrize("text", ["resolver.test", "resolver.test:53", "off", "", ":53"])
def test_name_server_without_an_address_is_refused(file: Path, text: str) -> None:
    said = refusal(file, f'[dns]\nnameservers = ["{text}"]\n')
    assert said.startswith("dns.nameservers (in ")
