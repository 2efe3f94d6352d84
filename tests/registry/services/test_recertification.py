"""Campaigns: opened, decided, shrunk, missed, cancelled, and two people who decide the same entry."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.services.people import add_member, assign_role
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now, disclose
from registry.models import Agent, Campaign, CampaignItem, PolicyRevision
from registry.rules.lifecycle import AgentState
from registry.rules.recertification import Granted, Standing, entries_of, without
from registry.selectors.recertification import items_of, progress, undecided_of, warnings_about, warnings_for
from registry.services.lifecycle import reinstate_agent, retire_agent
from registry.services.policy import tighten_policy
from registry.services.recertification import cancel_campaign, close_missed, open_campaign
from registry.services.recertification_items import keep_items, remove_item
from registry.services.usage import Use, store_usage
from tests.approvals.asking import at_once
from tests.organisation import Organisation, active_agent, policy_document

pytestmark = pytest.mark.django_db

REPOSITORY = Granted("/scope/repositories", "acme/payments")


def _today() -> date:
    return database_now().astimezone(UTC).date()


def _opened(organisation: Organisation, days: int = 14, actor: Person | None = None) -> Campaign:
    due_on = _today() + timedelta(days=days)
    return open_campaign(actor=actor or organisation.manager, team=organisation.payments, due_on=due_on)


def _item(campaign: Campaign, granted: Granted = REPOSITORY, agent: Agent | None = None) -> CampaignItem:
    found = CampaignItem.objects.filter(campaign=campaign, pointer=granted.pointer, entry=granted.entry)
    return found.get() if agent is None else found.get(agent=agent)


def _after(campaign: Campaign) -> datetime:
    return datetime.combine(campaign.due_on + timedelta(days=1), time(0, 1), UTC)


def _keep_all(actor: Person, campaign: Campaign) -> int:
    waiting = {row.item.pk for row in items_of(campaign) if row.is_open}
    return keep_items(actor=actor, campaign=campaign, items=waiting, reason="All of it is needed.")


def _last(kind: str) -> Entry:
    found = Entry.objects.filter(type=f"registry.recertification.{kind}").order_by("recorded_at", "id").last()
    assert found is not None
    return found


def test_every_entry_of_every_active_agent_is_put_up_with_its_use(organisation: Organisation, agent: Agent) -> None:
    other = active_agent(organisation, "Other", policy=policy_document(repositories=["acme/other"]))
    now = database_now()
    used = {REPOSITORY: Use(7, now), Granted("/scope/models", "*"): Use(0, None)}
    store_usage(agent_id=agent.pk, uses=used, since=now - timedelta(days=90), at=now)
    campaign = _opened(organisation)
    assert agent.revision is not None
    expected = len(entries_of(agent.revision.document)) * 2
    assert campaign.items.count() == expected
    assert _item(campaign).used == 7
    assert _item(campaign, Granted("/scope/models", "*"), agent).used == 0
    assert _item(campaign, Granted("/scope/models", "*"), other).used is None, "not counted is not zero"
    data = _last("opened").body["data"]
    assert (data["items"], data["team_name"], len(data["agents"])) == (expected, "Payments", 2)


def test_only_managers_of_the_team_and_security_start_one(organisation: Organisation, agent: Agent) -> None:
    for person in (organisation.member, organisation.approver, organisation.outsider, organisation.auditor):
        with pytest.raises(NotAllowed):
            _opened(organisation, actor=person)
    assert _opened(organisation, actor=organisation.security).opened_by == organisation.security


@pytest.mark.parametrize("days", [-1, 0, 181])
def test_a_date_that_is_past_or_far_is_refused(organisation: Organisation, agent: Agent, days: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        _opened(organisation, days=days)
    assert refused.value.errors[0]["pointer"] == "/due_on"


def test_a_team_has_one_open_campaign_and_needs_an_active_agent(organisation: Organisation, agent: Agent) -> None:
    _opened(organisation)
    with pytest.raises(Conflict, match="open already"):
        _opened(organisation)
    with pytest.raises(Conflict, match="no active agent"):
        open_campaign(actor=organisation.outsider, team=organisation.platform, due_on=_today() + timedelta(days=3))


def test_several_entries_are_kept_for_one_reason_and_each_is_recorded(organisation: Organisation, agent: Agent) -> None:
    campaign = _opened(organisation)
    chosen = {_item(campaign).pk, _item(campaign, Granted("/scope/models", "*")).pk}
    assert keep_items(actor=organisation.manager, campaign=campaign, items=chosen, reason="Used daily.") == 2
    decided = Entry.objects.filter(type="registry.recertification.decided")
    assert {entry.body["data"]["entry"] for entry in decided} == {"acme/payments", "*"}
    assert {disclose(entry)["reason"] for entry in decided} == {"Used daily."}
    assert {entry.agent_id for entry in decided} == {agent.pk}
    assert progress(campaign).settled == 2


def test_keeping_needs_a_reason_and_something_to_keep(organisation: Organisation, agent: Agent) -> None:
    campaign = _opened(organisation)
    with pytest.raises(InvalidInput, match="reason"):
        keep_items(actor=organisation.manager, campaign=campaign, items={_item(campaign).pk}, reason=" ")
    with pytest.raises(InvalidInput, match="Choose"):
        keep_items(actor=organisation.manager, campaign=campaign, items=set(), reason="Needed.")
    with pytest.raises(NotFound):
        keep_items(actor=organisation.manager, campaign=campaign, items={_item(campaign).pk, uuid4()}, reason="Yes.")
    assert progress(campaign).settled == 0, "all of them or none"


def test_removing_tightens_the_policy_in_the_same_act(organisation: Organisation, agent: Agent) -> None:
    campaign = _opened(organisation)
    item = _item(campaign, Granted("/scope/environments", "staging"))
    remove_item(actor=organisation.manager, campaign=campaign, item=item.pk)
    agent = Agent.objects.select_related("revision").get(pk=agent.pk)
    assert agent.revision is not None
    assert agent.revision.number == 2
    assert agent.revision.document["scope"]["environments"] == ["development", "test"]
    # Whether it was needed is what the count says; the reason claims nothing.
    assert agent.revision.reason == f"Removed in recertification {campaign.number}."
    data = _last("decided").body["data"]
    assert (data["verdict"], data["revision"], data["late"]) == ("remove", 2, False)
    assert {row.standing for row in items_of(campaign) if row.item.pk == item.pk} == {Standing.REMOVED}


def test_when_the_removal_is_refused_nothing_is_decided(organisation: Organisation, agent: Agent) -> None:
    """Security may start a campaign, and may not change a team's policy: the act fails as a whole."""
    campaign = _opened(organisation)
    with pytest.raises(NotAllowed):
        remove_item(actor=organisation.security, campaign=campaign, item=_item(campaign).pk)
    assert progress(campaign).settled == 0
    assert PolicyRevision.objects.filter(agent=agent).count() == 1


@pytest.mark.parametrize("who", ["member", "approver", "security", "auditor", "outsider", "operator"])
def test_only_managers_of_the_team_decide(organisation: Organisation, agent: Agent, who: str) -> None:
    campaign = _opened(organisation)
    with pytest.raises(NotAllowed):
        keep_items(
            actor=organisation.people[who], campaign=campaign, items={_item(campaign).pk}, reason="I would keep it."
        )


def test_it_is_done_with_the_last_decision(organisation: Organisation, agent: Agent) -> None:
    campaign = _opened(organisation)
    remove_item(actor=organisation.manager, campaign=campaign, item=_item(campaign, Granted("/scope/models", "*")).pk)
    kept = _keep_all(organisation.second_manager, campaign)
    campaign.refresh_from_db()
    assert campaign.state == "done"
    assert campaign.closed_at is not None
    data = _last("closed").body["data"]
    assert (data["state"], data["kept"], data["removed"], data["undecided"]) == ("done", kept, 1, 0)
    with pytest.raises(Conflict, match="done"):
        keep_items(actor=organisation.manager, campaign=campaign, items={_item(campaign).pk}, reason="Again.")


def test_what_another_change_took_out_or_another_team_owns_waits_for_nobody(
    organisation: Organisation, agent: Agent
) -> None:
    other = active_agent(organisation, "Other")
    campaign = _opened(organisation)
    assert agent.revision is not None
    narrowed = without(agent.revision.document, REPOSITORY)
    tighten_policy(actor=organisation.manager, agent=agent, document=narrowed, based_on=1, reason="Not needed.")
    with pytest.raises(Conflict, match="no longer in the policy"):
        remove_item(actor=organisation.manager, campaign=campaign, item=_item(campaign, agent=agent).pk)
    retire_agent(actor=organisation.manager, agent=other, reason="Replaced.")
    standings = {row.standing for row in items_of(campaign) if row.item.agent_id == other.pk}
    assert standings == {Standing.LEFT}
    assert undecided_of(other) == []


def test_a_missed_date_suspends_what_was_not_looked_at_and_says_how_to_get_back(
    organisation: Organisation, agent: Agent
) -> None:
    looked_at = active_agent(organisation, "Looked At")
    campaign = _opened(organisation)
    mine = {row.item.pk for row in items_of(campaign) if row.item.agent_id == looked_at.pk}
    keep_items(actor=organisation.manager, campaign=campaign, items=mine, reason="Needed.")
    last_moment = datetime.combine(campaign.due_on, time(23, 59), UTC)
    assert close_missed(last_moment) == []
    assert close_missed(_after(campaign)) == [campaign.number]
    agent.refresh_from_db()
    looked_at.refresh_from_db()
    assert (agent.state, looked_at.state) == (AgentState.SUSPENDED.value, AgentState.ACTIVE.value)
    assert f"recertification {campaign.number}" in agent.state_reason
    assert "then reinstate" in agent.state_reason
    campaign.refresh_from_db()
    assert campaign.state == "missed"
    data = _last("closed").body["data"]
    assert data["suspended"] == [str(agent.pk)]
    assert data["undecided"] == len(undecided_of(agent)) > 0
    assert close_missed(_after(campaign)) == [], "the second round finds nothing to do"


def test_after_a_missed_date_the_entries_are_decided_late_and_the_agent_comes_back(
    organisation: Organisation, agent: Agent
) -> None:
    campaign = _opened(organisation)
    close_missed(_after(campaign))
    agent.refresh_from_db()
    with pytest.raises(Conflict, match="ecertification"):
        reinstate_agent(actor=organisation.manager, agent=agent, reason="We need it.")
    remove_item(actor=organisation.manager, campaign=campaign, item=_item(campaign, Granted("/scope/models", "*")).pk)
    assert _last("decided").body["data"]["late"] is True
    _keep_all(organisation.manager, campaign)
    campaign.refresh_from_db()
    assert campaign.state == "missed", "that it was missed stays in the record"
    assert undecided_of(agent) == []
    agent.refresh_from_db()
    reinstated = reinstate_agent(actor=organisation.manager, agent=agent, reason="Looked at.")
    assert reinstated.state == AgentState.ACTIVE.value


def test_a_date_that_passes_with_everything_settled_otherwise_is_no_miss(
    organisation: Organisation, agent: Agent
) -> None:
    campaign = _opened(organisation)
    retire_agent(actor=organisation.manager, agent=agent, reason="Replaced.")
    assert close_missed(_after(campaign)) == []
    campaign.refresh_from_db()
    assert campaign.state == "done"


def test_an_agent_that_is_suspended_already_is_left_as_it_is(organisation: Organisation, agent: Agent) -> None:
    campaign = _opened(organisation)
    Agent.objects.filter(pk=agent.pk).update(state=AgentState.SUSPENDED.value, state_reason="Something else.")
    close_missed(_after(campaign))
    agent.refresh_from_db()
    assert agent.state_reason == "Something else."
    assert _last("closed").body["data"]["suspended"] == []


def test_security_alone_cancels_with_a_reason(organisation: Organisation, agent: Agent) -> None:
    campaign = _opened(organisation)
    with pytest.raises(NotAllowed):
        cancel_campaign(actor=organisation.manager, campaign=campaign, reason="Too much work.")
    with pytest.raises(InvalidInput):
        cancel_campaign(actor=organisation.security, campaign=campaign, reason="")
    cancel_campaign(actor=organisation.security, campaign=campaign, reason="Started for the wrong team.")
    closed = _last("closed")
    assert closed.body["data"]["state"] == "cancelled"
    assert disclose(closed)["reason"] == "Started for the wrong team."
    assert close_missed(_after(campaign)) == []
    agent.refresh_from_db()
    assert agent.state == AgentState.ACTIVE.value
    with pytest.raises(Conflict):
        cancel_campaign(actor=organisation.security, campaign=campaign, reason="Again.")
    assert _opened(organisation).number > campaign.number


def test_who_should_see_to_it_is_reminded(organisation: Organisation, agent: Agent) -> None:
    campaign = _opened(organisation)
    today = _today()
    for person in (organisation.manager, organisation.security):
        (reminder,) = warnings_for(person, today)
        assert (reminder.campaign, reminder.missed, reminder.soon) == (campaign, False, False)
    assert warnings_for(organisation.member, today) == []
    assert warnings_for(organisation.outsider, today) == []
    (soon,) = warnings_about(agent, campaign.due_on - timedelta(days=2))
    assert (soon.soon, soon.missed, soon.left) == (True, False, progress(campaign).left)
    (late,) = warnings_about(agent, campaign.due_on + timedelta(days=1))
    assert late.missed
    _keep_all(organisation.manager, campaign)
    assert warnings_for(organisation.manager, today) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("other", ["keep", "remove"])
def test_of_two_who_decide_one_entry_at_once_one_is_told_that_it_is_decided(
    organisation: Organisation, agent: Agent, other: str
) -> None:
    campaign = _opened(organisation)
    item = _item(campaign)

    def keep(person: Person) -> Any:
        return keep_items(actor=person, campaign=campaign, items={item.pk}, reason="Needed.")

    def remove() -> Any:
        return remove_item(actor=organisation.second_manager, campaign=campaign, item=item.pk)

    results = at_once(
        [lambda: keep(organisation.manager), remove if other == "remove" else lambda: keep(organisation.second_manager)]
    )
    refused = [result for result in results if isinstance(result, Exception)]
    assert [type(one) for one in refused] == [Conflict]
    assert Entry.objects.filter(type="registry.recertification.decided").count() == 1
    item.refresh_from_db()
    revisions = PolicyRevision.objects.filter(agent=agent).count()
    assert revisions == (2 if item.verdict == "remove" else 1), "the policy changed if and only if that was decided"


@pytest.mark.django_db(transaction=True)
def test_two_first_campaigns_of_a_team_at_once_become_one(organisation: Organisation, agent: Agent) -> None:
    results = at_once([lambda: _opened(organisation), lambda: _opened(organisation, actor=organisation.security)])
    assert sorted(type(result).__name__ for result in results) == ["Campaign", "Conflict"]
    assert Campaign.objects.count() == 1


def test_a_new_manager_of_the_team_decides_too(organisation: Organisation, agent: Agent) -> None:
    campaign = _opened(organisation)
    add_member(actor=SYSTEM, team=organisation.payments, person=organisation.outsider)
    assign_role(actor=SYSTEM, person=organisation.outsider, role=Role.MANAGER, team=organisation.payments)
    assert _keep_all(organisation.outsider, campaign) == progress(campaign).total
