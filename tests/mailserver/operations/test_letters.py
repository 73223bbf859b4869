from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

from mailserver.operations.letters import BRAM, NOOR, letters

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def test_both_people_get_letters_that_are_well_formed() -> None:
    readers = set()
    for reader, sender, octets in letters("demo.test", NOW):
        readers.add(reader)
        message = message_from_bytes(octets, policy=default)
        assert not message.defects
        assert sender in str(message["From"])
        assert f"{reader}@demo.test" in str(message["To"])
        assert message["Message-ID"]
        assert b"\n" not in octets.replace(b"\r\n", b"")
    assert readers == {NOOR, BRAM}


def test_there_is_a_thread_an_attachment_and_another_alphabet() -> None:
    found = [octets for _, _, octets in letters("demo.test", NOW)]
    messages = [message_from_bytes(octets, policy=default) for octets in found]
    assert any(message["In-Reply-To"] == "<walk@demo.test>" for message in messages)
    assert any(list(message.iter_attachments()) for message in messages)
    assert any(b"=?utf-8?" in octets for octets in found)
