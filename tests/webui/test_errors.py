"""Conditions as HTTP says them."""

import json
from http import HTTPStatus

import pytest

from mailserver.model.errors import Condition, Corrupt, MailError, Refused
from webui.errors import incident, said, status


@pytest.mark.parametrize("condition", list(Condition))
def test_every_condition_is_an_error_of_http(condition: Condition) -> None:
    assert 400 <= status(condition) < 600
    answer = said(MailError(condition, "words"))
    body = json.loads(bytes(answer.body))
    assert answer.status_code == body["status"] == status(condition)
    assert answer.media_type == "application/problem+json"
    assert body["title"] == HTTPStatus(body["status"]).phrase


def test_a_refusal_says_its_words_and_its_condition() -> None:
    body = json.loads(bytes(said(Refused(Condition.SCOPE, "not for jmap")).body))
    assert body["detail"] == "not for jmap"
    assert body["condition"] == "scope"


def test_who_comes_too_often_learns_when_to_come_again() -> None:
    assert said(Refused(Condition.TRY_LATER)).headers["retry-after"]


@pytest.mark.parametrize("error", [ValueError("secret"), Corrupt(Condition.DAMAGED, "secret")])
def test_a_bug_and_damage_are_told_by_an_incident_alone(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = said(error) if isinstance(error, MailError) else incident(error)
    body = json.loads(bytes(answer.body))
    assert answer.status_code == 500
    assert b"secret" not in bytes(answer.body)
    logged = capsys.readouterr().err
    assert body["incident"] in logged
    assert "secret" not in logged
