"""Who answers: people who are there, a row for each time, and a hand-over that the receiver makes."""

from datetime import timedelta

import pytest

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.services.people import deactivate_person, remove_member
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Credential, KillState, Ownership
from registry.rules.kill import ScopeKind
from registry.selectors.agents import agent_for
from registry.selectors.kills import standing_of
from registry.selectors.ownership import owner_at, owners_at, owners_between
from registry.selectors.transfers import open_transfers_of, transfer_for
from registry.services.kill import order_kill
from registry.services.ownership import change_people
from registry.services.transfer import accept_transfer, decline_transfer, offer_transfer, withdraw_transfer
from tests.organisation import Organisation, active_agent, credential_for, draft_agent
from tests.registry.ledgering import types
from tests.registry.recording import offered


def test_registering_begins_an_ownership(organisation: Organisation) -> None:
    agent = active_agent(organisation, deputy=organisation.member)
    row = Ownership.objects.get()
    assert (row.agent, row.team, row.accountable_person, row.deputy, row.by) == (
        agent,
        organisation.payments,
        organisation.manager,
        organisation.member,
        organisation.manager,
    )
    assert row.since == agent.registered_at


def test_what_was_done_keeps_the_owner_of_its_time(organisation: Organisation, agent: Agent) -> None:
    before = database_now()
    change_people(
        actor=organisation.second_manager,
        agent=agent,
        accountable_person=organisation.member,
        deputy=organisation.approver,
        reason="Ada is on leave.",
    )
    after = database_now()
    then, now = owner_at(agent.pk, before), owner_at(agent.pk, after)
    assert then is not None
    assert now is not None
    assert (then.accountable_person, now.accountable_person, now.deputy) == (
        organisation.manager,
        organisation.member,
        organisation.approver,
    )
    assert owner_at(agent.pk, before - timedelta(days=1)) is None
    assert {
        key[1]: row.accountable_person for key, row in owners_at([(agent.pk, before), (agent.pk, after)]).items()
    } == {
        before: organisation.manager,
        after: organisation.member,
    }
    assert [row.accountable_person for row in owners_between([agent.pk], before, after)[agent.pk]] == [
        organisation.manager,
        organisation.member,
    ]
    assert types()[-1] == "registry.agent.ownership_changed"


@pytest.mark.parametrize("gone", ["outsider", "deactivated", "left"])
@pytest.mark.parametrize("role", ["accountable_person", "deputy"])
def test_only_active_members_answer(organisation: Organisation, agent: Agent, gone: str, role: str) -> None:
    person = organisation.outsider if gone == "outsider" else organisation.member
    if gone == "deactivated":
        deactivate_person(actor=SYSTEM, person=person)
    elif gone == "left":
        remove_member(actor=SYSTEM, team=organisation.payments, person=person)
    people = {"accountable_person": organisation.manager, "deputy": None, role: person}
    with pytest.raises(InvalidInput) as refused:
        change_people(actor=organisation.manager, agent=agent, reason="why", **people)
    assert {fault["pointer"] for fault in refused.value.errors} == {f"/{role}"}
    assert Ownership.objects.count() == 1


def test_one_person_is_not_their_own_deputy(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(InvalidInput):
        change_people(
            actor=organisation.manager,
            agent=agent,
            accountable_person=organisation.member,
            deputy=organisation.member,
            reason="why",
        )


@pytest.mark.parametrize("who", ["member", "approver", "security", "auditor", "operator", "outsider"])
def test_only_managers_say_who_answers(organisation: Organisation, agent: Agent, who: str) -> None:
    with pytest.raises(NotAllowed):
        change_people(
            actor=organisation.people[who],
            agent=agent,
            accountable_person=organisation.member,
            deputy=None,
            reason="why",
        )


def test_nothing_new_and_no_reason_are_refused(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(InvalidInput, match="already"):
        change_people(
            actor=organisation.manager,
            agent=agent,
            accountable_person=organisation.manager,
            deputy=None,
            reason="why",
        )
    with pytest.raises(InvalidInput) as refused:
        change_people(
            actor=organisation.manager, agent=agent, accountable_person=organisation.member, deputy=None, reason=" "
        )
    assert refused.value.errors[0]["pointer"] == "/reason"


def test_an_offer_changes_nothing_until_it_is_accepted(organisation: Organisation, agent: Agent) -> None:
    transfer = offered(organisation, agent)
    assert list(open_transfers_of(organisation.outsider)) == [transfer]
    assert list(open_transfers_of(organisation.second_manager)) == [transfer]
    assert not open_transfers_of(organisation.member).exists()
    with pytest.raises(NotFound):
        agent_for(organisation.outsider, agent.pk)
    with pytest.raises(NotFound):
        transfer_for(organisation.operator, transfer.pk)


def test_accepting_moves_sight_people_and_epoch(organisation: Organisation, agent: Agent) -> None:
    credential_for(organisation, agent)
    KillState.objects.update_or_create(key=f"team:{organisation.payments.pk}", defaults={"epoch": 7})
    before = standing_of(agent).epoch
    transfer = offered(organisation, agent)
    moved = accept_transfer(
        actor=organisation.outsider, transfer=transfer, accountable_person=organisation.outsider, deputy=None
    )
    assert (moved.owner_team, moved.accountable_person) == (organisation.platform, organisation.outsider)
    assert standing_of(moved).epoch > before
    assert agent_for(organisation.outsider, agent.pk) == agent
    with pytest.raises(NotFound):
        agent_for(organisation.manager, agent.pk)
    # Credentials stay: the receiver was shown them before.
    assert Credential.objects.get().revoked_at is None
    assert [row.team for row in Ownership.objects.order_by("since")] == [organisation.payments, organisation.platform]
    assert types()[-2:] == ["registry.agent.ownership_changed", "registry.transfer.answered"]
    with pytest.raises(Conflict, match="accepted already"):
        accept_transfer(actor=organisation.outsider, transfer=transfer, accountable_person=organisation.outsider)


@pytest.mark.parametrize("who", ["manager", "member", "security", "auditor"])
def test_only_the_receivers_managers_accept(organisation: Organisation, agent: Agent, who: str) -> None:
    transfer = offered(organisation, agent)
    with pytest.raises(NotAllowed):
        accept_transfer(actor=organisation.people[who], transfer=transfer, accountable_person=organisation.outsider)
    with pytest.raises(NotAllowed):
        decline_transfer(actor=organisation.people[who], transfer=transfer, reason="no")


def test_who_answers_after_a_hand_over_is_of_the_receiver(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(InvalidInput):
        accept_transfer(
            actor=organisation.outsider, transfer=offered(organisation, agent), accountable_person=organisation.manager
        )
    agent.refresh_from_db()
    assert agent.owner_team == organisation.payments


def test_no_agent_leaves_a_stop_by_leaving_its_team(organisation: Organisation, agent: Agent) -> None:
    transfer = offered(organisation, agent)
    order_kill(actor=organisation.manager, kind=ScopeKind.TEAM, scope_id=organisation.payments.pk, reason="odd")
    with pytest.raises(Conflict):
        accept_transfer(actor=organisation.outsider, transfer=transfer, accountable_person=organisation.outsider)
    withdraw_transfer(actor=organisation.manager, transfer=transfer, reason="stopped")
    with pytest.raises(Conflict, match="stopped"):
        offered(organisation, agent)


def test_offers_end_once_and_one_at_a_time(organisation: Organisation, agent: Agent) -> None:
    transfer = offered(organisation, agent)
    with pytest.raises(Conflict, match="on offer already"):
        offered(organisation, agent)
    with pytest.raises(NotAllowed):
        withdraw_transfer(actor=organisation.outsider, transfer=transfer, reason="mine")
    decline_transfer(actor=organisation.outsider, transfer=transfer, reason="No capacity.")
    with pytest.raises(Conflict, match="declined already"):
        withdraw_transfer(actor=organisation.manager, transfer=transfer, reason="late")
    assert offered(organisation, agent).pk != transfer.pk


def test_drafts_and_own_teams_are_not_offered(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(Conflict):
        offered(organisation, draft_agent(organisation, "Draft"))
    with pytest.raises(InvalidInput):
        offer_transfer(actor=organisation.manager, agent=agent, to_team=organisation.payments, reason="why")
    with pytest.raises(NotAllowed):
        offer_transfer(actor=organisation.member, agent=agent, to_team=organisation.platform, reason="why")
