"""A key in memory: hidden, uncopied, overwritten."""

import copy
import pickle

import pytest

from mailserver.crypto.secret import SecretKey, overwrite


def test_wiping_overwrites_the_octets_in_place() -> None:
    octets = bytearray(b"secret octets")
    key = SecretKey(octets)
    key.wipe()
    assert octets == bytes(13)
    assert key.wiped
    assert len(key) == 0
    with pytest.raises(ValueError, match="overwritten"):
        _ = key.octets
    key.wipe()


def test_immutable_octets_are_copied() -> None:
    octets = b"secret octets"
    key = SecretKey(octets)
    assert key.octets == octets
    assert not key.wiped
    key.wipe()
    assert octets == b"secret octets"


def test_random_keys_differ_and_have_the_length_asked_for() -> None:
    assert len(SecretKey.random()) == 32
    assert len(SecretKey.random(20)) == 20
    assert SecretKey.random().octets != SecretKey.random().octets


def test_a_key_does_not_print_pickle_or_copy() -> None:
    key = SecretKey(b"canary-of-a-key")
    assert repr(key) == "<key, 15 octets>"
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(key)


def test_overwrite_keeps_the_length() -> None:
    buffer = bytearray(b"abc")
    overwrite(buffer)
    assert buffer == b"\0\0\0"
