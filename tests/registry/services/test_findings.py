"""Findings: noticed once, seen by those they concern, closed by somebody who did not cause them."""

from datetime import timedelta
from functools import partial

import pytest

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.rules.roles import Role
from portal.identity.services.people import assign_role, deactivate_person, remove_member
from portal.identity.services.teams import set_on_call
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Finding, FindingKind
from registry.rules.kill import ScopeKind
from registry.rules.noticed import WORDS, NoticedKind
from registry.selectors.findings import (
    FindingSearch,
    finding_for,
    findings_about,
    findings_for,
    findings_of_team,
    findings_waiting_for,
    matching,
)
from registry.services.findings import close_finding, close_refusal, flag
from registry.services.kill import order_kill
from registry.services.register import register_agent, save_draft
from tests.organisation import Organisation, active_agent, draft_agent, policy_document
from tests.registry.ledgering import types
from tests.registry.recording import attached, noticed


def _kinds(found: object) -> list[str]:
    return [one.kind.value for one in found]  # type: ignore[attr-defined]


def test_every_recorded_kind_has_a_word() -> None:
    assert {kind.value for kind in FindingKind} <= {kind.value for kind in WORDS}
    assert set(WORDS) == set(NoticedKind)


def test_noticing_twice_is_one_finding_even_after_it_was_closed(organisation: Organisation, agent: Agent) -> None:
    found = noticed(agent, "same")
    again = partial(flag, kind=FindingKind.ACTIVITY_AFTER_STOP, key="same", sentence="Once more.", agent=agent)
    assert again() is None
    close_finding(actor=organisation.manager, finding=found, reason="Looked at it.")
    assert again() is None
    assert types().count("registry.finding.noticed") == 1


def test_who_closes_and_with_what(organisation: Organisation, agent: Agent) -> None:
    found = noticed(agent)
    for who in ("member", "approver", "auditor", "operator", "outsider"):
        with pytest.raises(NotAllowed):
            close_finding(actor=organisation.people[who], finding=found, reason="why")
    with pytest.raises(InvalidInput):
        close_finding(actor=organisation.manager, finding=found, reason=" ")
    closed = close_finding(actor=organisation.security, finding=found, reason="A test run.")
    assert (closed.closed_by, closed.close_reason) == (organisation.security, "A test run.")
    assert types()[-1] == "registry.finding.closed"
    with pytest.raises(Conflict):
        close_finding(actor=organisation.manager, finding=found, reason="again")


def test_whoever_caused_it_does_not_close_it(organisation: Organisation, agent: Agent) -> None:
    found = flag(
        kind=FindingKind.TOKEN_WHILE_STOPPED,
        key="t",
        sentence="Ada asked for a token while it was stopped.",
        agent=agent,
        caused_by=organisation.manager,
    )
    assert found is not None
    with pytest.raises(NotAllowed, match="somebody else"):
        close_finding(actor=organisation.manager, finding=found, reason="fine")
    assert close_refusal(organisation.second_manager, found) is None


def test_findings_are_seen_by_those_who_see_the_agent(organisation: Organisation, agent: Agent) -> None:
    found = noticed(agent)
    assert _kinds(findings_for(organisation.member)) == ["activity_after_stop"]
    assert findings_for(organisation.outsider) == []
    with pytest.raises(NotFound):
        finding_for(organisation.outsider, found.pk)
    assert _kinds(findings_waiting_for(organisation.manager)) == ["activity_after_stop"]
    # A member who answers for nothing has nothing to see to.
    assert findings_waiting_for(organisation.member) == []
    assert _kinds(findings_waiting_for(organisation.security)) == ["activity_after_stop"]


def test_people_who_left_are_noticed_and_named(organisation: Organisation) -> None:
    agent = active_agent(organisation, accountable_person=organisation.member, deputy=organisation.approver)
    assert findings_about(agent) == []
    deactivate_person(actor=SYSTEM, person=organisation.member)
    remove_member(actor=SYSTEM, team=organisation.payments, person=organisation.approver)
    found = findings_about(agent)
    assert _kinds(found) == ["accountable_left", "deputy_left"]
    assert found[0].sentence == (
        "Eli Member answers for Payments Refactorer and has a closed account. Name somebody else."
    )
    assert "is not in its team any more" in found[1].sentence
    assert [one.mild for one in found] == [False, True]
    assert _kinds(findings_of_team(organisation.payments)) == ["accountable_left", "deputy_left"]


def test_a_team_without_anybody_is_noticed(organisation: Organisation, agent: Agent) -> None:
    for key in ("manager", "second_manager", "approver", "second_approver", "member"):
        remove_member(actor=SYSTEM, team=organisation.payments, person=organisation.people[key])
    found = findings_for(organisation.security)
    assert _kinds(found) == ["team_empty", "accountable_left"]
    assert matching(found, FindingSearch(kind="team_empty")) == found[:1]
    assert matching(found, FindingSearch(team="payments")) == found
    assert matching(found, FindingSearch(agent=agent.slug)) == found[1:]
    assert matching(found, FindingSearch(team="platform")) == []


def test_papers_are_called_to_mind_before_and_after_their_date(organisation: Organisation, agent: Agent) -> None:
    today = database_now().date()
    attached(organisation, agent, name="Later", expires_on=today + timedelta(days=31))
    attached(organisation, agent, name="Soon", expires_on=today + timedelta(days=30))
    assert [one.sentence.partition(" of ")[0] for one in findings_about(agent)] == ["Soon"]
    # A newer version settles the older one.
    attached(organisation, agent, name="Soon")
    assert findings_about(agent) == []


def test_drafts_and_the_retired_are_left_alone(organisation: Organisation) -> None:
    draft_agent(organisation, accountable_person=organisation.member)
    remove_member(actor=SYSTEM, team=organisation.payments, person=organisation.member)
    assert findings_for(organisation.manager) == []


def _refused(organisation: Organisation, agent: Agent, actor: str = "manager") -> str:
    with pytest.raises(Conflict) as refused:
        register_agent(actor=organisation.people[actor], agent=agent)
    agent.refresh_from_db()
    assert (agent.state, agent.revisions.count()) == ("draft", 0)
    return refused.value.detail


def test_a_stopped_agent_does_not_come_back_under_a_new_name(organisation: Organisation, agent: Agent) -> None:
    again = draft_agent(organisation, "Payments Helper")
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="odd")
    said = _refused(organisation, again)
    assert f"stop {order.number}" in said
    assert "Payments Refactorer is stopped" in said
    assert "two managers of Payments or people of security resume it" in said
    found = Finding.objects.get()
    assert (found.kind, found.agent, found.order, found.caused_by) == (
        "registered_again",
        agent,
        order,
        organisation.manager,
    )
    assert Entry.objects.filter(type="registry.finding.noticed", agent_id=agent.pk).count() == 1
    _refused(organisation, again)
    assert Finding.objects.count() == 1


@pytest.mark.parametrize("kind", [ScopeKind.ALL, ScopeKind.TEAM])
def test_nobody_registers_under_a_stop_of_the_team_or_everything(organisation: Organisation, kind: ScopeKind) -> None:
    draft = draft_agent(organisation)
    scope = None if kind is ScopeKind.ALL else organisation.payments.pk
    order = order_kill(actor=organisation.security, kind=kind, scope_id=scope, reason="odd")
    assert f"stop {order.number}" in _refused(organisation, draft)
    assert Finding.objects.get().team == organisation.payments


def test_another_teams_stopped_agent_is_not_named(organisation: Organisation, agent: Agent) -> None:
    assign_role(actor=SYSTEM, person=organisation.outsider, role=Role.MANAGER, team=organisation.platform)
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="odd")
    draft = draft_agent(organisation, "Elsewhere")
    Agent.objects.filter(pk=draft.pk).update(owner_team=organisation.platform, accountable_person=organisation.outsider)
    said = _refused(organisation, draft, "outsider")
    assert "an agent of another team is stopped" in said
    assert "Refactorer" not in said


@pytest.mark.parametrize(
    ("platform", "repositories", "refused"),
    [
        ("claude_code", ["acme/payments"], True),
        ("claude_code", ["acme/*"], True),
        ("claude_code", ["Acme/PAYMENTS"], True),
        ("claude_code", ["acme/other"], False),
        ("codex", ["acme/payments"], False),
    ],
)
def test_what_counts_as_the_same_agent(
    organisation: Organisation, agent: Agent, platform: str, repositories: list[str], refused: bool
) -> None:
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="odd")
    draft = draft_agent(organisation, "Another", platform=platform)
    save_draft(actor=organisation.manager, agent=draft, policy=policy_document(repositories=repositories))
    if refused:
        _refused(organisation, draft)
    else:
        assert register_agent(actor=organisation.manager, agent=draft).state == "active"


def test_the_same_composition_is_the_same_agent(organisation: Organisation) -> None:
    pinned = {"composition": {"required": False, "pinned": {"model": "m-1", "tools": ["Bash", "Edit"]}}}
    stopped = active_agent(organisation, policy={**policy_document(), **pinned})
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=stopped.pk, reason="odd")
    draft = draft_agent(organisation, "Another", platform="codex")
    same = {"composition": {"required": True, "pinned": {"tools": ["Edit", "Bash"], "model": "m-1"}}}
    save_draft(actor=organisation.manager, agent=draft, policy={**policy_document(repositories=["acme/else"]), **same})
    assert "same composition" in _refused(organisation, draft)


def test_on_call_is_one_line_of_the_teams_managers(organisation: Organisation) -> None:
    team = set_on_call(actor=organisation.manager, team=organisation.payments, on_call=" +49 30 1234 ")
    assert team.on_call == "+49 30 1234"
    assert Entry.objects.filter(type="identity.team.on_call_changed").count() == 1
    for who in ("member", "approver", "security", "outsider"):
        with pytest.raises(NotAllowed):
            set_on_call(actor=organisation.people[who], team=organisation.payments, on_call="me")
    with pytest.raises(InvalidInput):
        set_on_call(actor=organisation.manager, team=organisation.payments, on_call="two\nlines")
