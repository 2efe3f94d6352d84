"""A machine of random steps against the real database: whatever people, agents and clocks do, I1 to I9 hold after each.

The steps are the portal's own services, and where time has to pass, the owner of the database moves a clock. What may
be let through is judged by ``_oracle``, which reads rows and no selector of the portal.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from approvals.jobs.sweep import end_dead_grants, end_overtaken
from approvals.models import ApprovalRequest, BranchHead, Delegation, GateException, Grant, Review, Rulebook
from approvals.rules.authorize import Outcome
from approvals.rules.exceptions import ExceptionKind
from approvals.rules.workflow import Verdict
from approvals.services import exceptions
from approvals.services.batch import BatchItem, review_batch
from approvals.services.check import Answer, identify
from approvals.services.comment import comment
from approvals.services.delegation import delegate, end_delegation
from approvals.services.edit import edit
from approvals.services.head import report_head
from approvals.services.request import withdraw
from approvals.services.review import add_review
from approvals.services.rulebook import agree, propose
from approvals.services.undo import undo
from portal.embedded.postgres import Urls
from portal.errors import PortalError
from portal.identity.models import Person, RoleAssignment
from portal.identity.rules.roles import Role
from portal.identity.services.accounts import link_accounts
from portal.identity.services.people import deactivate_person, reactivate_person
from portal.identity.services.roles import assign_role, remove_role
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, KillOrder, KillState, PolicyLevel
from registry.rules.kill import ScopeKind
from registry.services.credential import issue_credential
from registry.services.kill import agree_resume, order_kill
from registry.services.lifecycle import suspend_agent
from tests.approvals.asking import ask, review
from tests.approvals.levels import baseline, revised
from tests.conftest import reset_database
from tests.organisation import active_agent, credential_for, make_organisation, policy_document
from tests.red_team.invariants import Watch
from tests.red_team.trials import TRIALS
from tests.registry.policies import second_security

STEPS = 30 if TRIALS < 10_000 else 100
EXAMPLES = max(1, TRIALS // 40)
CALLS = ("gh pr merge 7 --squash", "gh pr merge 8 --squash", "rm old.txt", "npm install left-pad", "git push --force")
HEADS = ("a" * 40, "b" * 40)
WHY = "I have read the whole of it, twice."
DECIDES = ("manager", "approver", "second_approver", "member", "security", "second_manager", "auditor", "outsider")
# What may come between an approval and its use; each is a method of the machine.
DISTURBANCES = (
    "voter_leaves", "voter_takes_back", "voter_loses_role", "voters_are_one",
    "policy", "baseline", "stop_and_resume", "commit", "time", "rulebook",
)  # fmt: skip
Result = TypeVar("Result")

people = st.sampled_from(DECIDES)
agents = st.integers(0, 1)
calls = st.sampled_from(CALLS)
places = st.integers(0, 5)


class Governance(RuleBasedStateMachine):
    """Two agents, one of which needs two approvals, and everybody of the small organisation."""

    urls: ClassVar[Urls]
    let_through: ClassVar[list[int]] = []

    @initialize()
    def begin(self) -> None:
        self.organisation = make_organisation()
        careful = policy_document()
        careful["approval"]["quorum"] = 2
        self.agents = [
            active_agent(self.organisation),
            active_agent(self.organisation, "Careful Refactorer", careful),
        ]
        self.tokens = [credential_for(self.organisation, agent) for agent in self.agents]
        self.documents = [policy_document(), careful]
        self.revisions = 0
        self.watch = Watch()
        self.second = second_security()
        # Something waits from the start, so that no example is spent on an empty inbox.
        for number in range(len(self.agents)):
            for call in CALLS[:2]:
                self.the_agent_asks(number, call, None, "one")
        # And one call goes its whole way, so that no run of the machine has nothing to lose.
        self.a_call_is_approved_and_something_happens_before_it_is_made(0, CALLS[2], None, ("security",), None)

    def teardown(self) -> None:
        reset_database(self.urls)

    @invariant()
    def everything_holds(self) -> None:
        if hasattr(self, "watch"):
            self.watch.look()

    # Agents

    @rule(agent=agents, call=calls, head=st.sampled_from([None, *HEADS]), session=st.sampled_from(["one", "two"]))
    def the_agent_asks(self, agent: int, call: str, head: str | None, session: str) -> None:
        stated: dict[str, Any] = {"session_id": session, "initiator": self.organisation.member.email}
        if head is not None:
            stated["head"] = head
        answer = self.attempt(lambda: ask(self.tokens[agent], call, **stated))
        if answer is not None and answer.decision.outcome is Outcome.ALLOW:
            self._oracle(answer, self.agents[agent], head)

    @rule(place=places)
    def the_agent_repeats_what_was_approved(self, place: int) -> None:
        """The same call in the same run: what a grant is for."""
        for number, agent in enumerate(self.agents):
            waiting = list(ApprovalRequest.objects.filter(agent=agent, state="approved", grant__state="issued"))
            if waiting:
                self._repeat(number, waiting[place % len(waiting)])

    @rule(
        agent=agents,
        call=calls,
        head=st.sampled_from([None, *HEADS]),
        voters=st.sampled_from([("approver", "second_approver"), ("security", "approver"), ("second_approver",)]),
        meanwhile=st.sampled_from([None, None, *DISTURBANCES]),
    )
    def a_call_is_approved_and_something_happens_before_it_is_made(
        self, agent: int, call: str, head: str | None, voters: tuple[str, ...], meanwhile: str | None
    ) -> None:
        """The way of one action: at most one disturbance between approval and use, and the use tried twice."""
        self.the_agent_asks(agent, call, head, "whole")
        request = ApprovalRequest.objects.filter(agent=self.agents[agent], state="pending").order_by("-number").first()
        if request is None:
            return
        for who in voters:
            self.attempt(partial(review, request, self.person(who)))
        if meanwhile is not None:
            getattr(self, f"_{meanwhile}")(agent, request)
        self.watch.look()
        fresh = ApprovalRequest.objects.get(pk=request.pk)
        for _ in range(2):
            self._repeat(agent, fresh)

    def _voter_leaves(self, _agent: int, request: ApprovalRequest) -> None:
        voter = Review.objects.filter(request=request).order_by("at").first()
        if voter is not None:
            self.attempt(lambda: deactivate_person(actor=SYSTEM, person=self.find(voter.person_id)))

    def _voter_takes_back(self, _agent: int, request: ApprovalRequest) -> None:
        voter = Review.objects.filter(request=request).order_by("-at").first()
        if voter is not None:
            self.attempt(lambda: undo(actor=self.find(voter.person_id), request=request))

    def _voter_loses_role(self, _agent: int, _request: ApprovalRequest) -> None:
        self.somebody_loses_or_gains_a_role("approver")

    def _voters_are_one(self, _agent: int, _request: ApprovalRequest) -> None:
        self.two_accounts_turn_out_to_be_one_person()

    def _policy(self, agent: int, _request: ApprovalRequest) -> None:
        self.the_policy_is_revised(agent, wider=True)

    def _baseline(self, _agent: int, _request: ApprovalRequest) -> None:
        self.the_baseline_is_changed()

    def _stop_and_resume(self, _agent: int, _request: ApprovalRequest) -> None:
        self.somebody_stops(ScopeKind.TEAM)
        self.two_others_resume()

    def _rulebook(self, _agent: int, _request: ApprovalRequest) -> None:
        self.the_rulebook_is_changed(strict=True)

    def _commit(self, agent: int, request: ApprovalRequest) -> None:
        self.a_new_commit_is_there(agent, HEADS[1] if request.head == HEADS[0] else HEADS[0])

    def _time(self, _agent: int, request: ApprovalRequest) -> None:
        self.as_owner(
            "UPDATE approvals_grant SET expires_at = clock_timestamp() - interval '1 second' "
            "WHERE request_id = %s AND state = 'issued'",
            request.pk,
        )

    def _repeat(self, agent: int, request: ApprovalRequest) -> None:
        stated: dict[str, Any] = {"session_id": request.session_id, "initiator": self.organisation.member.email}
        if request.head:
            stated["head"] = request.head
        command = request.arguments["command"]
        answer = self.attempt(lambda: ask(self.tokens[agent], command, **stated))
        if answer is not None and answer.decision.outcome is Outcome.ALLOW:
            self._oracle(answer, self.agents[agent], request.head or None)

    def _oracle(self, answer: Answer, agent: Agent, head: str | None) -> None:
        """I5: at the moment of the answer everything that the approval rested on was still so."""
        agent = Agent.objects.get(pk=agent.pk)
        assert agent.state == "active", "I5: an agent that does not act was let through"
        if not answer.granted:
            rules = [one.id for one in answer.decision.rules]
            assert any(one.startswith("exception.EX-") for one in rules), f"I1: let through by {rules}"
            return
        assert answer.request is not None
        self.let_through.append(answer.request.number)
        request = ApprovalRequest.objects.get(pk=answer.request.pk)
        assert request.revision_id == agent.revision_id, "I5: the policy is another one"
        levels = dict(PolicyLevel.objects.values_list("key", "revision_id"))
        assert request.organisation_revision_id == levels.get("organisation"), "I5: the baseline is another one"
        states = list(KillState.objects.filter(key__in=request.kill_keys))
        assert not any(state.stopped for state in states), "I5: it is stopped"
        assert sum(state.epoch for state in states) == request.epoch, "I5: a stop came in between"
        assert (request.head or None) == head, "I5: the commit is another one"
        known = BranchHead.objects.filter(repository=request.repository, branch=request.branch).first()
        assert not head or known is None or known.commit in {head, request.head_known}, "I5: the branch moved on"
        self._still_enough(request)

    def _still_enough(self, request: ApprovalRequest) -> None:
        last: dict[Any, Review] = {}
        for one in Review.objects.filter(request=request).select_related("person").order_by("turn"):
            last[one.human] = one
        able = set(RoleAssignment.objects.filter(role__in=["approver", "security"]).values_list("person_id", flat=True))
        standing = {
            one.person.human
            for one in last.values()
            if one.verdict == "approve" and one.person.is_active and one.person_id in able
        }
        assert len(standing) >= request.quorum, "I5: too few of the approvers may still approve"

    # Reviewers

    @rule(who=people, place=places, verdict=st.sampled_from([Verdict.APPROVE] * 4 + [Verdict.DENY, Verdict.CHANGES]))
    def somebody_decides(self, who: str, place: int, verdict: Verdict) -> None:
        request = self.a_request(place)
        if request is not None:
            self.attempt(lambda: review(request, self.person(who), verdict))

    @rule(place=places, pair=st.booleans())
    def the_approvers_approve(self, place: int, pair: bool) -> None:
        """Often enough that grants come to be."""
        request = self.a_request(place, state="pending")
        if request is not None:
            for who in ("approver", "second_approver") if pair else ("security",):
                self.attempt(partial(review, request, self.person(who)))

    @rule(who=people, place=places)
    def somebody_takes_it_back(self, who: str, place: int) -> None:
        request = self.a_request(place)
        if request is not None:
            self.attempt(lambda: undo(actor=self.person(who), request=request))

    @rule(
        giver=st.sampled_from(["approver", "second_approver"]),
        receiver=st.sampled_from(["member", "second_manager", "approver", "auditor"]),
    )
    def somebody_goes_away(self, giver: str, receiver: str) -> None:
        running = Delegation.objects.filter(giver=self.person(giver), ended_at=None).first()
        if running is not None:
            self.attempt(lambda: end_delegation(actor=self.person(giver), delegation=running))
            return
        self.attempt(
            lambda: delegate(
                actor=self.person(giver),
                giver=self.person(giver),
                receiver=self.person(receiver),
                ends_at=database_now() + timedelta(days=2),
                reason="On holiday.",
            )
        )

    @rule(place=places, pair=st.booleans())
    def a_stand_in_decides(self, place: int, pair: bool) -> None:
        request = self.a_request(place, state="pending")
        for lent in Delegation.objects.filter(ended_at=None).select_related("giver", "receiver"):
            if request is None or lent.receiver is None:
                continue
            if pair:
                self.attempt(partial(review, request, self.person("security")))
            self.attempt(
                partial(
                    add_review,
                    actor=lent.receiver,
                    request=request,
                    verdict=Verdict.APPROVE,
                    reason=WHY,
                    view_hash=bytes(request.view_hash),
                    on_behalf_of=lent.giver,
                    fresh=True,
                )
            )

    @rule(who=people, place=places)
    def somebody_edits(self, who: str, place: int) -> None:
        request = self.a_request(place, state="pending")
        if request is not None:
            self.attempt(
                lambda: edit(
                    actor=self.person(who),
                    request=request,
                    tool_input={"command": "gh pr merge 9 --squash", "description": "another"},
                    reason=WHY,
                    view_hash=bytes(request.view_hash),
                )
            )

    @rule(who=people, verdict=st.sampled_from([Verdict.APPROVE, Verdict.DENY]))
    def somebody_decides_several(self, who: str, verdict: Verdict) -> None:
        chosen = list(ApprovalRequest.objects.filter(state="pending").order_by("number")[:3])
        items = [BatchItem(one.number, bytes(one.view_hash)) for one in chosen]
        if items:
            self.attempt(
                lambda: review_batch(actor=self.person(who), items=items, verdict=verdict, reason=WHY, fresh=True)
            )

    @rule(who=people, place=places)
    def somebody_withdraws_or_comments(self, who: str, place: int) -> None:
        request = self.a_request(place)
        if request is not None:
            self.attempt(lambda: comment(actor=self.person(who), request=request, text="Why now?"))
            if place == 0:
                self.attempt(lambda: withdraw(actor=self.person(who), request=request))

    # The world

    @rule(who=st.sampled_from(["approver", "second_approver", "security"]))
    def somebody_leaves_or_returns(self, who: str) -> None:
        person = self.person(who)
        if person.is_active:
            self.attempt(lambda: deactivate_person(actor=SYSTEM, person=person))
        else:
            self.attempt(lambda: reactivate_person(actor=SYSTEM, person=person))

    @rule(who=st.sampled_from(["approver", "second_approver"]))
    def somebody_loses_or_gains_a_role(self, who: str) -> None:
        person, team = self.person(who), self.organisation.payments
        if RoleAssignment.objects.filter(person=person, role="approver").exists():
            self.attempt(lambda: remove_role(actor=SYSTEM, person=person, role=Role.APPROVER, team=team))
        else:
            self.attempt(lambda: assign_role(actor=SYSTEM, person=person, role=Role.APPROVER, team=team))

    @rule()
    def two_accounts_turn_out_to_be_one_person(self) -> None:
        first, second = self.person("approver"), self.person("second_approver")
        self.attempt(lambda: link_accounts(actor=SYSTEM, first=first, second=second, reason="The same passport."))

    @rule(agent=agents, wider=st.booleans())
    def the_policy_is_revised(self, agent: int, wider: bool) -> None:
        document = {**self.documents[agent], "limits": {"lines": 400 + self.revisions if wider else 300}}
        self.revisions += 1
        revised(self.organisation, self.agents[agent], document)

    @rule()
    def the_baseline_is_changed(self) -> None:
        self.revisions += 1
        baseline(self.organisation, {"limits": {"files": 1000 + self.revisions}})

    @rule(strict=st.booleans())
    def the_rulebook_is_changed(self, strict: bool) -> None:
        """Security has to agree to everything from now on, or no longer has to."""
        rules = [
            {"id": "all", "name": "Everything", "stages": [{"name": "Security", "groups": ["security"], "quorum": 1}]}
        ]
        newest = Rulebook.objects.order_by("-number").first()
        proposed = self.attempt(
            lambda: propose(
                actor=self.person("security"),
                document={"rules": rules if strict else []},
                based_on=0 if newest is None else newest.number,
                reason=WHY,
            )
        )
        if proposed is not None:
            self.attempt(lambda: agree(actor=self.second, proposal=proposed, reason=WHY))

    @rule(kind=st.sampled_from([ScopeKind.AGENT, ScopeKind.TEAM, ScopeKind.ALL]))
    def somebody_stops(self, kind: ScopeKind) -> None:
        scope = {ScopeKind.AGENT: self.agents[0].pk, ScopeKind.TEAM: self.organisation.payments.pk}.get(kind)
        self.attempt(
            lambda: order_kill(actor=self.person("security"), kind=kind, scope_id=scope, reason="It looks wrong.")
        )

    @rule()
    def two_others_resume(self) -> None:
        for order in KillOrder.objects.filter(state="active"):
            for who in ("manager", "second_manager", "security"):
                self.attempt(partial(agree_resume, actor=self.person(who), order=order, reason="It is fine."))
        # A stop revokes credentials; work goes on with new ones.
        for number, agent in enumerate(self.agents):
            manager = self.organisation.manager
            issued = self.attempt(partial(issue_credential, actor=manager, agent=agent, name="new", days=30))
            if issued is not None:
                self.tokens[number] = issued[1]

    @rule(agent=agents)
    def an_agent_is_suspended(self, agent: int) -> None:
        if Agent.objects.filter(state="active").count() > 1:
            self.attempt(
                lambda: suspend_agent(actor=self.person("manager"), agent=self.agents[agent], reason="It is odd.")
            )

    @rule(agent=agents, commit=st.sampled_from(HEADS))
    def a_new_commit_is_there(self, agent: int, commit: str) -> None:
        self.attempt(
            lambda: report_head(
                standing=identify(self.tokens[agent]), repository="acme/payments", branch="feature/tidy", commit=commit
            )
        )

    @rule(place=places, grant=st.booleans())
    def time_passes(self, place: int, grant: bool) -> None:
        """The owner of the database puts an end into the past; nothing of the portal may."""
        rows = Grant.objects.filter(state="issued") if grant else ApprovalRequest.objects.filter(state="pending")
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        if keys:
            table = "approvals_grant" if grant else "approvals_approvalrequest"
            self.as_owner(
                f"UPDATE {table} SET expires_at = clock_timestamp() - interval '1 second' WHERE id = %s",
                keys[place % len(keys)],
            )

    @rule()
    def the_sweep_runs(self) -> None:
        end_overtaken()
        end_dead_grants()

    # Exceptions

    @rule(agent=agents, who=people, kind=st.sampled_from(list(ExceptionKind)), minutes=st.sampled_from([1, 60, 9999]))
    def somebody_asks_for_an_exception(self, agent: int, who: str, kind: ExceptionKind, minutes: int) -> None:
        self.attempt(
            lambda: exceptions.ask(
                actor=self.person(who),
                agent=self.agents[agent],
                kind=kind,
                actions=["pr.merge"],
                minutes=minutes,
                reason="The release waits for this merge.",
            )
        )

    @rule(who=people, act=st.sampled_from(["grant", "refuse", "revoke", "close"]))
    def somebody_decides_an_exception(self, who: str, act: str) -> None:
        exception = GateException.objects.order_by("-number").first()
        if exception is None:
            return
        said = {"note": WHY} if act == "close" else {"reason": WHY}
        self.attempt(lambda: getattr(exceptions, act)(actor=self.person(who), exception=exception, **said))

    @rule()
    def a_review_of_an_exception_is_overdue(self) -> None:
        self.as_owner(
            "UPDATE approvals_gateexception SET ends_at = least(ends_at, clock_timestamp() - interval '1 minute'), "
            "review_due_at = clock_timestamp() - interval '1 second' "
            "WHERE id = (SELECT id FROM approvals_gateexception WHERE decided_at IS NOT NULL ORDER BY number LIMIT 1)"
        )

    # What the steps share

    def person(self, name: str) -> Person:
        return Person.objects.get(pk=self.organisation.people[name].pk)

    def find(self, key: UUID) -> Person:
        return Person.objects.get(pk=key)

    def a_request(self, place: int, **narrowed: Any) -> ApprovalRequest | None:
        rows = ApprovalRequest.objects.select_related("agent", "agent__owner_team").filter(**narrowed)
        found = list(rows.order_by("-number")[:6])
        return found[place % len(found)] if found else None

    def attempt(self, act: Callable[[], Result]) -> Result | None:
        """Do it. What is refused leaves no trace: no verdict, no state, no entry but the one that it was refused."""
        before = self._traces()
        try:
            return act()
        except PortalError:
            assert self._traces() == before, "I7: something that was refused was done in part"
            return None

    def _traces(self) -> tuple[Any, ...]:
        return (
            Entry.objects.filter(type__startswith="approvals.").exclude(type="approvals.verdict.refused").count(),
            Review.objects.count(),
            sorted(ApprovalRequest.objects.values_list("number", "state")),
            sorted(Grant.objects.values_list("request__number", "state")),
        )

    def as_owner(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.urls.super, autocommit=True) as owner:
            owner.execute(statement, values or None)


@pytest.mark.django_db(transaction=True)
def test_i1_to_i9_hold_after_every_step_whatever_people_agents_and_clocks_do(database_urls: Urls) -> None:
    assert not connection.in_atomic_block
    machine = type("Machine", (Governance,), {"urls": database_urls})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert len(Governance.let_through) >= EXAMPLES, "no grant was ever used, so nothing was tried"
