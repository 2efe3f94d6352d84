"""The charter says what counts, the levels above the agent included."""

import pytest

from registry.models import Agent
from registry.rules.levels import Level
from registry.selectors.charters import charter_of
from registry.selectors.policies import ORGANISATION, Subject
from registry.services.policy import change_policy
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)


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
