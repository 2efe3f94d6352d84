"""The certificate of a stop: what it took hold of, what it refused, what went on all the same, how it ended."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from approvals.models import Grant
from portal.errors import NotAllowed, NotFound
from portal.ledger.events import instant
from portal.ledger.rules.canonical import canonicalize
from portal.ledger.selectors.entries import database_now
from portal.tasks import seal_log
from registry.jobs.keep_stops import keep_stops
from registry.models import Agent, EnforcementPoint, Finding, FindingKind, KillOrder
from registry.rules.kill import ScopeKind
from registry.services.kill import agree_resume, order_kill
from registry.services.lease import Point, hold_lease
from reports.render.certificate import certificate_html, certificate_pdf
from reports.services.certificate import issue_certificate
from tests.approvals.asking import MERGE, ask, opened, review
from tests.organisation import Organisation, active_agent, credential_for
from tests.reports.reporting import Reporter, body, event
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

EVIL = "<script>alert(1)</script> \u202eevil"


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def kill(organisation: Organisation, agent: Agent, reason: str = "It edits the wrong folder.") -> KillOrder:
    return order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason=reason)


def resume(organisation: Organisation, order: KillOrder) -> None:
    for person in (organisation.second_manager, organisation.security):
        agree_resume(actor=person, order=order, reason="It was the wrong template; that is mended.")


def certificate(organisation: Organisation, order: KillOrder) -> dict[str, Any]:
    return issue_certificate(actor=organisation.auditor, number=order.number).facts


def report(token: str, at: datetime | None, key: str = "e1", **fields: Any) -> None:
    answer = Reporter(token).send(body(event(key, at=None if at is None else instant(at), **fields)))
    assert answer.status_code == 200, answer.content
    assert answer.json()["recorded"] == 1, answer.content


def expire(order: KillOrder, name: str) -> None:
    """Let the point's lease end, a moment after the order."""
    EnforcementPoint.objects.filter(name=name).update(lease_expires_at=order.ordered_at + timedelta(milliseconds=1))


def test_it_tells_the_whole_story_of_a_stop(organisation: Organisation, agent: Agent, token: str) -> None:
    allowed = ask(token, "git status")
    opened(token, MERGE)
    approved = opened(token, "gh pr merge 8 --squash")
    review(approved, organisation.approver)
    assert Grant.objects.count() == 1
    for name in ("runner-1", "runner-2"):
        hold_lease(token=token, point=Point(name=name, kind="ci", session="session-1"))
    order = kill(organisation, agent)
    early = certificate(organisation, order)
    assert (early["status"], len(early["points_still_out"]), early["first_refused"]) == ("stopping", 2, None)
    refused = ask(token, "git status")
    assert hold_lease(token=token, point=Point(name="runner-1", kind="ci", session="session-1")).stopped
    expire(order, "runner-2")
    keep_stops()
    resume(organisation, order)
    seal_log()
    facts = certificate(organisation, order)
    assert (facts["status"], facts["points_still_out"]) == ("resumed", [])
    by_name = {one["point"]: one for one in facts["points"]}
    assert by_name["runner-1"]["acknowledged_at"] and not by_name["runner-1"]["lease_ended_at"]
    assert by_name["runner-2"]["lease_ended_at"] and not by_name["runner-2"]["acknowledged_at"]
    assert by_name["runner-2"]["after_ms"] == 1
    assert facts["last_allowed_before"]["entry"] == str(allowed.entry_id)
    assert facts["first_refused"]["entry"] == str(refused.entry_id)
    assert facts["voided"] == {"requests": 1, "grants": 1}
    assert facts["order"]["roles_then"] == [f"manager@{organisation.payments.pk}"]
    assert [one["person"]["name"] for one in facts["resume"]["agreements"]] == ["Ben Manager", "Fay Security"]
    assert facts["activity_after"] == {"entries": [], "may_be_more": False}
    assert [one["type"].rpartition(".")[2] for one in facts["ledger"]["entries"]] == [
        "ordered", "acknowledged", "acknowledged", "resume_agreed", "resume_agreed", "resumed",
    ]  # fmt: skip
    assert facts["ledger"]["checkpoint"]["size"] > max(one["index"] for one in facts["ledger"]["entries"])


def test_the_digest_is_over_the_facts_and_stays_once_they_do(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    order = kill(organisation, agent)
    first = issue_certificate(actor=organisation.manager, number=order.number)
    assert first.provisional
    assert first.sha256 == hashlib.sha256(canonicalize(first.facts)).hexdigest()
    resume(organisation, order)
    seal_log()
    second = issue_certificate(actor=organisation.manager, number=order.number)
    ask(token, "git log")
    seal_log()
    third = issue_certificate(actor=organisation.auditor, number=order.number)
    assert not second.provisional
    assert first.sha256 != second.sha256 == third.sha256
    assert third.sha256 in certificate_html(third)


def test_the_pdf_prints_what_people_wrote_as_text(organisation: Organisation, agent: Agent, token: str) -> None:
    hold_lease(token=token, point=Point(name="<b>runner</b>", kind="ci"))
    order = kill(organisation, agent, reason=EVIL)
    made = issue_certificate(actor=organisation.security, number=order.number)
    html = certificate_html(made)
    assert "<script>" not in html
    assert "<b>runner" not in html
    assert "\u202e" not in html
    assert "This certificate is provisional" in html
    pdf = certificate_pdf(made)
    assert pdf.startswith(b"%PDF-1.7")


@pytest.mark.parametrize(
    ("who", "error"),
    [("member", NotAllowed), ("approver", NotAllowed), ("outsider", NotFound), ("operator", NotFound)],
)
def test_who_gets_none(organisation: Organisation, agent: Agent, who: str, error: type[Exception]) -> None:
    order = kill(organisation, agent)
    with pytest.raises(error):
        issue_certificate(actor=organisation.people[who], number=order.number)


def test_pages_and_api_give_the_same(organisation: Organisation, agent: Agent, client: Client) -> None:
    order = kill(organisation, agent)
    resume(organisation, order)
    seal_log()
    sign_in(client, organisation.manager)
    page = client.get(f"/stops/{order.number}/certificate.json")
    api = client.get(f"/api/v1/kills/{order.number}/certificate")
    pdf = client.get(f"/stops/{order.number}/certificate.pdf")
    assert json.loads(page.content)["sha256"] == api.json()["sha256"]
    assert (pdf["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert f"stop-{order.number}-certificate.pdf" in pdf["Content-Disposition"]


# -- activity after the stop -------------------------------------------------------------------------------


def findings() -> list[Finding]:
    return list(Finding.objects.filter(kind=FindingKind.ACTIVITY_AFTER_STOP.value))


def test_a_tool_that_ran_after_the_stop_is_flagged_and_certified(
    organisation: Organisation, agent: Agent, token: str, client: Client
) -> None:
    order = kill(organisation, agent)
    report(token, database_now(), tool="Bash", outcome="ok")
    report(token, database_now(), key="e2", tool="Bash", outcome="ok")
    seal_log()
    [found] = findings()
    assert (found.agent, found.order, found.entry_id is not None) == (agent, order, True)
    assert f"although stop {order.number} was in force" in found.sentence
    assert "by the sender's own clock" in found.sentence
    facts = certificate(organisation, order)
    assert len(facts["activity_after"]["entries"]) == 2, "the finding is one for each run, the certificate has all"
    sign_in(client, organisation.manager)
    assert "Activity after the stop" in client.get(f"/stops/{order.number}/").content.decode()
    seal_log()
    assert len(findings()) == 1


def test_what_happened_before_and_arrived_late_is_not(organisation: Organisation, agent: Agent, token: str) -> None:
    happened = database_now()
    order = kill(organisation, agent)
    report(token, happened - timedelta(seconds=1), tool="Bash", outcome="ok")
    seal_log()
    assert findings() == []
    assert certificate(organisation, order)["activity_after"]["entries"] == []


def test_what_arrived_before_the_stop_by_a_clock_that_is_ahead_is_not(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    report(token, database_now() + timedelta(hours=1), tool="Bash", outcome="ok")
    kill(organisation, agent)
    seal_log()
    assert findings() == []


def test_a_clock_that_is_ahead_is_said(organisation: Organisation, agent: Agent, token: str) -> None:
    kill(organisation, agent)
    report(token, database_now() + timedelta(hours=1), tool="Bash", outcome="ok")
    seal_log()
    [found] = findings()
    assert "ahead of the portal's" in found.sentence


def test_refusals_and_talk_are_not_activity(organisation: Organisation, agent: Agent, token: str) -> None:
    kill(organisation, agent)
    ask(token, "git status", tool_use_id="toolu_1", session_id="s-1")
    now = database_now()
    report(token, now, key="denied", tool="Bash", outcome="denied")
    report(token, now, key="said", name="user_prompt")
    report(token, now, key="refused", tool="Bash", tool_use_id="toolu_1", outcome="error")
    seal_log()
    assert findings() == []


def test_after_the_resume_work_is_work(organisation: Organisation, agent: Agent, token: str) -> None:
    resume(organisation, kill(organisation, agent))
    report(token, database_now(), tool="Bash", outcome="ok")
    ask(token, "git status")
    seal_log()
    assert findings() == []


def test_a_stop_of_a_run_minds_that_run_alone(organisation: Organisation, agent: Agent, token: str) -> None:
    run = ask(token, "git status", session_id="s-1").run_id
    order_kill(actor=organisation.manager, kind=ScopeKind.RUN, scope_id=run, reason="It loops.")
    report(token, database_now(), key="other", session="s-2", tool="Bash", outcome="ok")
    ask(token, "git status", session_id="s-2")
    seal_log()
    assert findings() == []
    report(token, database_now(), key="same", session="s-1", tool="Bash", outcome="ok")
    seal_log()
    assert len(findings()) == 1


def test_another_agents_work_is_its_own(organisation: Organisation, agent: Agent, token: str) -> None:
    other = credential_for(organisation, active_agent(organisation, "Other Refactorer"))
    kill(organisation, agent)
    report(other, database_now(), tool="Bash", outcome="ok")
    seal_log()
    assert findings() == []
