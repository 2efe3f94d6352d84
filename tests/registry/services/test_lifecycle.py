"""Later life: a suspended agent's approvals stay dead, retiring takes everything along, and who may bring back."""

from datetime import timedelta

import pytest

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.services.people import remove_member
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Credential, Drill, DrillState, IssuerTrust, OwnershipTransfer
from registry.selectors.kills import standing_of
from registry.selectors.lifecycle import obstacles_to_reinstating, taken_along
from registry.services.credential import issue_credential
from registry.services.lifecycle import reinstate_agent, retire_agent, suspend_agent
from registry.services.profile import Profile
from registry.services.register import discard_draft, start_draft
from tests.organisation import Organisation, active_agent, credential_for, draft_agent
from tests.registry.recording import offered, suspended


def test_suspending_takes_out_of_work_and_raises_the_epoch(organisation: Organisation, agent: Agent) -> None:
    before = standing_of(agent).epoch
    moved = suspended(organisation, agent)
    assert (moved.state, moved.state_reason) == ("suspended", "Its tests fail.")
    assert standing_of(agent).epoch > before
    entry = Entry.objects.get(type="registry.agent.moved")
    assert (entry.body["data"]["before"], entry.body["data"]["after"]) == ("active", "suspended")
    with pytest.raises(Conflict):
        issue_credential(actor=organisation.manager, agent=agent, name="ci", days=1)
    with pytest.raises(Conflict):
        suspended(organisation, agent)


def test_the_portal_itself_may_suspend(organisation: Organisation, agent: Agent) -> None:
    suspend_agent(actor=None, agent=agent, reason="Recertification 1 was missed.")
    assert Entry.objects.get(type="registry.agent.moved").actor_kind == "system"
    assert reinstate_agent(actor=organisation.manager, agent=agent, reason="Done.").state == "active"


@pytest.mark.parametrize("who", ["member", "approver", "auditor", "operator", "outsider"])
def test_who_may_not_suspend_or_retire(organisation: Organisation, agent: Agent, who: str) -> None:
    with pytest.raises(NotAllowed):
        suspend_agent(actor=organisation.people[who], agent=agent, reason="why")
    with pytest.raises(NotAllowed):
        retire_agent(actor=organisation.people[who], agent=agent, reason="why")
    agent.refresh_from_db()
    assert agent.state == "active"


def test_what_security_suspended_a_manager_does_not_bring_back(organisation: Organisation, agent: Agent) -> None:
    suspend_agent(actor=organisation.security, agent=agent, reason="An audit.")
    with pytest.raises(Conflict, match="Security suspended it"):
        reinstate_agent(actor=organisation.manager, agent=agent, reason="We need it.")
    assert reinstate_agent(actor=organisation.security, agent=agent, reason="Cleared.").state == "active"


def test_nobody_to_answer_nothing_to_reinstate(organisation: Organisation) -> None:
    agent = active_agent(organisation, accountable_person=organisation.member)
    suspended(organisation, agent)
    remove_member(actor=SYSTEM, team=organisation.payments, person=organisation.member)
    agent.refresh_from_db()
    assert obstacles_to_reinstating(organisation.manager, agent) == [
        "Nobody answers for it: name an accountable person who is in its team first."
    ]
    with pytest.raises(Conflict):
        reinstate_agent(actor=organisation.manager, agent=agent, reason="why")


def test_retiring_takes_everything_along(organisation: Organisation, agent: Agent) -> None:
    credential_for(organisation, agent)
    IssuerTrust.objects.create(
        agent=agent, name="CI", issuer="https://ci.test", audience="x", claims={}, created_by=organisation.manager
    )
    offered(organisation, agent)
    Drill.objects.create(number=99, agent=agent, ordered_by=organisation.manager)
    counted = taken_along(agent)
    assert (counted.credentials, counted.trusts, counted.transfers, counted.drills) == (1, 1, 1, 1)
    retired = retire_agent(actor=organisation.manager, agent=agent, reason="Replaced.")
    assert retired.state == "retired"
    assert Credential.objects.get().revoked_at is not None
    assert IssuerTrust.objects.get().revoked_at is not None
    assert OwnershipTransfer.objects.get().state == "withdrawn"
    assert Drill.objects.get().state == DrillState.CANCELLED.value
    data = Entry.objects.get(type="registry.agent.moved").body["data"]
    assert data["taken_along"] == {"credentials": 1, "drills": 1, "proposals": 0, "transfers": 1, "trusts": 1}
    left = taken_along(agent)
    assert (left.credentials, left.trusts, left.transfers, left.drills) == (0, 0, 0, 0)
    for act in (suspend_agent, reinstate_agent, retire_agent):
        with pytest.raises(Conflict):
            act(actor=organisation.manager, agent=agent, reason="why")


def test_nothing_is_retired_in_the_middle_of_a_drill(organisation: Organisation, agent: Agent) -> None:
    Drill.objects.create(
        number=98, agent=agent, state=DrillState.RUNNING.value, started_at=database_now() - timedelta(seconds=5)
    )
    with pytest.raises(Conflict, match="drill"):
        retire_agent(actor=organisation.manager, agent=agent, reason="why")


def test_a_reason_is_needed(organisation: Organisation, agent: Agent) -> None:
    for act in (suspend_agent, retire_agent):
        with pytest.raises(InvalidInput):
            act(actor=organisation.manager, agent=agent, reason=" \n")


def test_a_draft_is_discarded_and_its_name_is_free(organisation: Organisation) -> None:
    draft = draft_agent(organisation)
    with pytest.raises(NotAllowed):
        discard_draft(actor=organisation.member, agent=draft)
    with pytest.raises(Conflict):
        retire_agent(actor=organisation.manager, agent=draft, reason="why")
    discard_draft(actor=organisation.manager, agent=draft)
    assert not Agent.objects.exists()
    again = start_draft(
        actor=organisation.manager,
        team=organisation.payments,
        profile=Profile(name="Payments Refactorer", platform="codex"),
    )
    assert again.slug == "payments-refactorer"


def test_what_is_registered_is_not_discarded(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(Conflict):
        discard_draft(actor=organisation.manager, agent=agent)


def test_a_draft_gets_no_credential_beneath_every_page(organisation: Organisation) -> None:
    with pytest.raises(Conflict, match="draft"):
        issue_credential(actor=organisation.manager, agent=draft_agent(organisation), name="ci", days=1)
    assert not Credential.objects.exists()
