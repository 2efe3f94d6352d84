"""Notices are rows: who is told of what, written once, held back for quiet hours, and sent by a job of its own."""

from datetime import time, timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.db.models import F
from pytest_django.fixtures import Settings

from approvals.events import RequestEscalated, ReviewGiven
from approvals.jobs.debts import alert_debts
from approvals.jobs.deliver import deliver_due
from approvals.jobs.notify import notify
from approvals.models import ApprovalRequest, Delegation, Delivery, GateException, NoticeChoice, Review
from approvals.rules.exceptions import ExceptionKind
from approvals.rules.notices import Digest, NoticeKind
from approvals.rules.workflow import Verdict
from approvals.services.exceptions import ask as ask_for
from approvals.services.exceptions import grant
from approvals.services.notices import choose_notices
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.tasks import deliver_notices, seal_log
from registry.models import Agent
from tests.approvals.asking import opened, review
from tests.approvals.standing_in import account, away
from tests.organisation import Organisation
from tests.receiver import mail_server

pytestmark = pytest.mark.django_db(transaction=True)


def told(kind: NoticeKind = NoticeKind.OPENED) -> None:
    """What the follower does with every entry of the kind."""
    notify(list(Entry.objects.filter(type=kind.value)))


def addresses() -> list[str]:
    return sorted(message.to[0] for message in mail.outbox)


def test_only_those_who_may_decide_are_told(organisation: Organisation, token: str) -> None:
    """The initiator is not asked; the mail holds a link and neither command nor decision, in text and in HTML."""
    asked = opened(token, "gh pr merge 7 --body secret-words", initiator="approver@example.test")
    told()
    assert mail.outbox == [], "the follower sends nothing"
    assert deliver_due() == 2
    assert addresses() == ["second-approver@example.test", "security@example.test"]
    for message in mail.outbox:
        assert isinstance(message, mail.EmailMultiAlternatives)
        (html,) = (part[0] for part in message.alternatives)
        for text in (message.body, str(html)):
            assert f"/approvals/{asked.label}/" in text
            assert "secret-words" not in f"{message.subject} {text}"
            assert "approve" not in text.lower()
        assert message.extra_headers["List-Unsubscribe"].endswith("/approvals/notices/>")


def test_the_same_entry_read_twice_is_one_message(organisation: Organisation, token: str) -> None:
    opened(token)
    told()
    told()
    deliver_due()
    assert len(addresses()) == len(set(addresses())) == 3


def test_from_the_log_to_the_mail_by_the_tasks_of_the_portal(organisation: Organisation, token: str) -> None:
    opened(token)
    seal_log()
    assert mail.outbox == []
    deliver_notices()
    assert len(mail.outbox) == 3
    seal_log()
    deliver_notices()
    assert len(mail.outbox) == 3


def test_nobody_is_told_of_what_is_settled(organisation: Organisation, token: str) -> None:
    review(opened(token), organisation.approver)
    told()
    assert Delivery.objects.count() == 0


def test_what_is_settled_meanwhile_is_dropped(organisation: Organisation, token: str) -> None:
    request = opened(token)
    told()
    review(request, organisation.approver, Verdict.DENY)
    deliver_due()
    assert mail.outbox == []
    assert set(Delivery.objects.values_list("state", flat=True)) == {"dropped"}


def test_who_decided_already_is_not_told_later(organisation: Organisation, pair_token: str) -> None:
    request = opened(pair_token)
    told()
    review(request, organisation.approver)
    deliver_due()
    assert addresses() == ["second-approver@example.test", "security@example.test"]
    assert Delivery.objects.get(person=organisation.approver).state == "dropped"


def test_who_left_is_not_told(organisation: Organisation, token: str) -> None:
    opened(token)
    told()
    Person.objects.filter(pk=organisation.approver.pk).update(is_active=False)
    deliver_due()
    assert "approver@example.test" not in addresses()
    assert Delivery.objects.get(person=organisation.approver).state == "dropped"


def test_who_is_away_is_not_told(organisation: Organisation, token: str) -> None:
    now = database_now()
    Delegation.objects.create(
        giver=organisation.approver,
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=1),
        reason="On holiday.",
        made_by=organisation.approver,
    )
    opened(token)
    told()
    assert not Delivery.objects.filter(person=organisation.approver).exists()
    assert Delivery.objects.filter(person=organisation.second_approver).exists()


def test_who_stands_in_is_told(organisation: Organisation, token: str) -> None:
    now = database_now()
    Delegation.objects.create(
        giver=organisation.approver,
        receiver=organisation.member,
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=1),
        reason="On holiday.",
        made_by=organisation.approver,
    )
    opened(token)
    told()
    deliver_due()
    assert addresses() == ["member@example.test", "second-approver@example.test", "security@example.test"]


def test_no_account_of_somebody_who_is_away_is_told(organisation: Organisation, token: str) -> None:
    account(organisation, "approver+two@example.test", "Cleo Twin", Role.APPROVER)  # of the same person, by its address
    away(organisation.approver, organisation.member)
    opened(token)
    told()
    deliver_due()
    assert addresses() == ["member@example.test", "second-approver@example.test", "security@example.test"]


def test_everybody_who_stands_in_and_is_there_is_told(organisation: Organisation, token: str) -> None:
    for receiver in (organisation.member, organisation.outsider, organisation.second_manager):
        away(organisation.approver, receiver)
    away(organisation.outsider, None)
    away(organisation.approver, organisation.member)
    opened(token)
    told()
    deliver_due()
    expected = {"member@example.test", organisation.second_manager.email}
    assert set(addresses()) == expected | {"second-approver@example.test", "security@example.test"}
    assert len(addresses()) == 4


@pytest.mark.parametrize("stands_in", [True, False])
def test_who_goes_away_before_the_mail_is_sent_is_not_told(
    organisation: Organisation, token: str, stands_in: bool
) -> None:
    """Whoever stands in is, as they want to be told; and nobody twice."""
    choose_notices(actor=organisation.approver, kinds=None, digest=Digest.DAILY)
    choose_notices(actor=organisation.member, kinds=None, digest=Digest.HOURLY)
    opened(token)
    told()
    deliver_due()
    assert addresses() == ["second-approver@example.test", "security@example.test"]
    away(organisation.approver, organisation.member if stands_in else None)
    away(organisation.second_approver, organisation.security)  # told before of the same request
    Delivery.objects.filter(person=organisation.approver).update(not_before=database_now())
    deliver_due()
    mine = Delivery.objects.get(person=organisation.approver)
    assert (mine.state, mine.fault) == ("dropped", "The person is away.")
    waiting = Delivery.objects.filter(state="waiting")
    assert [one.person for one in waiting] == ([organisation.member] if stands_in else [])
    waiting.update(not_before=database_now())
    deliver_due()
    told_too = ["member@example.test"] if stands_in else []
    assert addresses() == [*told_too, "second-approver@example.test", "security@example.test"]


def test_a_request_that_is_passed_on_tells_one_person_at_any_hour(organisation: Organisation, token: str) -> None:
    """Also somebody who may not decide it, and is there to find who can."""
    request = opened(token)
    _quiet_now(organisation.member)
    event = RequestEscalated(request=request.number, to=organisation.member.pk, step=1)
    with transaction.atomic():
        append(event, actor=SYSTEM, at=database_now(), agent_id=request.agent_id)
    told(NoticeKind.ESCALATED)
    deliver_due()
    (message,) = mail.outbox
    assert message.to == ["member@example.test"]
    assert "still waits" in message.subject


def test_the_next_stage_is_told_when_its_turn_comes(organisation: Organisation, token: str) -> None:
    """Security decides second: it is told after the team has approved, and once."""
    request = opened(token)
    stages = [
        {"name": "Owner team", "groups": ["team"], "quorum": 1},
        {"name": "Security", "groups": ["security"], "quorum": 1},
    ]
    ApprovalRequest.objects.filter(pk=request.pk).update(stages=stages, quorum=2)
    told()
    deliver_due()
    assert addresses() == ["approver@example.test", "second-approver@example.test"]
    mail.outbox.clear()
    Review.objects.create(
        request=request,
        person=organisation.approver,
        human=organisation.approver.human,
        verdict=Verdict.APPROVE.value,
        stage=0,
        capacity="team",
        reason="Read.",
        view_hash=request.view_hash,
        authority={},
    )
    given = ReviewGiven(
        request=request.number,
        digest="",
        verdict="approve",
        view_hash="",
        authority={},
        sign_in=[],
        shown_seconds=None,
        reason="Read.",
    )
    with transaction.atomic():
        append(given, actor=actor_for(organisation.approver), at=database_now(), agent_id=request.agent_id)
    for _ in range(2):
        notify(list(Entry.objects.filter(type="approvals.review.given")))
        deliver_due()
    assert addresses() == ["security@example.test"]


def test_a_kind_that_is_not_wanted_is_not_written(organisation: Organisation, token: str) -> None:
    choose_notices(actor=organisation.approver, kinds=[NoticeKind.RESOLVED.value])
    opened(token)
    told()
    assert not Delivery.objects.filter(person=organisation.approver).exists()


def test_a_wish_that_changed_meanwhile_counts(organisation: Organisation, token: str) -> None:
    opened(token)
    told()
    choose_notices(actor=organisation.approver, kinds=[NoticeKind.RESOLVED.value])
    deliver_due()
    assert "approver@example.test" not in addresses()


def _quiet_now(person: Person) -> None:
    """Quiet hours around the present moment, by the clock of UTC."""
    clock = database_now()
    begin, end = (clock - timedelta(hours=1)).time(), (clock + timedelta(hours=1)).time()
    NoticeChoice.objects.update_or_create(
        person=person, defaults={"quiet_from": begin, "quiet_to": end, "timezone": "UTC"}
    )


def test_quiet_hours_hold_a_mail_back(organisation: Organisation, token: str) -> None:
    _quiet_now(organisation.approver)
    opened(token)
    told()
    deliver_due()
    assert "approver@example.test" not in addresses()
    held = Delivery.objects.get(person=organisation.approver)
    assert held.state == "waiting"
    assert held.not_before > database_now() + timedelta(minutes=50)


def test_high_risk_passes_quiet_hours(organisation: Organisation, token: str) -> None:
    _quiet_now(organisation.approver)
    request = opened(token)
    ApprovalRequest.objects.filter(pk=request.pk).update(risk=100)
    told()
    deliver_due()
    assert "approver@example.test" in addresses()


def test_a_digest_gathers_what_still_waits(organisation: Organisation, token: str) -> None:
    choose_notices(actor=organisation.approver, kinds=None, digest=Digest.HOURLY)
    first, second, settled = (opened(token, f"gh pr merge {number}") for number in (1, 2, 3))
    told()
    Delivery.objects.exclude(person=organisation.approver).delete()
    review(settled, organisation.second_approver)
    assert {(at.minute, at.second) for at in Delivery.objects.values_list("not_before", flat=True)} == {(0, 0)}
    # This test may begin before an hour ends and go on after it.
    Delivery.objects.update(not_before=F("not_before") + timedelta(hours=1))
    assert deliver_due() == 0, "the hour is not over"
    Delivery.objects.update(not_before=database_now())
    assert deliver_due() == 1
    (message,) = mail.outbox
    assert "and 1 more" in message.subject
    assert first.label in message.body
    assert second.label in message.body
    assert settled.label not in message.body
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["dropped", "sent", "sent"]


def test_the_starter_is_told_how_it_ended(organisation: Organisation, token: str) -> None:
    request = opened(token, initiator="member@example.test")
    review(request, organisation.approver, Verdict.DENY)
    told(NoticeKind.RESOLVED)
    deliver_due()
    (message,) = mail.outbox
    assert message.to == ["member@example.test"]
    assert message.subject == f"{request.label}: the request of Payments Refactorer is denied"


def test_what_ended_long_ago_is_no_news(organisation: Organisation, token: str) -> None:
    request = opened(token, initiator="member@example.test")
    review(request, organisation.approver, Verdict.DENY)
    (entry,) = Entry.objects.filter(type=NoticeKind.RESOLVED.value)
    entry.recorded_at -= timedelta(hours=25)
    notify([entry])
    assert Delivery.objects.count() == 0


def test_exceptions_are_told_to_those_who_can_do_something(organisation: Organisation, agent: Agent) -> None:
    """Asked: whoever could grant it and did not ask. Granted: who asked and owns it."""
    asked = ask_for(
        actor=organisation.manager,
        agent=agent,
        kind=ExceptionKind.EXCEPTION,
        actions=["pr.merge"],
        minutes=600,
        reason="The migration weekend needs merges without a person.",
    )
    told(NoticeKind.EXCEPTION_ASKED)
    deliver_due()
    assert addresses() == ["second-manager@example.test", "security@example.test"]
    assert f"/approvals/{asked.label}/" in str(mail.outbox[0].body)
    assert "migration" not in str(mail.outbox[0].body)
    mail.outbox.clear()
    grant(actor=organisation.security, exception=asked, reason="Agreed for the weekend.")
    told(NoticeKind.EXCEPTION_GRANTED)
    deliver_due()
    assert addresses() == ["manager@example.test"]
    mail.outbox.clear()
    ends = database_now() - timedelta(hours=1)
    GateException.objects.filter(pk=asked.pk).update(
        decided_at=ends - timedelta(days=1), ends_at=ends, review_due_at=ends
    )
    alert_debts()
    told(NoticeKind.EXCEPTION_OVERDUE)
    deliver_due()
    assert "manager@example.test" in addresses()
    assert "second-manager@example.test" in addresses()
    assert "outsider@example.test" not in addresses()


def test_a_settled_canary_is_not_told_of(organisation: Organisation, token: str) -> None:
    request = opened(token, initiator="member@example.test")
    planted = ApprovalRequest.objects.filter(pk=request.pk)
    planted.update(canary=True)
    told()
    assert Delivery.objects.count() == 3, "planted or not, it is announced alike"
    planted.update(canary=False)
    review(request, organisation.approver, Verdict.DENY)
    planted.update(canary=True)
    told(NoticeKind.RESOLVED)
    assert not Delivery.objects.filter(event=NoticeKind.RESOLVED.value).exists()


def test_a_mail_server_that_fails_is_tried_again(
    organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(token)
    told()

    def fail(*_: object) -> int:
        raise ConnectionRefusedError("no server")

    before = database_now()
    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", fail)
        assert deliver_due() == 1, "the others wait with the first"
    rows = Delivery.objects.all()
    assert {row.state for row in rows} == {"waiting"}
    assert sorted(row.attempts for row in rows) == [0, 0, 1]
    assert all(row.not_before - before >= timedelta(seconds=10) for row in rows)
    rows.update(not_before=database_now())
    deliver_due()
    assert len(mail.outbox) == 3


def test_over_a_real_socket(organisation: Organisation, token: str, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    opened(token)
    told()
    with mail_server() as post:
        settings.EMAIL_PORT = post.port
        post.refuse = "550"
        assert deliver_due() == 3, "a mail that is refused says nothing of the others"
        assert {row.fault for row in Delivery.objects.all()} == {"The mail server refused this mail."}
        post.refuse = ""
        Delivery.objects.update(not_before=database_now())
        deliver_due()
        assert len(post.mails) == 3
    assert b"multipart/alternative" in post.mails[0]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_a_mail_server_that_is_not_there(organisation: Organisation, token: str, settings: Settings) -> None:
    with mail_server() as post:
        port = post.port
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    opened(token)
    told()
    assert deliver_due() == 1
    assert Delivery.objects.filter(fault="The mail server could not be reached.").count() == 1


def test_quiet_hours_need_both_ends(organisation: Organisation, agent: Agent) -> None:
    choose_notices(
        actor=organisation.approver,
        kinds=None,
        timezone="Europe/Madrid",
        quiet_from=time(22),
        quiet_to=time(7),
        digest=Digest.DAILY,
    )
    choice = NoticeChoice.objects.get(person=organisation.approver)
    assert (choice.timezone, choice.digest, choice.events) == ("Europe/Madrid", "daily", None)
    assert Entry.objects.filter(type="approvals.notices.chosen").count() == 1
