"""Fixtures of approvals: an agent's token, and an agent whose requests need two people."""

import pytest

from registry.models import Agent
from tests.organisation import Organisation, active_agent, credential_for, policy_document


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    """The token of ``payments-refactorer``; its credential was issued by the manager."""
    return credential_for(organisation, agent)


@pytest.fixture
def pair_agent(organisation: Organisation) -> Agent:
    """An active agent of Payments whose gated actions need two approvals."""
    policy = policy_document()
    policy["approval"]["quorum"] = 2
    return active_agent(organisation, "Careful Refactorer", policy)


@pytest.fixture
def pair_token(organisation: Organisation, pair_agent: Agent) -> str:
    return credential_for(organisation, pair_agent)
