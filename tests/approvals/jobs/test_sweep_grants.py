"""What the sweep writes down of unused grants: what expired, what died with the world; a live one is left alone."""

import psycopg
import pytest

from approvals.jobs.sweep import end_dead_grants, end_overtaken
from approvals.models import ApprovalRequest, Grant
from approvals.rules.workflow import GrantState, RequestState
from portal.ledger.models import Entry
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.approvals.asking import ask, entries, opened, review
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]

A, B = "a" * 40, "b" * 40


def approved(organisation: Organisation, token: str, command: str, head: str | None = None) -> Grant:
    return Grant.objects.get(request=review(opened(token, command, head=head), organisation.approver))


def state_of(grant: Grant) -> tuple[str, str]:
    grant = Grant.objects.select_related("request").get(pk=grant.pk)
    return grant.state, grant.request.state


def test_what_was_not_used_in_time_expires_and_its_request_stays_approved(
    organisation: Organisation, token: str, super_connection: Super
) -> None:
    grant, live = (approved(organisation, token, f"gh pr merge {n}") for n in (1, 2))
    super_connection.execute("UPDATE approvals_grant SET expires_at = clock_timestamp() WHERE id = %s", [str(grant.pk)])
    assert (end_dead_grants(), end_dead_grants()) == (1, 0)
    assert state_of(grant) == (GrantState.EXPIRED, RequestState.APPROVED)
    assert state_of(live) == (GrantState.ISSUED, RequestState.APPROVED)
    assert entries("grant.expired") == 1
    assert ask(token, "gh pr merge 2").granted


def test_a_newer_commit_is_written_down_for_both(
    organisation: Organisation, token: str, super_connection: Super
) -> None:
    """By whichever way the head came to be known; what states another commit, or none, is left alone."""
    grant, other = approved(organisation, token, "gh pr merge 1", A), approved(organisation, token, "gh pr merge 2", B)
    free = approved(organisation, token, "gh pr merge 3")
    waits, stands = opened(token, "gh pr merge 4", head=A), opened(token, "gh pr merge 5", head=B)
    super_connection.execute(
        "INSERT INTO approvals_branchhead (id, repository, branch, commit, at)"
        " VALUES (gen_random_uuid(), 'acme/payments', 'feature/tidy', %s, clock_timestamp())",
        [B],
    )
    assert (end_overtaken(), end_dead_grants()) == (1, 1)
    assert (end_overtaken(), end_dead_grants()) == (0, 0)
    assert state_of(grant) == (GrantState.VOIDED, RequestState.VOIDED)
    assert state_of(other) == state_of(free) == (GrantState.ISSUED, RequestState.APPROVED)
    waits.refresh_from_db()
    stands.refresh_from_db()
    assert (waits.state, stands.state) == (RequestState.VOIDED, RequestState.PENDING)
    assert "another commit" in waits.state_reason
    assert ask(token, "gh pr merge 2", head=B).granted


def test_a_stop_is_written_down(organisation: Organisation, agent: Agent, token: str) -> None:
    grant = approved(organisation, token, "gh pr merge 1")
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.")
    assert end_dead_grants() == 1
    assert state_of(grant) == (GrantState.VOIDED, RequestState.VOIDED)
    assert "stopped" in ApprovalRequest.objects.get().state_reason
    entry = Entry.objects.get(type="approvals.grant.voided")
    assert entry.body["data"]["grant"] == str(grant.pk)


def test_a_used_grant_is_not_touched(organisation: Organisation, agent: Agent, token: str) -> None:
    grant = approved(organisation, token, "gh pr merge 1")
    assert ask(token, "gh pr merge 1").granted
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.")
    assert end_dead_grants() == 0
    assert state_of(grant) == (GrantState.REDEEMED, RequestState.APPROVED)
