"""What takes a second person takes another natural person: a second account of the first is nobody else."""

import pytest

from portal.errors import NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for
from portal.identity.services.people import link_accounts
from registry.models import Agent, FindingKind
from registry.rules.kill import ScopeKind
from registry.selectors.kills import may_resume, resume_refusal, standing_of
from registry.selectors.proposals import refuse_refusal, waiting_for
from registry.selectors.stop_targets import of_agent
from registry.selectors.stops import forecast
from registry.services.credential import issue_credential
from registry.services.findings import close_finding, flag
from registry.services.kill import agree_resume, order_kill
from registry.services.proposals import approve_proposal, refuse_proposal
from tests.organisation import Organisation
from tests.registry.policies import backtested, propose


def one_person(organisation: Organisation, first: Person, second: Person) -> None:
    link_accounts(actor=actor_for(organisation.operator), first=first, second=second, reason="Same badge.")


def test_who_stopped_agrees_to_no_resume_under_another_account(organisation: Organisation, agent: Agent) -> None:
    one_person(organisation, organisation.manager, organisation.second_manager)
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="it misbehaves")
    assert resume_refusal(organisation.second_manager, order)
    assert set(may_resume(organisation.payments.pk, ordered_by=organisation.manager)) == {organisation.security}
    with pytest.raises(NotAllowed, match="ordered the stop"):
        agree_resume(actor=organisation.second_manager, order=order, reason="seen")
    assert not order.agreements.exists()


def test_two_accounts_of_one_person_end_no_stop(organisation: Organisation, agent: Agent) -> None:
    one_person(organisation, organisation.second_manager, organisation.security)
    forecast_now = forecast(of_agent(agent), person=organisation.manager)
    assert (len(forecast_now.resumers), forecast_now.can_be_resumed) == (2, False)
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="it misbehaves")
    agree_resume(actor=organisation.second_manager, order=order, reason="seen")
    with pytest.raises(NotAllowed, match="agreed already"):
        agree_resume(actor=organisation.security, order=order, reason="seen too")
    assert standing_of(agent).stopped_by


def test_accounts_linked_after_agreeing_count_once(organisation: Organisation, agent: Agent) -> None:
    """The one who stopped turns out to be one of those who agreed: one more is needed."""
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="it misbehaves")
    agree_resume(actor=organisation.second_manager, order=order, reason="seen")
    one_person(organisation, organisation.manager, organisation.second_manager)
    order.refresh_from_db()
    assert agree_resume(actor=organisation.security, order=order, reason="seen too").state == "active"
    assert standing_of(agent).stopped_by


def test_an_author_decides_no_own_proposal_under_another_account(organisation: Organisation, agent: Agent) -> None:
    one_person(organisation, organisation.manager, organisation.second_manager)
    proposal = backtested(propose(organisation.manager, agent))
    refusal = refuse_refusal(organisation.second_manager, proposal)
    assert refusal is not None and refusal.code == "author"
    assert not waiting_for(organisation.second_manager).exists()
    with pytest.raises(NotAllowed):
        approve_proposal(
            actor=organisation.second_manager, proposal=proposal, seal=bytes(proposal.seal or b""), reason="seen"
        )
    with pytest.raises(NotAllowed):
        refuse_proposal(actor=organisation.second_manager, proposal=proposal, reason="mine")


def test_who_issued_a_credential_widens_nothing_under_another_account(organisation: Organisation, agent: Agent) -> None:
    issue_credential(actor=organisation.second_manager, agent=agent, name="laptop", days=30)
    one_person(organisation, organisation.second_manager, organisation.security)
    proposal = backtested(propose(organisation.manager, agent))
    with pytest.raises(NotAllowed, match="credential"):
        approve_proposal(
            actor=organisation.security, proposal=proposal, seal=bytes(proposal.seal or b""), reason="seen"
        )


def test_who_caused_a_finding_does_not_close_it_under_another_account(organisation: Organisation, agent: Agent) -> None:
    one_person(organisation, organisation.manager, organisation.second_manager)
    found = flag(
        kind=FindingKind.TOKEN_WHILE_STOPPED, key="t", sentence="Asked.", agent=agent, caused_by=organisation.manager
    )
    assert found is not None
    with pytest.raises(NotAllowed, match="somebody else"):
        close_finding(actor=organisation.second_manager, finding=found, reason="fine")
    assert close_finding(actor=organisation.security, finding=found, reason="looked at").closed_by is not None
