"""Addresses that the server answers itself: nobody who had one would ever get a letter."""

from mailserver.mailauth import srs
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from mailserver.model.reserved import REPORTS


def check_not_reserved(address: Address) -> None:
    """See that an address may be somebody's.

    Raises:
        Refused: NOT_PERMITTED, it takes reports about its domain, or has the form of a reverse-path
            that we rewrote, whose bounces go elsewhere.
    """
    if address.local.casefold() in REPORTS:
        raise Refused(
            Condition.NOT_PERMITTED, f"{address} is the server's own: it takes reports there"
        )
    if srs.is_ours(address):
        raise Refused(
            Condition.NOT_PERMITTED, f"{address} has the form of addresses for returned mail"
        )
