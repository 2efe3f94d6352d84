"""The ten invariants of approvals, one by one: each is attacked where it could break, the database included."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.utils import InternalError
from django.test import Client

from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules.authorize import Outcome
from approvals.rules.exceptions import ExceptionKind
from approvals.rules.stages import stored_stages
from approvals.rules.workflow import TRANSITIONS, RequestState, Verdict
from approvals.services import exceptions
from approvals.services.comment import comment
from approvals.services.edit import edit
from approvals.services.request import withdraw
from approvals.services.review import add_review
from approvals.services.undo import undo
from portal.errors import Conflict, NotAllowed, PortalError, StaleView
from portal.identity.rules.roles import Role
from portal.identity.services.accounts import link_accounts
from portal.identity.services.people import deactivate_person
from portal.identity.services.roles import remove_role
from portal.ledger import vault
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import agree_resume, order_kill
from registry.services.lifecycle import suspend_agent
from tests import matrix
from tests.approvals.asking import MERGE, ask, at_once, opened, review
from tests.approvals.levels import baseline, revised
from tests.organisation import Organisation, active_agent, credential_for, draft_agent, policy_document
from tests.red_team.invariants import Watch
from tests.red_team.rows import governed
from tests.red_team.trials import TRIALS

WHY = "The release waits for it, and nobody else is there."
Owner = psycopg.Connection[tuple[object, ...]]
real = pytest.mark.django_db(transaction=True)


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


@pytest.fixture
def approved(organisation: Organisation, token: str) -> ApprovalRequest:
    return review(opened(token), organisation.approver)


def outcome(token: str, command: str = MERGE, **around: Any) -> Outcome:
    return ask(token, command, **around).decision.outcome


@real
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE approvals_grant SET digest = decode(repeat('00', 32), 'hex')",
        "UPDATE approvals_grant SET epoch = epoch + 1",
        "UPDATE approvals_grant SET state = 'voided'",
        "UPDATE approvals_grant SET expires_at = clock_timestamp()",
        "UPDATE approvals_approvalrequest SET state = 'pending'",
        "UPDATE approvals_approvalrequest SET state = 'denied'",
        "UPDATE approvals_approvalrequest SET canary = true",
        "UPDATE approvals_approvalrequest SET organisation_revision_id = revision_id",
        "UPDATE approvals_approvalrequest SET quorum = 2, stages = jsonb_set(stages, '{0,quorum}', '2')",
    ],
)
def test_i1_a_grant_without_an_approval_of_exactly_this_lets_nothing_through(
    token: str, approved: ApprovalRequest, super_connection: Owner, change: str
) -> None:
    """Even when the owner of the database moved one of the rows that have to agree."""
    with super_connection.transaction():
        super_connection.execute("SET LOCAL session_replication_role = 'replica'")
        super_connection.execute(change)
    assert outcome(token) is not Outcome.ALLOW


@real
def test_i1_another_call_run_branch_or_repository_is_not_what_was_approved(
    token: str, approved: ApprovalRequest
) -> None:
    for other in (
        {"command": "gh pr merge 8 --squash"},
        {"session_id": "session-2"},
        {"branch": "feature/other"},
        {"environment": "staging"},
        {"head": "a" * 40},
    ):
        assert outcome(token, **other) is not Outcome.ALLOW, other
    assert outcome(token) is Outcome.ALLOW


@real
def test_i2_a_grant_is_used_once_by_one_of_many_and_never_too_late(
    organisation: Organisation, token: str, approved: ApprovalRequest, super_connection: Owner
) -> None:
    answers = at_once([lambda: ask(token)] * 4)
    assert [getattr(one, "granted", False) for one in answers].count(True) == 1
    Watch().look()
    late = review(opened(token, "gh pr merge 9 --squash"), organisation.approver)
    super_connection.execute(
        "UPDATE approvals_grant SET expires_at = clock_timestamp() WHERE request_id = %s", [late.pk]
    )
    assert outcome(token, "gh pr merge 9 --squash") is not Outcome.ALLOW


@real
def test_i3_people_are_counted_and_those_with_a_part_are_not(organisation: Organisation) -> None:
    policy = policy_document()
    policy["approval"]["quorum"] = 2
    token = credential_for(organisation, active_agent(organisation, policy=policy))
    request = review(opened(token, initiator=organisation.second_approver.email), organisation.approver)
    assert request.state == "pending"
    with pytest.raises(Conflict):
        review(request, organisation.approver)
    for tied in (organisation.second_approver, organisation.manager):  # started it; issued the credential
        with pytest.raises(NotAllowed):
            review(request, tied)
    assert review(request, organisation.security).state == "approved"
    link_accounts(actor=SYSTEM, first=organisation.approver, second=organisation.security, reason="One passport.")
    assert outcome(token, initiator=organisation.second_approver.email) is not Outcome.ALLOW
    Watch().look()


@real
def test_i3_the_database_itself_refuses_a_review_of_somebody_with_a_part(
    organisation: Organisation, token: str
) -> None:
    request = opened(token, initiator=organisation.approver.email)
    row = {
        "request": request,
        "person": organisation.approver,
        "human": organisation.approver.human,
        "verdict": "approve",
        "view_hash": bytes(request.view_hash),
        "authority": {},
    }
    with pytest.raises((IntegrityError, InternalError), match="involved"), transaction.atomic():
        Review.objects.create(**row)


@real
def test_i4_nothing_is_approved_by_nobody(organisation: Organisation, token: str) -> None:
    request = opened(token)
    for quorum in (0, -1):
        with pytest.raises(IntegrityError), transaction.atomic():
            ApprovalRequest.objects.filter(pk=request.pk).update(quorum=quorum)
    for stages in ([], None, [{"groups": ["team"], "quorum": 0}], [{"groups": [], "quorum": "1"}], [{"quorum": 1}]):
        with pytest.raises(ValueError, match=r"."):
            stored_stages(stages)
    draft = draft_agent(organisation, "Never registered")
    with pytest.raises(PortalError):
        credential_for(organisation, draft)
    assert Agent.objects.get(pk=draft.pk).revision_id is None


DISTURBANCES: dict[str, Callable[[Organisation, Agent], object]] = {
    "policy": lambda o, a: revised(o, a, policy_document(branches_protected=["main", "other"])),
    "baseline": lambda o, _: baseline(o, {"limits": {"files": 900}}),
    "team baseline": lambda o, _: baseline(o, {"limits": {"files": 900}}, o.payments),
    "suspension": lambda o, a: suspend_agent(actor=o.manager, agent=a, reason="It is odd."),
    "approver gone": lambda o, _: deactivate_person(actor=SYSTEM, person=o.approver),
    "role gone": lambda o, _: remove_role(actor=SYSTEM, person=o.approver, role=Role.APPROVER, team=o.payments),
    "approval taken back": lambda o, _: undo(actor=o.approver, request=ApprovalRequest.objects.get()),
}


@real
@pytest.mark.parametrize("name", sorted(DISTURBANCES))
def test_i5_whatever_changes_before_the_use_ends_the_approval(
    organisation: Organisation, agent: Agent, token: str, approved: ApprovalRequest, name: str
) -> None:
    DISTURBANCES[name](organisation, agent)
    assert outcome(token) is not Outcome.ALLOW
    Watch().look()


@real
def test_i5_a_stop_ends_it_and_a_resume_does_not_bring_it_back(
    organisation: Organisation, agent: Agent, approved: ApprovalRequest
) -> None:
    order = order_kill(actor=organisation.security, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It leaks.")
    for person in (organisation.manager, organisation.second_manager):
        agree_resume(actor=person, order=order, reason="It is clean.")
    assert outcome(credential_for(organisation, agent)) is not Outcome.ALLOW
    assert not Grant.objects.filter(state="redeemed").exists()


@real
@pytest.mark.parametrize("state", sorted(state.value for state in RequestState if not TRANSITIONS[state]))
def test_i6_what_is_final_stays_final(
    organisation: Organisation, token: str, super_connection: Owner, state: str
) -> None:
    request = opened(token)
    with super_connection.transaction():
        super_connection.execute("SET LOCAL session_replication_role = 'replica'")
        super_connection.execute(
            "UPDATE approvals_approvalrequest SET state = %s, resolved_at = clock_timestamp()", [state]
        )
    before = governed()
    for verdict in (Verdict.APPROVE, Verdict.DENY, Verdict.CHANGES):
        with pytest.raises(PortalError):
            review(request, organisation.approver, verdict)
    with pytest.raises(PortalError):
        withdraw(actor=organisation.manager, request=request)
    with pytest.raises(PortalError):
        undo(actor=organisation.approver, request=request)
    assert governed() == before
    assert outcome(token) is not Outcome.ALLOW


@real
@pytest.mark.parametrize("home", ["review", "request", "undo", "comment", "grant", "check"])
def test_i7_what_cannot_be_recorded_does_not_happen(
    organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    waiting, done = opened(token), review(opened(token, "gh pr merge 8 --squash"), organisation.approver)
    acts: dict[str, Callable[[], object]] = {
        "review": lambda: review(waiting, organisation.approver),
        "request": lambda: withdraw(actor=organisation.manager, request=waiting),
        "undo": lambda: undo(actor=organisation.approver, request=done),
        "comment": lambda: comment(actor=organisation.approver, request=waiting, text="Why?"),
        "grant": lambda: ask(token, "gh pr merge 8 --squash"),
        "check": lambda: ask(token, "gh pr merge 9 --squash"),
    }

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    before = governed()
    module = {"undo": "review"}.get(home, home)
    writes = {"grant": "prepare_many", "check": "append_many"}.get(home, "append")  # what writes the entry there
    with monkeypatch.context() as patch:
        patch.setattr(f"approvals.services.{module}.{writes}", full)
        with pytest.raises(OSError, match="no space"):
            acts[home]()
    assert governed() == before
    acts[home]()
    assert governed() != before
    Watch().look()


@real
def test_i8_a_verdict_is_on_the_bytes_that_were_shown(organisation: Organisation, token: str) -> None:
    request = opened(token)
    before = governed()
    for seen in (b"", b"\0" * 32, bytes(request.digest)):
        with pytest.raises(StaleView):
            add_review(
                actor=organisation.approver,
                request=request,
                verdict=Verdict.APPROVE,
                reason="I have read all of it.",
                view_hash=seen,
                fresh=True,
            )
    assert governed() == before
    review(request, organisation.approver)
    with pytest.raises((ProgrammingError, InternalError, IntegrityError)), transaction.atomic():
        Review.objects.update(view_hash=b"\0" * 32)
    Watch().look()


@real
def test_i8_what_an_editor_made_is_approved_only_as_it_was_shown(organisation: Organisation, token: str) -> None:
    """Its view exists only after the edit: no approval comes with it, and the view of the original is none of it."""
    request = opened(token)
    made = edit(
        actor=organisation.approver,
        request=request,
        tool_input={"command": "gh pr merge 7 --rebase"},
        reason=WHY,
        view_hash=bytes(request.view_hash),
    )
    assert (made.state, Review.objects.count(), Grant.objects.count()) == ("pending", 0, 0)
    Watch().look()
    for seen in (bytes(request.view_hash), bytes(made.digest)):
        with pytest.raises(StaleView):
            add_review(
                actor=organisation.approver,
                request=made,
                verdict=Verdict.APPROVE,
                reason=WHY,
                view_hash=seen,
                fresh=True,
            )
    assert outcome(token, "gh pr merge 7 --rebase") is not Outcome.ALLOW
    review(made, organisation.approver)
    assert outcome(token, "gh pr merge 7 --rebase") is Outcome.ALLOW
    Watch().look()


@real
def test_i9_break_glass_is_narrow_and_never_ones_own(organisation: Organisation, agent: Agent, token: str) -> None:
    asked: dict[str, Any] = {"agent": agent, "kind": ExceptionKind.BREAK_GLASS, "minutes": 60, "reason": WHY}
    asks = organisation.member
    wrong: list[dict[str, Any]] = [
        {"minutes": 241},
        {"minutes": 0},
        {"reason": ""},
        {"actions": ["secret.read"]},
        {"actions": ["unknown"]},
        {"actions": ["pr.*"]},
        {"actions": []},
    ]
    for change in wrong:
        with pytest.raises(PortalError):
            exceptions.ask(actor=asks, **{**asked, "actions": ["pr.merge"], **change})
    exception = exceptions.ask(actor=asks, actions=["pr.merge"], **asked)
    assert outcome(token) is not Outcome.ALLOW
    with pytest.raises(NotAllowed):
        exceptions.grant(actor=asks, exception=exception, reason=WHY)
    exceptions.grant(actor=organisation.security, exception=exception, reason=WHY)
    assert outcome(token) is Outcome.ALLOW
    assert outcome(token, "cat .env") is Outcome.DENY
    assert outcome(token, "npm install left-pad") is not Outcome.ALLOW
    with pytest.raises(PortalError):
        exceptions.close(actor=asks, exception=exception, note=WHY)
    exception.refresh_from_db()
    assert exception.review_due_at is not None
    assert exception.review_due_at <= database_now() + timedelta(hours=24)
    Watch().look()


# I10

SHARDS = 4
ROUTES = sorted(matrix.rows())
SAFE = ("get", "head", "options")
THOROUGH = 10_000  # trials: only then every person tries every method


@pytest.mark.django_db
@pytest.mark.parametrize("shard", range(SHARDS))
def test_i10_no_safe_method_changes_anything_for_anybody(organisation: Organisation, shard: int) -> None:
    """Every address of the portal, as every kind of person, with every method that promises to change nothing.

    With the other tests one method for each person in turn: tests/test_permission_matrix.py has every person GET every
    address anyway, and compares the rows as well.
    """
    clients = {persona: _client(persona, organisation) for persona in matrix.PERSONAS}
    changed = []
    for turn, key in enumerate(ROUTES[shard::SHARDS]):
        with _undone():
            address = matrix.address(key, matrix.rows()[key], organisation)
            before = governed()
            for place, (persona, client) in enumerate(clients.items()):
                for method in SAFE if TRIALS >= THOROUGH else SAFE[(turn + place) % 6 :][:1]:
                    getattr(client, method)(address)
                if "logout" in key:
                    clients[persona] = _client(persona, organisation)
            after = governed()
            changed += [f"{key}: {table}" for table in before if before[table] != after[table]]
            transaction.set_rollback(True)
        vault.forget_cached_keys()
    assert changed == []


def _undone() -> transaction.Atomic:
    """A block as a test case opens it: in it the services may have durable blocks of their own, as in any test."""
    block = transaction.atomic()
    setattr(block, "_from_testcase", True)  # noqa: B010  not in the stubs
    return block


def _client(persona: str, organisation: Organisation) -> Client:
    client = Client(raise_request_exception=False)
    if persona != "anonymous":
        client.force_login(organisation.people[persona])
    return client


@real
def test_i10_reading_takes_no_lock_that_a_decision_waits_for(organisation: Organisation, token: str) -> None:
    """Pages are read with plain SELECTs: nothing is locked, so nobody can hold a decision up by looking."""
    request = opened(token)
    client = _client("approver", organisation)
    with connection.execute_wrapper(_no_locks):
        assert client.get(f"/approvals/{request.label}/").status_code == 200
        assert client.get("/approvals/").status_code == 200


def _no_locks(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    assert not re.search(r"FOR (?:NO KEY )?UPDATE|pg_advisory", sql), sql
    return execute(sql, params, many, context)
