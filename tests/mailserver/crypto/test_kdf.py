"""HKDF and Argon2id against their RFCs, and the allow-list of password costs."""

import argon2.low_level
import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from mailserver.crypto import kdf
from mailserver.model.errors import Condition, Corrupt


@pytest.mark.parametrize(
    ("key", "salt", "info", "length", "derived"),
    [
        (
            "0b" * 22,
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)).hex(),
            bytes(range(0x60, 0xB0)).hex(),
            bytes(range(0xB0, 0x100)).hex(),
            82,
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
            "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
            "cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            "0b" * 22,
            "",
            "",
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
    ids=["A.1", "A.2", "A.3"],
)
def test_hkdf_gives_the_vectors_of_rfc_5869(
    key: str, salt: str, info: str, length: int, derived: str
) -> None:
    result = kdf.hkdf(bytes.fromhex(key), bytes.fromhex(info), length, bytes.fromhex(salt))
    assert result.hex() == derived


def test_hkdf_gives_octets_that_can_be_overwritten() -> None:
    assert isinstance(kdf.hkdf(bytearray(32), b"purpose"), bytearray)


def test_the_argon2_library_gives_the_vector_of_rfc_9106() -> None:
    """§5.3: with a secret and associated data, which only the library's core takes."""
    ffi = argon2.low_level.ffi
    out, password, salt = ffi.new("uint8_t[32]"), b"\x01" * 32, b"\x02" * 16
    secret, data = b"\x03" * 8, b"\x04" * 12
    buffers = [ffi.new("uint8_t[]", octets) for octets in (password, salt, secret, data)]
    context = ffi.new(
        "argon2_context *",
        {
            "version": argon2.low_level.ARGON2_VERSION,
            "out": out,
            "outlen": 32,
            "pwd": buffers[0],
            "pwdlen": 32,
            "salt": buffers[1],
            "saltlen": 16,
            "secret": buffers[2],
            "secretlen": 8,
            "ad": buffers[3],
            "adlen": 12,
            "t_cost": 3,
            "m_cost": 32,
            "lanes": 4,
            "threads": 4,
            "allocate_cbk": ffi.NULL,
            "free_cbk": ffi.NULL,
            "flags": 0,
        },
    )
    assert argon2.low_level.core(context, argon2.low_level.Type.ID.value) == 0
    assert bytes(ffi.buffer(out, 32)).hex() == (
        "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
    )


@pytest.mark.parametrize("parameters", sorted(kdf.ARGON2_PARAMETERS))
def test_argon2id_agrees_with_a_second_implementation(parameters: int) -> None:
    costs = kdf.ARGON2_PARAMETERS[parameters]
    other = Argon2id(
        salt=b"sixteen octets!!",
        length=32,
        iterations=costs.passes,
        lanes=costs.lanes,
        memory_cost=costs.memory_kib,
    )
    assert kdf.argon2id(b"passphrase", b"sixteen octets!!", parameters) == other.derive(
        b"passphrase"
    )


@pytest.mark.parametrize("parameters", [-1, 0, 3, 65536])
def test_parameters_off_the_list_are_refused(parameters: int) -> None:
    with pytest.raises(Corrupt) as caught:
        kdf.argon2id(b"passphrase", bytes(16), parameters)
    assert caught.value.condition is Condition.KEY_MISMATCH


def test_the_current_parameters_are_those_of_the_specification() -> None:
    assert kdf.ARGON2_PARAMETERS[kdf.ARGON2_CURRENT] == kdf.Argon2Parameters(65536, 3, 4)
    assert not kdf.needs_upgrade(kdf.ARGON2_CURRENT)
    assert kdf.needs_upgrade(1)
