"""Registering: drafts keep everything, an agent is real only when complete, and the ledger says so or nothing is."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.rules.roles import Role
from portal.identity.services.people import assign_role, deactivate_person, remove_member
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import facts
from registry.models import Agent
from registry.rules.policy import template
from registry.selectors.agents import agent_for
from registry.selectors.charters import charter_of
from registry.services import register
from registry.services.register import Profile, register_agent, save_draft, start_draft
from tests.organisation import Organisation, draft_agent, policy_document
from tests.registry.ledgering import types

PROFILE = Profile(name="Docs Writer", platform="claude_code")


def _pointers(error: InvalidInput) -> set[str]:
    return {fault["pointer"] for fault in error.errors}


def test_a_draft_starts_tight_and_outside_the_ledger(organisation: Organisation) -> None:
    agent = start_draft(actor=organisation.manager, team=organisation.payments, profile=PROFILE)
    assert (agent.slug, agent.state, agent.revision) == ("docs-writer", "draft", None)
    assert agent.draft == template().to_document()
    assert types() == []


@pytest.mark.parametrize("who", ["member", "approver", "outsider", "security", "auditor", "operator"])
def test_only_managers_of_the_team_start_drafts(organisation: Organisation, who: str) -> None:
    with pytest.raises(NotAllowed):
        start_draft(actor=organisation.people[who], team=organisation.payments, profile=PROFILE)
    assert not Agent.objects.exists()


def test_a_draft_is_kept_as_typed_even_when_it_is_no_policy(organisation: Organisation) -> None:
    agent = draft_agent(organisation)
    typed = {"scope": {"repositories": ["not a repository", "acme/good"]}, "limits": {"files": "many"}}
    save_draft(actor=organisation.manager, agent=agent, policy=typed)
    kept = agent_for(organisation.second_manager, agent.pk)
    assert kept.draft == typed
    # The charter leaves out what cannot be read, and keeps the rest.
    assert "acme/good" in charter_of(kept)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "x" * 81}, "/name"),
        ({"name": "nul\0"}, "/name"),
        ({"name": "支付"}, "/name"),
        ({"name": "Register"}, "/name"),
        ({"purpose": "x" * 2001}, "/purpose"),
        ({"purpose": "bell \a"}, "/purpose"),
        ({"data_touched": "\ud800"}, "/data_touched"),
        ({"platform": "abacus"}, "/platform"),
        ({"criticality": ""}, "/criticality"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(
    organisation: Organisation, fields: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        start_draft(actor=organisation.manager, team=organisation.payments, profile=replace(PROFILE, **fields))
    assert _pointers(refused.value) == {pointer}
    assert not Agent.objects.exists()


@pytest.mark.parametrize("name", ["Payments Refactorer", "payments-refactorer", "Payments  refactorer!"])
def test_a_name_is_taken_once(organisation: Organisation, name: str) -> None:
    draft_agent(organisation)
    with pytest.raises(Conflict):
        start_draft(actor=organisation.manager, team=organisation.payments, profile=replace(PROFILE, name=name))
    other = start_draft(actor=organisation.manager, team=organisation.payments, profile=PROFILE)
    with pytest.raises(Conflict):
        save_draft(actor=organisation.manager, agent=other, profile=replace(PROFILE, name=name))
    other.refresh_from_db()
    assert other.name == "Docs Writer"


def test_registering_tells_everything_that_is_missing(organisation: Organisation) -> None:
    agent = start_draft(actor=organisation.manager, team=organisation.payments, profile=PROFILE)
    with pytest.raises(InvalidInput) as refused:
        register_agent(actor=organisation.manager, agent=agent)
    assert _pointers(refused.value) == {"/purpose", "/accountable_person", "/policy/scope/repositories"}
    agent.refresh_from_db()
    assert (agent.state, agent.revision_id) == ("draft", None)
    assert types() == []


@pytest.mark.parametrize("gone", ["outsider", "deactivated", "left"])
def test_the_accountable_person_is_an_active_member(organisation: Organisation, gone: str) -> None:
    person = organisation.outsider if gone == "outsider" else organisation.member
    agent = draft_agent(organisation, accountable_person=person)
    if gone == "deactivated":
        deactivate_person(actor=SYSTEM, person=person)
    elif gone == "left":
        remove_member(actor=SYSTEM, team=organisation.payments, person=person)
    with pytest.raises(InvalidInput) as refused:
        register_agent(actor=organisation.manager, agent=agent)
    assert _pointers(refused.value) == {"/accountable_person"}


def test_registering_writes_revision_one_and_says_so(organisation: Organisation) -> None:
    agent = register_agent(actor=organisation.manager, agent=draft_agent(organisation))
    assert (agent.state, agent.draft) == ("active", {})
    assert agent.revision is not None
    assert (agent.revision.number, agent.revision.document) == (1, policy_document())
    assert types() == ["registry.policy.revised", "registry.agent.registered"]
    entry = Entry.objects.get(type="registry.agent.registered")
    said = facts(entry)
    assert (entry.agent_id, said["name"], said["accountable_person"]) == (
        agent.pk,
        "Payments Refactorer",
        str(organisation.manager.pk),
    )
    assert said["policy_digest"] == bytes(agent.revision.digest).hex()


def test_an_agent_is_registered_once_and_its_draft_is_closed(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(Conflict):
        register_agent(actor=organisation.manager, agent=agent)
    with pytest.raises(Conflict):
        save_draft(actor=organisation.manager, agent=agent, policy=policy_document(repositories=["acme/other"]))
    assert types().count("registry.agent.registered") == 1


def test_no_entry_no_agent(organisation: Organisation) -> None:
    agent = draft_agent(organisation)
    with patch.object(register, "append", side_effect=OSError("disk")), pytest.raises(OSError, match="disk"):
        register_agent(actor=organisation.manager, agent=agent)
    agent.refresh_from_db()
    assert (agent.state, agent.revision_id, agent.revisions.count()) == ("draft", None, 0)


def test_a_draft_is_not_given_to_a_team_that_one_does_not_manage(organisation: Organisation) -> None:
    agent = draft_agent(organisation)
    with pytest.raises(NotAllowed):
        save_draft(actor=organisation.manager, agent=agent, team=organisation.platform)
    assert agent_for(organisation.member, agent.pk).owner_team == organisation.payments


def test_a_draft_changes_team_with_its_visibility(organisation: Organisation) -> None:
    agent = draft_agent(organisation)
    assign_role(actor=SYSTEM, person=organisation.manager, role=Role.MANAGER, team=organisation.platform)
    save_draft(actor=organisation.manager, agent=agent, team=organisation.platform)
    assert agent_for(organisation.outsider, agent.pk).owner_team == organisation.platform
    with pytest.raises(NotFound):
        agent_for(organisation.member, agent.pk)
