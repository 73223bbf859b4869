import pytest

from mailserver.model.errors import Condition, Corrupt, MailError, Misconfigured
from mailserver.protocol.smtp.codes import Code
from mailserver.protocol.smtp.data import Fault
from mailserver.smtp.status import is_transient, reply_to, reply_to_fault, status


@pytest.mark.parametrize("condition", Condition, ids=lambda condition: str(condition.name))
def test_every_condition_is_an_error_reply(condition: Condition) -> None:
    code, detail = status(condition)
    assert 400 <= code < 600
    wire = reply_to(MailError(condition, "because")).encode()
    assert wire.startswith(f"{int(code)} {code // 100}.{detail} ".encode())


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: str(fault.name))
def test_every_fault_is_a_permanent_refusal(fault: Fault) -> None:
    assert reply_to_fault(fault).code >= Code.SYNTAX_ERROR


@pytest.mark.parametrize(
    "condition",
    [
        Condition.STORAGE_FULL,
        Condition.BUSY,
        Condition.SHUTTING_DOWN,
        Condition.UNAVAILABLE,
        Condition.DAMAGED,
        Condition.KEY_MISMATCH,
        Condition.MISCONFIGURED,
        Condition.NOT_ACTIVE,
        Condition.LOCKED,
        Condition.OVER_QUOTA,
        Condition.TRY_LATER,
    ],
)
def test_what_may_pass_is_tried_again(condition: Condition) -> None:
    assert is_transient(MailError(condition))


@pytest.mark.parametrize(
    "condition",
    [
        Condition.NO_SUCH_USER,
        Condition.NO_SUCH_DOMAIN,
        Condition.RELAY_DENIED,
        Condition.BAD_ADDRESS,
        Condition.TOO_LARGE,
        Condition.SENDER_NOT_YOURS,
        Condition.AUTHENTICATION_FAILED,
    ],
)
def test_what_will_not_pass_is_not(condition: Condition) -> None:
    assert not is_transient(MailError(condition))


def test_what_is_wrong_with_us_is_not_told() -> None:
    for error in (Corrupt(Condition.KEY_MISMATCH, "row 7"), Misconfigured("no such file")):
        assert reply_to(error).text == "Local error, try again later"
