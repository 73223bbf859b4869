"""Bounces of forwarded mail find their way, and nobody else has us write to anybody."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.mailauth.srs import LIFE, forward, is_ours, reverse
from mailserver.model.address import LOCAL_PART_OCTETS, Address
from mailserver.model.errors import Condition, PeerFault, Refused
from tests.support.dkim import NOW

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
OURS = "zegel.test"
ALICE = Address("alice", "example.org")


def forwarded(sender: Address, ours: str = OURS, key: bytes = KEY) -> Address:
    """Forward, where the address is short enough."""
    found = forward(sender, ours=ours, key=key, now=NOW)
    assert found is not None
    return found


def test_a_bounce_goes_back_to_the_sender() -> None:
    made = forwarded(ALICE)
    assert made.domain == OURS
    assert made.local.startswith("SRS0=")
    assert made.local.endswith("=example.org=alice")
    assert is_ours(made)
    assert reverse(made, key=KEY, now=NOW) == ALICE
    assert Address.parse(str(made)) == made


def test_a_bounce_through_two_forwarders_goes_back_through_both() -> None:
    first = forwarded(ALICE, "one.test", OTHER_KEY)
    second = forwarded(first)
    assert second.local.startswith("SRS1=")
    assert reverse(second, key=KEY, now=NOW) == first
    assert reverse(first, key=OTHER_KEY, now=NOW) == ALICE


def test_more_forwarders_add_nothing_and_lead_to_the_first() -> None:
    first = forwarded(Address("al", "b.test"), "one.test", OTHER_KEY)
    second = forwarded(first, "two.test", OTHER_KEY)
    third = forwarded(second)
    assert len(third.local) == len(second.local)
    assert reverse(third, key=KEY, now=NOW) == first


def test_mail_from_our_own_domain_keeps_its_sender() -> None:
    own = Address("bob", OURS)
    assert forwarded(own) == own
    assert forwarded(forwarded(ALICE)) == forwarded(ALICE)


@pytest.mark.parametrize("separator", "-+=")
def test_other_forwarders_separators_are_kept(separator: str) -> None:
    theirs = Address(f"SRS0{separator}HHHH=TT=example.org=alice", "one.test")
    assert reverse(forwarded(theirs), key=KEY, now=NOW) == theirs


def test_an_address_expires() -> None:
    made = forwarded(ALICE)
    assert reverse(made, key=KEY, now=NOW + LIFE) == ALICE
    assert reverse(made, key=KEY, now=NOW - timedelta(days=1)) == ALICE  # another clock
    with pytest.raises(Refused) as caught:
        reverse(made, key=KEY, now=NOW + LIFE + timedelta(days=1))
    assert caught.value.condition is Condition.EXPIRED


def test_hosts_that_change_the_case_of_an_address_do_no_harm() -> None:
    made = forwarded(ALICE)
    for local in (made.local.lower(), made.local.upper()):
        back = reverse(Address(local, OURS), key=KEY, now=NOW)
        assert back.key == ALICE.key


@pytest.mark.parametrize(
    ("old", "new"), [("alice", "victim"), ("example.org", "victim.test"), ("SRS0", "SRS1")]
)
def test_nobody_makes_an_address_of_their_own(old: str, new: str) -> None:
    made = forwarded(ALICE)
    changed = Address(made.local.replace(old, new), OURS)
    with pytest.raises((Refused, PeerFault)):
        reverse(changed, key=KEY, now=NOW)
    with pytest.raises(Refused):
        reverse(made, key=OTHER_KEY, now=NOW)


def test_a_day_cannot_be_renewed() -> None:
    made = forwarded(ALICE)
    fields = made.local.split("=")
    fields[2] = "aa" if fields[2] != "aa" else "ab"
    with pytest.raises(Refused):
        reverse(Address("=".join(fields), OURS), key=KEY, now=NOW)


@pytest.mark.parametrize("local", ["alice", "SRS0", "SRS0=x", "srs1=aaaaaa=b", "SRS=a=b=c=d", ""])
def test_other_addresses_are_none_of_it(local: str) -> None:
    assert not is_ours(Address(local, OURS))
    with pytest.raises(PeerFault):
        reverse(Address(local, OURS), key=KEY, now=NOW)


def test_an_address_too_long_to_be_one_is_not_made() -> None:
    room = LOCAL_PART_OCTETS - len("SRS0=hhhhhh=dd=example.org=")
    assert forward(Address("x" * room, "example.org"), ours=OURS, key=KEY, now=NOW)
    assert not forward(Address("x" * (room + 1), "example.org"), ours=OURS, key=KEY, now=NOW)


@given(st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()))
def test_any_local_part_comes_back(local: str) -> None:
    sender = Address(local, "b.test")
    made = forward(sender, ours=OURS, key=KEY, now=NOW)
    if made is not None:
        assert reverse(made, key=KEY, now=NOW) == sender


@given(st.text(max_size=60))
def test_any_text_is_refused_or_was_ours(local: str) -> None:
    with pytest.raises((Refused, PeerFault)):
        reverse(Address(f"SRS0={local}", OURS), key=KEY, now=NOW)
