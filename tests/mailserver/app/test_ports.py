"""Ports that several processes share: held by the parent, free for nobody else."""

import socket
from pathlib import Path

import pytest

from mailserver.app.ports import reserved
from mailserver.model.errors import Misconfigured
from tests.support.house import settings_in


def listening_there(port: int, host: str = "127.0.0.1") -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((host, port))
    sock.listen()
    return sock


def test_free_ports_are_picked_once_for_all(tmp_path: Path) -> None:
    with reserved(settings_in(tmp_path)) as settings:
        named = settings.listeners.named()
        ports = [listener.address.port for listener in named.values() if listener.address]
        assert all(ports)
        assert len(set(ports)) == len(ports)
        for port in ports:
            with listening_there(port), listening_there(port):
                pass


def test_all_connections_go_to_who_listens(tmp_path: Path) -> None:
    with reserved(settings_in(tmp_path)) as settings:
        address = settings.listeners.mx.address
        assert address is not None
        with listening_there(address.port) as server:
            for _ in range(20):
                with socket.create_connection((address.host, address.port), timeout=5):
                    server.settimeout(5)
                    server.accept()[0].close()


def test_every_interface_is_held_under_one_port(tmp_path: Path) -> None:
    with reserved(settings_in(tmp_path, listeners__mx__address=":0")) as settings:
        address = settings.listeners.mx.address
        assert address is not None
        assert address.host == ""
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("0.0.0.0", address.port))


def test_a_stranger_s_port_is_refused_even_if_he_shares_it(tmp_path: Path) -> None:
    with listening_there(0) as stranger:
        port = stranger.getsockname()[1]
        wanted = settings_in(tmp_path, listeners__mx__address=f"127.0.0.1:{port}")
        with (
            pytest.raises(Misconfigured, match=r"listeners\.mx: cannot listen"),
            reserved(wanted),
        ):
            pytest.fail("it cannot have that port")


def test_what_is_off_stays_off(tmp_path: Path) -> None:
    with reserved(settings_in(tmp_path, listeners__lmtp__address="off")) as settings:
        assert settings.listeners.lmtp.address is None
