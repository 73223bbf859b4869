"""Which mailbox of ours each of theirs becomes."""

from hypothesis import given
from hypothesis import strategies as st

from mailserver.mail.mailboxes import canonical_name
from mailserver.model.mailbox import Role
from mailserver.transfer.imap_session import Namespaces
from mailserver.transfer.imap_values import Listed
from mailserver.transfer.naming import Target, plan


def one(name: str, *attributes: str, delimiter: str = "/") -> Listed:
    levels = tuple(name.split(delimiter)) if delimiter else (name,)
    return Listed(name.encode(), levels, delimiter, frozenset(attributes))


def names(*found: Listed, own: str = "", others: tuple[str, ...] = ()) -> dict[str, Target]:
    made = plan(found, Namespaces((own,), others))
    return {each.source.raw.decode(): each.target for each in made.mailboxes}


def test_a_special_use_goes_to_ours_and_what_is_below_it_too() -> None:
    assert names(one("Sent"), one("Gesendet", "\\sent"), one("Gesendet/2020")) == {
        "Gesendet": Target("Sent", Role.SENT),
        "Sent": Target("Sent (2)"),
        "Gesendet/2020": Target("Sent/2020"),
    }


def test_without_special_use_usual_names_tell() -> None:
    found = names(one("Deleted Items"), one("INBOX.Drafts", delimiter="."), one("Verzonden items"))
    assert {target.role for target in found.values()} == {Role.TRASH, Role.DRAFTS, Role.SENT}


def test_the_prefix_of_all_ones_names_is_dropped() -> None:
    found = names(
        one("INBOX", delimiter="."),
        one("INBOX.Work.A/B", delimiter="."),
        one("user.bob", delimiter="."),
        own="INBOX.",
        others=("user.",),
    )
    assert found == {"INBOX": Target("INBOX", Role.INBOX), "INBOX.Work.A/B": Target("Work/A-B")}


def test_children_of_inbox_stay_its_children() -> None:
    assert names(one("inbox"), one("Inbox/Child"))["Inbox/Child"] == Target("INBOX/Child")


def test_two_names_never_become_one() -> None:
    found = names(one("a/b", delimiter=""), one("a-b"), one("A-b"))
    assert len({target.name for target in found.values()}) == 3


def test_what_only_shows_others_messages_is_left_out_with_a_reason() -> None:
    made = plan([one("Everything", "\\all"), one("No", "\\noselect")], Namespaces())
    assert made.mailboxes == []
    assert [name for name, _ in made.left_out] == ["Everything"]


def test_gmail_is_read_once_and_its_labels_tell_where() -> None:
    found = [
        one("INBOX"),
        one("[Gmail]/All Mail", "\\all"),
        one("[Gmail]/Sent Mail", "\\sent"),
        one("[Gmail]/Spam", "\\junk"),
        one("[Gmail]/Starred", "\\flagged"),
        one("Work/Plans"),
    ]
    made = plan(found, Namespaces(), gmail=True)
    assert [each.source.name for each in made.mailboxes] == ["[Gmail]/All Mail", "[Gmail]/Spam"]
    assert made.mailboxes[0].by_labels
    assert made.labelled([b"\\Inbox", b"\\Important", b"Work/Plans", b"Hidden"]) == [
        Target("INBOX", Role.INBOX),
        Target("Work/Plans"),
        Target("Hidden"),
    ]
    assert made.labelled([b"\\Starred"]) == [Target("Archive", Role.ARCHIVE)]


def test_only_what_was_asked_for_and_what_is_missing_of_it() -> None:
    made = plan([one("INBOX"), one("Work")], Namespaces(), only=("Work", "Play"))
    assert [each.source.name for each in made.mailboxes] == ["Work"]
    assert made.left_out == [("Play", "the other server has no such mailbox")]


@given(st.lists(st.text(max_size=40), max_size=12))
def test_any_names_become_names_of_ours_each_its_own(found: list[str]) -> None:
    made = plan([one(name) for name in dict.fromkeys(found) if name], Namespaces())
    targets = [each.target for each in made.mailboxes]
    assert len({target.name for target in targets}) == len(targets)
    for target in targets:
        assert canonical_name(target.name) == target.name


def test_a_name_may_be_very_long_and_very_deep() -> None:
    for name in ("ü" * 3_000, "/".join("x" * 200), "/" * 300 + "a"):
        (target,) = names(one(name)).values()
        assert canonical_name(target.name) == target.name
