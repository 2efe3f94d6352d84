"""Widening needs two people, and the second decides exactly what was shown."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import Conflict, InvalidInput, InvalidTransition, NotAllowed, PortalError, StaleView
from portal.identity.rules.roles import Role
from portal.identity.services.roles import assign_role, remove_role
from portal.ledger import vault
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import facts
from registry.models import Agent, PolicyLevel, PolicyProposal, PolicyRevision
from registry.rules.levels import Level
from registry.selectors.agents import agent_for
from registry.selectors.policies import ORGANISATION, Subject, effective_of, revision_in_force
from registry.selectors.proposals import deciders_of, waiting_for
from registry.services.credential import issue_credential
from registry.services.policy import change_policy, tighten_policy
from registry.services.proposals import (
    approve_proposal,
    attach_backtest,
    refuse_proposal,
    withdraw_proposal,
)
from tests.organisation import Organisation, active_agent, make_organisation, policy_document
from tests.registry.ledgering import types
from tests.registry.policies import WIDER, backtested, propose, said_by_organisation, second_security

TIGHTER = policy_document(branches_allowed=["feature/**"])


def _approve(organisation: Organisation, proposal: PolicyProposal, **changes: Any) -> PolicyRevision:
    said = {"actor": organisation.second_manager, "seal": bytes(proposal.seal or b""), "reason": "seen", **changes}
    return approve_proposal(proposal=proposal, **said)


def test_a_wider_policy_waits_and_changes_nothing(organisation: Organisation, agent: Agent) -> None:
    proposal = propose(organisation.manager, agent)
    assert (proposal.state, proposal.author, proposal.label) == ("open", organisation.manager, f"PP-{proposal.number}")
    assert agent_for(organisation.manager, agent.pk).revision == agent.revision
    entry = Entry.objects.get(type="registry.policy.proposed")
    assert facts(entry)["widens"] == ["Repository acme/vault comes into scope."]
    assert facts(entry)["reason"] == "it must reach it"


def test_the_second_person_puts_it_in_force(organisation: Organisation, agent: Agent) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    revision = _approve(organisation, proposal)
    assert (revision.number, revision.author, revision.approved_by) == (
        2,
        organisation.manager,
        organisation.second_manager,
    )
    assert agent_for(organisation.manager, agent.pk).revision == revision
    proposal.refresh_from_db()
    assert (proposal.state, proposal.revision, proposal.decided_by) == (
        "approved",
        revision,
        organisation.second_manager,
    )
    assert types()[-4:] == [
        "registry.policy.proposed",
        "registry.policy.backtested",
        "registry.policy.decided",
        "registry.policy.revised",
    ]
    revised = facts(Entry.objects.filter(type="registry.policy.revised").order_by("-recorded_at", "-id")[0])
    assert (revised["widened"], revised["approved_by"]) == (True, str(organisation.second_manager.pk))
    decided = facts(Entry.objects.get(type="registry.policy.decided"))
    assert decided["seal"] == bytes(proposal.seal or b"").hex()


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("manager", "author"),
        ("member", "not-entitled"),
        ("approver", "not-entitled"),
        ("auditor", "not-entitled"),
        ("outsider", "not-entitled"),
        ("operator", "not-entitled"),
    ],
)
def test_who_may_not_decide(organisation: Organisation, agent: Agent, who: str, code: str) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    with pytest.raises(NotAllowed) as refused:
        _approve(organisation, proposal, actor=organisation.people[who])
    assert refused.value.extra["reason"] == code
    with pytest.raises(NotAllowed):
        refuse_proposal(actor=organisation.people[who], proposal=proposal, reason="no")
    assert PolicyRevision.objects.filter(agent=agent).count() == 1


def test_who_could_use_it_may_not_approve_but_may_refuse(organisation: Organisation, agent: Agent) -> None:
    issue_credential(actor=organisation.second_manager, agent=agent, name="laptop", days=1)
    proposal = backtested(propose(organisation.manager, agent), initiators=[organisation.security.pk])
    for person, code in ((organisation.second_manager, "credential-holder"), (organisation.security, "initiator")):
        with pytest.raises(NotAllowed) as refused:
            _approve(organisation, proposal, actor=person)
        assert refused.value.extra["reason"] == code
    reasons = {one.person: one.refusal.code for one in deciders_of(proposal) if one.refusal}
    assert reasons == {
        organisation.manager: "author",
        organisation.second_manager: "credential-holder",
        organisation.security: "initiator",
    }
    refuse_proposal(actor=organisation.security, proposal=proposal, reason="too wide")
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decision_reason) == ("refused", "too wide")


def test_a_credential_that_has_ended_stands_in_nobodys_way(organisation: Organisation, agent: Agent) -> None:
    credential, _ = issue_credential(actor=organisation.second_manager, agent=agent, name="laptop", days=1)
    credential.revoked_at = credential.created_at
    credential.save(update_fields=["revoked_at"])
    assert _approve(organisation, backtested(propose(organisation.manager, agent))).number == 2


def test_the_database_refuses_one_person_too(organisation: Organisation, agent: Agent) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    with pytest.raises(IntegrityError, match="registry_proposal_second_person"), transaction.atomic():
        PolicyProposal.objects.filter(pk=proposal.pk).update(state="approved", decided_by=organisation.manager)
    with pytest.raises(IntegrityError, match="registry_proposal_second_person"), transaction.atomic():
        PolicyProposal.objects.filter(pk=proposal.pk).update(state="approved")
    own = {"number": 2, "document": WIDER, "digest": b"", "author": organisation.manager}
    with pytest.raises(IntegrityError, match="registry_revision_second_person"), transaction.atomic():
        PolicyRevision.objects.create(agent=agent, approved_by=organisation.manager, **own)


@pytest.mark.parametrize("missing", ["none", "old", "another basis"])
def test_a_backtest_that_does_not_carry_a_decision(organisation: Organisation, agent: Agent, missing: str) -> None:
    proposal = propose(organisation.manager, agent)
    if missing == "old":
        proposal = backtested(proposal, ago=timedelta(hours=25))
    elif missing == "another basis":
        proposal = backtested(proposal)
        said_by_organisation(organisation.security, {"limits": {"files": 5}})
    with pytest.raises(Conflict):
        _approve(organisation, proposal)
    assert PolicyRevision.objects.filter(agent=agent).count() == 1
    assert _approve(organisation, backtested(proposal)).number == 2


def test_another_backtest_is_another_seal(organisation: Organisation, agent: Agent) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    shown = bytes(proposal.seal or b"")
    backtested(proposal, checks=4)
    with pytest.raises(StaleView) as stale:
        _approve(organisation, proposal, seal=shown)
    assert stale.value.extra["difference"][0]["shown"] == shown.hex()
    for wrong in (b"", b"nonsense"):
        with pytest.raises(StaleView):
            _approve(organisation, proposal, seal=wrong)
    assert PolicyRevision.objects.filter(agent=agent).count() == 1


def test_a_revision_in_between_overtakes(organisation: Organisation, agent: Agent) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    tighten_policy(actor=organisation.second_manager, agent=agent, document=TIGHTER, based_on=1)
    with pytest.raises(InvalidTransition):
        _approve(organisation, proposal)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decision_reason) == ("overtaken", "Revision 2 came into force meanwhile.")
    again = propose(organisation.manager, agent, based_on=2)
    assert _approve(organisation, backtested(again)).number == 3


def test_one_proposal_at_a_time(organisation: Organisation, agent: Agent) -> None:
    first = propose(organisation.manager, agent)
    with pytest.raises(Conflict) as refused:
        propose(organisation.second_manager, agent, policy_document(environments=["qa"]))
    assert refused.value.extra["proposal"] == first.number
    with pytest.raises(NotAllowed):
        withdraw_proposal(actor=organisation.second_manager, proposal=first)
    withdraw_proposal(actor=organisation.manager, proposal=first)
    assert propose(organisation.second_manager, agent).number > first.number
    with pytest.raises(InvalidTransition):
        refuse_proposal(actor=organisation.security, proposal=first, reason="no")


@pytest.mark.parametrize("reason", ["", "   ", "a\0b", "x" * 2001])
def test_why_is_always_said(organisation: Organisation, agent: Agent, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        change_policy(
            actor=organisation.manager, subject=Subject.of_agent(agent), document=WIDER, based_on=1, reason=reason
        )
    assert refused.value.errors[0]["pointer"] == "/reason"
    assert not PolicyProposal.objects.exists()


def test_a_backtest_after_the_end_is_not_kept(organisation: Organisation, agent: Agent) -> None:
    proposal = propose(organisation.manager, agent)
    withdraw_proposal(actor=organisation.manager, proposal=proposal)
    assert not attach_backtest(proposal_id=proposal.pk, result={"checks": 1}, at=proposal.proposed_at)
    proposal.refresh_from_db()
    assert proposal.seal is None


def test_a_looser_mode_is_a_widening_and_said_in_words(organisation: Organisation, agent: Agent) -> None:
    observed = {**policy_document(), "modes": {"scope.path.outside": "observe"}}
    proposal = backtested(propose(organisation.manager, agent, observed))
    _approve(organisation, proposal)
    revised = facts(Entry.objects.filter(type="registry.policy.revised").order_by("-recorded_at", "-id")[0])
    assert len(revised["switched"]) == 1
    assert "observed now" in revised["switched"][0]
    # Back to enforce is tighter: one person, at once, and it says why.
    changed = change_policy(
        actor=organisation.manager,
        subject=Subject.of_agent(agent),
        document=policy_document(),
        based_on=2,
        reason="seen enough",
    )
    assert isinstance(changed, PolicyRevision)
    assert changed.reason == "seen enough"


def test_the_organisation_restricts_at_once_and_loosens_by_two(organisation: Organisation, agent: Agent) -> None:
    first = said_by_organisation(organisation.security, {"tiers": {"commit": "gated"}, "limits": {"files": 5}})
    assert isinstance(first, PolicyRevision)
    assert (first.level, first.number, first.agent, first.team) == ("organisation", 1, None, None)
    tier, level = effective_of(agent).tier_of("commit")
    assert (tier.value, level) == ("gated", Level.ORGANISATION)
    assert effective_of(agent).limits().files == 5
    looser = said_by_organisation(organisation.security, {"tiers": {"commit": "gated"}}, based_on=1)
    assert isinstance(looser, PolicyProposal)
    proposal = backtested(looser)
    with pytest.raises(NotAllowed) as refused:
        _approve(organisation, proposal, actor=organisation.manager)
    assert refused.value.extra["reason"] == "not-entitled"
    other = second_security()
    assert list(waiting_for(other)) == [proposal]
    revision = _approve(organisation, proposal, actor=other)
    assert revision_in_force(ORGANISATION) == revision
    assert effective_of(agent).limits().files == 20


@pytest.mark.parametrize("who", ["manager", "member", "approver", "auditor", "operator", "outsider"])
def test_only_security_speaks_for_the_organisation(organisation: Organisation, who: str) -> None:
    with pytest.raises(NotAllowed):
        said_by_organisation(organisation.people[who], {"limits": {"files": 5}})
    assert not PolicyLevel.objects.exists()


def test_a_team_restricts_its_agents(organisation: Organisation, agent: Agent) -> None:
    subject = Subject.of_team(organisation.payments)
    document = {"scope": {"environments": ["test"]}}
    with pytest.raises(NotAllowed):
        change_policy(actor=organisation.outsider, subject=subject, document=document, based_on=0, reason="mine now")
    first = change_policy(actor=organisation.manager, subject=subject, document=document, based_on=0, reason="audit")
    assert isinstance(first, PolicyRevision)
    looser = backtested(propose(organisation.manager, subject, {}))
    assert _approve(organisation, looser).team == organisation.payments
    with pytest.raises(Conflict):
        change_policy(actor=organisation.security, subject=subject, document=document, based_on=1, reason="stale")


def test_own_actions_take_two_people(organisation: Organisation, agent: Agent) -> None:
    action = {
        "label": "Release",
        "reversibility": "irreversible",
        "tier": "gated",
        "explain": "It reaches customers.",
        "tools": [],
        "commands": ["acmectl ship"],
    }
    changed = said_by_organisation(organisation.security, {"actions": {"acme.release": action}})
    assert isinstance(changed, PolicyProposal)
    _approve(organisation, backtested(changed), actor=second_security())
    assert "acme.release" in effective_of(agent).catalogue
    # Now a policy may name it, and not before.
    named = {**policy_document(), "tiers": {**policy_document()["tiers"], "acme.release": "forbidden"}}
    revision = tighten_policy(actor=organisation.manager, agent=agent, document=named, based_on=1)
    assert revision.document["tiers"]["acme.release"] == "forbidden"
    unknown = {**named, "tiers": {**named["tiers"], "acme.refund": "gated"}}
    with pytest.raises(InvalidInput):
        tighten_policy(actor=organisation.manager, agent=agent, document=unknown, based_on=2)


def _race(*acts: Callable[[], object]) -> list[object]:
    """Each act in a thread and connection of its own, begun together; what each gave or raised."""
    barrier, found = threading.Barrier(len(acts)), [None] * len(acts)
    results: list[object] = list(found)

    def run(place: int, act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            results[place] = act()
        except PortalError as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_approvals_at_once_make_one_revision(organisation: Organisation, agent: Agent) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    results = _race(
        lambda: _approve(organisation, proposal),
        lambda: _approve(organisation, proposal, actor=organisation.security),
    )
    assert sorted(type(one).__name__ for one in results) == ["InvalidTransition", "PolicyRevision"]
    assert PolicyRevision.objects.filter(agent=agent).count() == 2


@pytest.mark.django_db(transaction=True)
def test_approving_against_tightening_leaves_one_winner(organisation: Organisation, agent: Agent) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    results = _race(
        lambda: _approve(organisation, proposal, actor=organisation.security),
        lambda: tighten_policy(actor=organisation.second_manager, agent=agent, document=TIGHTER, based_on=1),
    )
    assert sum(isinstance(one, PolicyRevision) for one in results) == 1
    assert sum(isinstance(one, Conflict) for one in results) == 1
    proposal.refresh_from_db()
    assert proposal.state in {"approved", "overtaken"}
    assert PolicyRevision.objects.filter(agent=agent).count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_first_baselines_at_once(organisation: Organisation) -> None:
    results = _race(
        lambda: said_by_organisation(organisation.security, {"limits": {"files": 5}}),
        lambda: said_by_organisation(organisation.security, {"limits": {"files": 6}}),
    )
    assert sorted(type(one).__name__ for one in results) == ["Conflict", "PolicyRevision"]
    assert PolicyRevision.objects.filter(level="organisation").count() == 1


_REPOSITORIES = st.lists(
    st.sampled_from(["acme/payments", "acme/vault", "acme/*", "acme/docs"]), min_size=1, max_size=3, unique=True
)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["change", "approve", "withdraw", "refuse"]),
        st.sampled_from(["manager", "second_manager", "security"]),
        _REPOSITORIES,
        st.sampled_from(["observe", "enforce"]),
    ),
    max_size=8,
)


@pytest.mark.django_db
@settings(max_examples=15)
@given(steps=_STEPS)
def test_nothing_wider_ever_comes_from_one_person(steps: list[tuple[str, str, list[str], str]]) -> None:
    """Whatever people try in whatever order: a revision that widened has two different people behind it."""
    # A savepoint, not atomic(): the services' outermost transactions must stay outermost.
    before = transaction.savepoint()
    try:
        organisation = make_organisation()
        agent = active_agent(organisation)
        for step in steps:
            with suppress(PortalError):
                _take(step, organisation, Subject.of_agent(agent))
        for entry in Entry.objects.filter(type="registry.policy.revised", agent_id=agent.pk):
            said = entry.body["data"]
            if said["widened"] and said["revision"] > 1:
                revision = PolicyRevision.objects.get(pk=said["revision_id"])
                assert revision.approved_by_id not in {None, revision.author_id}
    finally:
        transaction.savepoint_rollback(before)
        vault.forget_cached_keys()


def _take(step: tuple[str, str, list[str], str], organisation: Organisation, subject: Subject) -> None:
    verb, who, repositories, mode = step
    person = organisation.people[who]
    current = revision_in_force(subject)
    waiting = PolicyProposal.objects.filter(agent=subject.agent, state="open").first()
    assert current is not None
    if verb == "change":
        document = {**policy_document(repositories=repositories), "modes": {"scope.path.outside": mode}}
        change_policy(actor=person, subject=subject, document=document, based_on=current.number, reason="a try")
    elif waiting is not None and verb == "approve":
        sealed = backtested(waiting)
        approve_proposal(actor=person, proposal=sealed, seal=bytes(sealed.seal or b""), reason="seen")
    elif waiting is not None and verb == "refuse":
        refuse_proposal(actor=person, proposal=waiting, reason="no")
    elif waiting is not None:
        withdraw_proposal(actor=person, proposal=waiting)


def test_a_manager_made_security_still_cannot_approve_alone(organisation: Organisation, agent: Agent) -> None:
    assign_role(actor=SYSTEM, person=organisation.manager, role=Role.SECURITY)
    proposal = backtested(propose(organisation.manager, agent))
    with pytest.raises(NotAllowed):
        _approve(organisation, proposal, actor=organisation.manager)


def test_an_author_who_may_no_longer_change_it_counts_no_more(organisation: Organisation, agent: Agent) -> None:
    proposal = backtested(propose(organisation.second_manager, agent))
    remove_role(actor=SYSTEM, person=organisation.second_manager, role=Role.MANAGER, team=organisation.payments)
    with pytest.raises(Conflict, match="may no longer change"):
        _approve(organisation, proposal, actor=organisation.security)
    refuse_proposal(actor=organisation.security, proposal=proposal, reason="who asked has left")
