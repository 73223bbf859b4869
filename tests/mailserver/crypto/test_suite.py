"""Start-up: the ciphers are tried, and a machine without ML-KEM is told so."""

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from mailserver.crypto.suite import Suite, hybrid_round_trip, self_test
from mailserver.model.errors import Condition, Misconfigured


class Library:
    """A cipher library that forgets either the text or the context."""

    def __init__(self, *, forgets_text: bool) -> None:
        self.forgets_text = forgets_text

    def encrypt(self, plaintext: bytes, public_key: MLKEM768X25519PublicKey, info: bytes) -> bytes:
        return b"" if self.forgets_text else plaintext

    def decrypt(
        self, ciphertext: bytes, private_key: MLKEM768X25519PrivateKey, info: bytes
    ) -> bytes:
        return ciphertext


def lacks_ml_kem() -> None:
    raise UnsupportedAlgorithm("ML-KEM is not here")


def test_this_machine_passes() -> None:
    hybrid_round_trip()
    assert self_test(allow_classical=False) is Suite.HYBRID
    assert self_test(allow_classical=True) is Suite.HYBRID


def test_without_ml_kem_the_server_does_not_start() -> None:
    with pytest.raises(Misconfigured, match=r"ML-KEM-768.*crypto\.allow_classical") as caught:
        self_test(allow_classical=False, round_trip=lacks_ml_kem)
    assert caught.value.condition is Condition.MISCONFIGURED


def test_without_ml_kem_it_starts_classical_where_the_settings_allow_it() -> None:
    assert self_test(allow_classical=True, round_trip=lacks_ml_kem) is Suite.CLASSICAL


@pytest.mark.parametrize(
    ("forgets_text", "complaint"), [(True, "does not open"), (False, "wrong context")]
)
def test_wrong_answers_stop_the_server_in_any_case(forgets_text: bool, complaint: str) -> None:
    library = Library(forgets_text=forgets_text)
    with pytest.raises(RuntimeError, match=complaint):
        self_test(allow_classical=True, round_trip=lambda: hybrid_round_trip(library))
