"""Scripts are stored whole and right, or not at all."""

import pytest

from mailserver.mail.scripts import NAME_OCTETS
from mailserver.model.errors import Absent, Condition, MailError, PeerFault, Refused
from mailserver.model.sealed import Plaintext
from tests.support.filters import BOUNDS, Filtered, filtered
from tests.support.mail import MailNode


@pytest.fixture
async def alice(mail: MailNode) -> Filtered:
    return await filtered(mail)


def text(script: str) -> Plaintext:
    return Plaintext(script.encode())


async def test_a_script_comes_back_octet_for_octet(alice: Filtered) -> None:
    script = text("# grüße\r\nkeep;\n")
    assert await alice.scripts.put("Été", script) == []
    assert (await alice.scripts.get("E\u0301te\u0301")).reveal() == script.reveal()
    (info,) = await alice.scripts.listing()
    assert (info.name, info.active, info.size_octets) == ("Été", False, len(script))


async def test_scripts_are_renamed_and_deleted(alice: Filtered) -> None:
    await alice.script("keep;", "one")
    await alice.scripts.rename("one", "two")
    (info,) = await alice.scripts.listing()
    assert (info.name, info.active) == ("two", True)
    with pytest.raises(MailError) as refused:
        await alice.scripts.delete("two")
    assert refused.value.condition is Condition.SCRIPT_ACTIVE
    await alice.scripts.activate(None)
    await alice.scripts.delete("two")
    assert await alice.scripts.listing() == []


@pytest.mark.parametrize("name", ["", "a\nb", "a\u2028b", "x" * (NAME_OCTETS + 1)])
async def test_what_is_no_name_is_refused(alice: Filtered, name: str) -> None:
    with pytest.raises(PeerFault):
        await alice.scripts.put(name, text("keep;"))
    with pytest.raises(Absent):
        await alice.scripts.get(name)


async def test_a_script_that_does_not_compile_is_not_stored(alice: Filtered) -> None:
    with pytest.raises(PeerFault) as refused:
        await alice.scripts.put("main", text('keep;\nfileinto "x";'))
    assert refused.value.condition is Condition.BAD_SCRIPT
    assert refused.value.text == 'line 2, column 1: fileinto needs require "fileinto"'
    assert await alice.scripts.listing() == []


@pytest.mark.parametrize(
    "script",
    [
        'redirect "eve@elsewhere.test";',
        'require "copy"; redirect :copy "eve@elsewhere.test";',
        'require "enotify"; notify "mailto:eve@elsewhere.test";',
        'if false { redirect "eve@elsewhere.test"; }',
    ],
)
async def test_a_script_names_approved_addresses_only(alice: Filtered, script: str) -> None:
    with pytest.raises(Refused) as refused:
        await alice.scripts.put("main", text(script))
    assert refused.value.condition is Condition.NOT_PERMITTED
    alice.approved.add("eve@elsewhere.test")
    assert await alice.scripts.put("main", text(script)) == []


async def test_what_is_known_only_in_a_run_is_warned_of(alice: Filtered) -> None:
    script = 'require ["variables", "include"];\nredirect "${1}@x.test";\ninclude "other";'
    first, second = await alice.scripts.put("main", text(script))
    assert first.startswith("line 2: mail goes on only to addresses you approved")
    assert second == 'there is no script "other" to include'


async def test_scripts_have_a_quota(alice: Filtered) -> None:
    small = text("keep;")
    for number in range(BOUNDS.scripts):
        await alice.scripts.put(str(number), small)
    with pytest.raises(Refused) as refused:
        await alice.scripts.has_space("another", 10)
    assert refused.value.condition is Condition.LIMIT
    with pytest.raises(Refused):
        await alice.scripts.put("another", small)
    await alice.scripts.has_space("1", 10)
    with pytest.raises(PeerFault) as too_large:
        await alice.scripts.has_space("1", BOUNDS.script_octets + 1)
    assert too_large.value.condition is Condition.TOO_LARGE
    with pytest.raises(PeerFault):
        await alice.scripts.put("1", text("#" * BOUNDS.script_octets + "\n"))


async def test_changes_are_in_the_audit_log_without_the_scripts_words(alice: Filtered) -> None:
    await alice.script("keep; # canary", "holiday")
    entries = await alice.mail.node.store.audit.rows(0, 1_000)
    changed = [row for row in entries if row.event == "rule-changed"]
    assert len(changed) == 2
    stored = b"".join(bytes(row.entry) for row in changed)
    assert b"holiday" not in stored
    assert b"canary" not in stored
