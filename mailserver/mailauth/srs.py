"""Reverse paths of forwarded mail: ours, so that SPF holds, and they find their way back.

    alice@example.org  ──forwarded by us──►  SRS0=hash=day=example.org=alice@ours
    SRS0=…@other.net   ──forwarded by us──►  SRS1=hash=other.net==…@ours

A bounce to such an address is turned into what it was made of, and goes there. The keyed hash
keeps anybody else from having us send mail to an address of their choice, and the day ends a
collection of such addresses. A second forwarder (SRS1) keeps the first one's part as it is, so
that addresses do not grow with each hop; that part has its own hash and day.

Source: Meng Weng Wong, "Sender Rewriting Scheme" (2004); RFC 5321 §4.5.3.1.1 for the length.
"""

import base64
import re
from datetime import datetime, timedelta

from mailserver.crypto.sign import mac, same
from mailserver.model.address import LOCAL_PART_OCTETS, Address, canonical_domain
from mailserver.model.errors import Condition, PeerFault, Refused

LIFE = timedelta(days=21)  # queues give up after five days, and bounces may be as late again
HASH_CHARACTERS = 6  # 30 bits: a guess costs a message, and each of them is refused at RCPT
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_DAY_SECONDS = 86_400
_DAYS = 1024  # two digits; then they begin anew

_FLAGS = re.IGNORECASE | re.DOTALL | re.ASCII
_SRS0 = re.compile(r"srs0[-+=]([a-z2-7]{6})=([a-z2-7]{2})=([^=]+)=(.+)\Z", _FLAGS)
_SRS1 = re.compile(r"srs1[-+=]([a-z2-7]{6})=([^=]+)=([-+=].+)\Z", _FLAGS)
_OTHERS_SRS0 = re.compile(r"srs0([-+=].+)\Z", _FLAGS)
_OTHERS_SRS1 = re.compile(r"srs1[-+=][^=]+=([^=]+)=([-+=].+)\Z", _FLAGS)


def forward(sender: Address, *, ours: str, key: bytes, now: datetime) -> Address | None:
    """Return the reverse path under which `ours` forwards mail of `sender`.

    Args:
        sender: the reverse path the mail came with; ours already, it stays as it is.
        ours: the domain that forwards and takes the bounces.
        key: at least 16 secret octets, the same for as long as bounces may come.
        now: its day is written into the address.

    Returns:
        None where it would be longer than a local part may be. Such mail is best forwarded with
        the null reverse path: no bounce of it can find its way.
    """
    if sender.domain == ours:
        return sender
    by_one, by_more = _OTHERS_SRS0.match(sender.local), _OTHERS_SRS1.match(sender.local)
    if by_more:
        rest = f"{by_more[1]}={by_more[2]}"
        local = f"SRS1={_hash(key, rest)}={rest}"
    elif by_one:
        rest = f"{sender.domain}={by_one[1]}"
        local = f"SRS1={_hash(key, rest)}={rest}"
    else:
        rest = f"{_day(now)}={sender.domain}={sender.local}"
        local = f"SRS0={_hash(key, rest)}={rest}"
    return Address(local, ours) if len(local.encode()) <= LOCAL_PART_OCTETS else None


def is_ours(recipient: Address) -> bool:
    """Say whether an address, at a domain of ours, is in the form that `forward` makes."""
    return bool(_SRS0.match(recipient.local) or _SRS1.match(recipient.local))


def reverse(recipient: Address, *, key: bytes, now: datetime) -> Address:
    """Return where a bounce to `recipient` is to go.

    Some hosts on the way change the case of local parts; the hash allows for that.

    Raises:
        Refused: NOT_PERMITTED, we did not make it; EXPIRED, that was too long ago.
        PeerFault: BAD_ADDRESS, what it was made of is no address.
    """
    by_one, by_more = _SRS0.match(recipient.local), _SRS1.match(recipient.local)
    if by_one:
        said, day, domain, local = by_one.groups()
        _check(key, said, f"{day}={domain}={local}")
        if _age(day.lower(), now) > LIFE:
            raise Refused(Condition.EXPIRED, "the address for bounces is too old")
        return Address(local, canonical_domain(domain))
    if by_more:
        said, domain, rest = by_more.groups()
        _check(key, said, f"{domain}={rest}")
        return Address(f"SRS0{rest}", canonical_domain(domain))
    raise PeerFault(Condition.BAD_ADDRESS, "this is no address for bounces")


def _hash(key: bytes, rest: str) -> str:
    """Make the keyed hash of what follows it, whatever its case."""
    octets = mac(key, b"srs\0" + rest.lower().encode())
    return base64.b32encode(octets).decode()[:HASH_CHARACTERS].lower()


def _check(key: bytes, said: str, rest: str) -> None:
    if not same(said.lower().encode(), _hash(key, rest).encode()):
        raise Refused(Condition.NOT_PERMITTED, "the address for bounces is not one of ours")


def _day(now: datetime) -> str:
    number = int(now.timestamp()) // _DAY_SECONDS % _DAYS
    return _DIGITS[number >> 5] + _DIGITS[number & 31]


def _age(day: str, now: datetime) -> timedelta:
    """Say how old a day is; one of tomorrow, by another clock of ours, is as old as today."""
    number = _DIGITS.index(day[0]) << 5 | _DIGITS.index(day[1])
    days = (int(now.timestamp()) // _DAY_SECONDS - number) % _DAYS
    return timedelta(days=0 if days == _DAYS - 1 else days)
