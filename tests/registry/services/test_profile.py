"""Changing what is said about an agent: with a reason, in the record, and never over somebody else's change."""

from typing import Any

import pytest

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import disclose_many
from registry.models import Agent
from registry.rules.texts import faults_in_links
from registry.services.profile import Profile, change_profile
from tests.organisation import Organisation, active_agent, draft_agent

RUNBOOK = {"label": "Runbook", "url": "https://wiki.example.test/runbook?x=1#top"}


def _change(organisation: Organisation, agent: Agent, **changes: Any) -> Agent:
    return change_profile(actor=organisation.manager, agent=agent, changes=changes, reason="It moved on.")


def test_a_change_is_entered_with_what_was_and_what_is(organisation: Organisation, agent: Agent) -> None:
    changed = _change(organisation, agent, purpose="Only tests.", criticality="high", links=[RUNBOOK])
    assert (changed.purpose, changed.criticality, changed.links) == ("Only tests.", "high", [RUNBOOK])
    entry = Entry.objects.get(type="registry.agent.changed")
    assert entry.body["data"]["fields"] == ["purpose", "criticality", "links"]
    # People's words are committed, not written in clear.
    assert "Only tests." not in bytes(entry.bytes).decode()
    personal = disclose_many([entry])[entry.id]
    assert personal is not None
    assert personal["before"]["purpose"] == "Refactors the payments service."
    assert (personal["after"]["links"], personal["reason"]) == ([RUNBOOK], "It moved on.")


def test_the_address_stays_when_the_name_changes(organisation: Organisation, agent: Agent) -> None:
    changed = _change(organisation, agent, name="Ledger Refactorer")
    assert (changed.name, changed.slug) == ("Ledger Refactorer", "payments-refactorer")
    other = active_agent(organisation, "Docs Writer")
    for taken in ("Ledger Refactorer", "Payments refactorer!"):
        with pytest.raises(Conflict):
            _change(organisation, other, name=taken)


def test_a_change_over_somebody_elses_is_refused(organisation: Organisation, agent: Agent) -> None:
    seen = Profile.of(agent).digest
    _change(organisation, agent, purpose="First.")
    with pytest.raises(Conflict, match="Somebody changed"):
        change_profile(
            actor=organisation.second_manager,
            agent=agent,
            changes={"purpose": "Second."},
            reason="why",
            based_on=seen,
        )
    agent.refresh_from_db()
    assert agent.purpose == "First."


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"purpose": " "}, "/purpose"),
        ({"name": ""}, "/name"),
        ({"platform": "abacus"}, "/platform"),
        ({"links": [{"label": "x", "url": "javascript:alert(1)"}]}, "/links"),
        ({"links": [{"label": "", "url": "https://x.test"}]}, "/links"),
    ],
)
def test_faults_are_named(organisation: Organisation, agent: Agent, changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _change(organisation, agent, **changes)
    assert pointer in {fault["pointer"] for fault in refused.value.errors}
    assert not Entry.objects.filter(type="registry.agent.changed").exists()


def test_who_and_when(organisation: Organisation, agent: Agent) -> None:
    for who in ("member", "security", "outsider"):
        with pytest.raises(NotAllowed):
            change_profile(actor=organisation.people[who], agent=agent, changes={"purpose": "Mine."}, reason="why")
    with pytest.raises(Conflict, match="draft"):
        _change(organisation, draft_agent(organisation, "Draft"), purpose="x")
    with pytest.raises(InvalidInput, match="Nothing in it differs"):
        _change(organisation, agent, purpose=agent.purpose)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://example.test", True),
        ("http://10.0.0.1:8080/x?y#z", True),
        ("https://user:secret@example.test/", False),
        ("data:text/html,x", False),
        ("https://exa mple.test", False),
        ("//example.test", False),
        ('https://x.test/"onclick="', False),
        ("https://" + "x" * 500, False),
    ],
)
def test_only_pages_of_the_web_are_linked(url: str, good: bool) -> None:
    assert (faults_in_links([{"label": "x", "url": url}]) == []) is good
