"""Second factors in tests: an authenticator app, and an account that has one."""

import base64
from dataclasses import dataclass, field
from datetime import timedelta

import pyotp

from mailserver.accounts import totp
from mailserver.accounts.factors import Factor, Proof
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from tests.support.accounts import Node


@dataclass
class Authenticator:
    """Somebody's authenticator app."""

    account_id: AccountId
    seed: bytes
    clock: ManualClock
    backup: list[Plaintext] = field(default_factory=list)

    @staticmethod
    def base32(seed: bytes) -> str:
        """Write a seed as apps take it."""
        return base64.b32encode(seed).decode()

    def code(self, *, steps: int = 0) -> Plaintext:
        """Return the code of now, or of so many steps from now."""
        at = self.clock.now() + steps * timedelta(seconds=30)
        return Plaintext(pyotp.TOTP(self.base32(self.seed)).at(at).encode())

    def proof(self, *, steps: int = 0) -> Proof:
        """Show it, half a minute later so that the code is a new one."""
        self.clock.advance(timedelta(seconds=30))
        return Proof(Factor.TOTP, self.code(steps=steps))


async def enrolled(node: Node, address: str = "alice@example.org") -> Authenticator:
    """Make an account with an authenticator."""
    user = await node.user(address)
    device = Authenticator(user.account_id, totp.new_seed(), node.clock)
    device.backup = await node.desk.factors.add_totp(user.account_id, device.seed, device.code())
    return device
