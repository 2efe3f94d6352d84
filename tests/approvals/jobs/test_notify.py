"""Notices carry a link to sign in and look: to whoever may decide, and nothing of what is asked."""

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from approvals.jobs.notify import notify
from portal.ledger.models import Entry
from tests.approvals.asking import opened, review
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)


def opened_entries() -> list[Entry]:
    return list(Entry.objects.filter(type="approvals.request.opened"))


def test_only_those_who_may_decide_are_told(organisation: Organisation, token: str) -> None:
    """R66, R61: the initiator is not asked; the mail holds a link and neither command nor decision."""
    asked = opened(token, "gh pr merge 7 --body secret-words", initiator="approver@example.test")
    notify(opened_entries())
    assert sorted(message.to[0] for message in mail.outbox) == ["second-approver@example.test", "security@example.test"]
    for message in mail.outbox:
        assert f"/approvals/{asked.label}/" in message.body
        assert "secret-words" not in f"{message.subject} {message.body}"
        assert "approve" not in message.body.lower().replace("an approval", "")


def test_nobody_is_told_of_what_is_settled(organisation: Organisation, token: str) -> None:
    review(opened(token), organisation.approver)
    notify(opened_entries())
    assert mail.outbox == []


def test_a_mail_server_that_fails_stops_nothing(
    organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened(token)

    def fail(*_: object) -> int:
        raise ConnectionRefusedError("no server")

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    notify(opened_entries())
    assert "could not be sent" in caplog.text
