"""The charter says what counts, the levels above the agent included."""

import re

import pytest

from registry.models import Agent
from registry.rules.levels import Level
from registry.rules.policy import Policy
from registry.rules.tiers import Tier
from registry.selectors.charters import charter_of, readable
from registry.selectors.policies import ORGANISATION, Subject
from registry.services.policy import change_policy
from registry.services.proposals import approve_proposal
from tests.organisation import Organisation, policy_document
from tests.registry.policies import backtested, propose, second_security

pytestmark = pytest.mark.django_db(transaction=True)

RELEASE = {
    "label": "Release a service",
    "reversibility": "irreversible",
    "tier": "forbidden",
    "explain": "It replaces what runs at customers.",
    "tools": [],
    "commands": ["shipit deploy"],
}


def test_a_charter_does_not_promise_what_a_level_above_takes_away(organisation: Organisation, agent: Agent) -> None:
    assert "may read files" in charter_of(agent)
    team = Subject(level=Level.TEAM, team=agent.owner_team)
    document = {"tiers": {"read": "gated", "push.force": "forbidden"}}
    change_policy(actor=organisation.security, subject=team, document=document, based_on=0, reason="an audit")
    sentence = charter_of(agent)
    assert "may read files" not in sentence
    assert "force-push" in sentence.partition("may never")[2]
    forbidden = {"tiers": {"pr.merge": "forbidden"}}
    change_policy(
        actor=organisation.security, subject=ORGANISATION, document=forbidden, based_on=0, reason="the same for all"
    )
    assert "merge pull requests" in charter_of(agent).partition("may never")[2]


def test_what_cannot_be_read_takes_nothing_else_with_it() -> None:
    whole = policy_document()
    for wrong in (
        {"composition": {"required": True, "pinned": {}}},  # wrong only because something else is missing
        {"limits": {"files": "many"}},
        {"tasks": {"Not a name": {"scope": {"repositories": ["???"]}}}},
    ):
        assert readable({**whole, **wrong}).scope == Policy.from_document(whole).scope
    own = {**whole, "tiers": {**whole["tiers"], "acme.release": "forbidden"}}
    assert readable({**own, "limits": {"files": "many"}}).tiers["acme.release"] is Tier.FORBIDDEN
    assert readable({"scope": []}) == readable({"what": "else"}) == Policy()


def test_the_organisations_actions_are_counted(organisation: Organisation, agent: Agent) -> None:
    before = charter_of(agent)
    document = {"actions": {"acme.release": RELEASE}}
    proposed = backtested(propose(organisation.security, ORGANISATION, document, based_on=0))
    approve_proposal(actor=second_security(), proposal=proposed, seal=bytes(proposed.seal or b""), reason="needed")
    after = charter_of(agent)
    counted = [int(one) for text in (before, after) for one in re.findall(r"take (\d+) more forbidden", text)]
    assert counted[1] == counted[0] + 1
