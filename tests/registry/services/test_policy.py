"""Changing a policy: tighter at once, wider never alone, and never over somebody else's change."""

from unittest.mock import patch

import pytest

from portal.errors import Conflict, InvalidInput, NotAllowed
from registry.models import Agent, PolicyRevision
from registry.selectors.agents import agent_for
from registry.selectors.policies import Subject, steps_of
from registry.services import revisions as service
from registry.services.policy import tighten_policy
from tests.organisation import Organisation, draft_agent, policy_document
from tests.registry.ledgering import types

TIGHTER = policy_document(branches_allowed=["feature/**"])


def test_tighter_is_in_force_at_once(organisation: Organisation, agent: Agent) -> None:
    revision = tighten_policy(actor=organisation.second_manager, agent=agent, document=TIGHTER, based_on=1)
    assert revision.number == 2
    assert agent_for(organisation.manager, agent.pk).revision == revision
    assert types()[-1] == "registry.policy.revised"
    newest, first = steps_of(Subject.of_agent(agent))
    assert [change.sentence for change in newest.changes] == [
        "Branch fix/** is no longer listed.",
        "Branch agent/** is no longer listed.",
    ]
    assert first.changes == ()


def test_wider_is_refused_with_what_widens(organisation: Organisation, agent: Agent) -> None:
    wider = policy_document(repositories=["acme/payments", "acme/vault"], branches_allowed=["feature/**"])
    with pytest.raises(NotAllowed) as refused:
        tighten_policy(actor=organisation.manager, agent=agent, document=wider, based_on=1)
    assert [fault["pointer"] for fault in refused.value.errors] == ["/scope/repositories"]
    # The tighter half of a mixed change does not come into force either.
    assert PolicyRevision.objects.filter(agent=agent).count() == 1


def test_a_revision_in_between_is_noticed(organisation: Organisation, agent: Agent) -> None:
    tighten_policy(actor=organisation.manager, agent=agent, document=TIGHTER, based_on=1)
    stale = policy_document(environments=["test"])
    with pytest.raises(Conflict):
        tighten_policy(actor=organisation.second_manager, agent=agent, document=stale, based_on=1)
    assert PolicyRevision.objects.filter(agent=agent).count() == 2


def test_nothing_different_is_no_revision(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(InvalidInput):
        tighten_policy(actor=organisation.manager, agent=agent, document=policy_document(), based_on=1)


def test_no_policy_and_no_agent(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(InvalidInput) as refused:
        tighten_policy(actor=organisation.manager, agent=agent, document={"scope": {"repositories": [1]}}, based_on=1)
    assert refused.value.errors[0]["pointer"] == "/scope/repositories/0"
    draft = draft_agent(organisation, "Docs Writer")
    with pytest.raises(Conflict):
        tighten_policy(actor=organisation.manager, agent=draft, document=TIGHTER, based_on=0)


@pytest.mark.parametrize("who", ["member", "approver", "outsider", "security", "auditor", "operator"])
def test_only_managers(organisation: Organisation, agent: Agent, who: str) -> None:
    with pytest.raises(NotAllowed):
        tighten_policy(actor=organisation.people[who], agent=agent, document=TIGHTER, based_on=1)
    assert PolicyRevision.objects.filter(agent=agent).count() == 1


def test_no_entry_no_revision(organisation: Organisation, agent: Agent) -> None:
    with patch.object(service, "append", side_effect=OSError("disk")), pytest.raises(OSError, match="disk"):
        tighten_policy(actor=organisation.manager, agent=agent, document=TIGHTER, based_on=1)
    assert agent_for(organisation.manager, agent.pk).revision == agent.revision
