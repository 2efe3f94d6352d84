"""Records of agents for tests: an offer, a paper, a finding, a suspended agent."""

from datetime import date

from registry.models import Agent, AgentDocument, DocumentKind, Finding, FindingKind, OwnershipTransfer
from registry.services.documents import add_document
from registry.services.findings import flag
from registry.services.lifecycle import suspend_agent
from registry.services.transfer import offer_transfer
from tests.organisation import Organisation

PDF = b"%PDF-1.7\nA test report."


def offered(organisation: Organisation, agent: Agent) -> OwnershipTransfer:
    """Payments offers the agent to Platform, which the outsider manages."""
    return offer_transfer(
        actor=organisation.manager, agent=agent, to_team=organisation.platform, reason="Platform runs it now."
    )


def attached(
    organisation: Organisation,
    agent: Agent,
    *,
    name: str = "Test report",
    content: bytes = PDF,
    file_name: str = "report.pdf",
    expires_on: date | None = None,
) -> AgentDocument:
    return add_document(
        actor=organisation.manager,
        agent=agent,
        kind=DocumentKind.TEST_REPORT,
        name=name,
        file_name=file_name,
        content=content,
        expires_on=expires_on,
    )


def noticed(agent: Agent, key: str = "activity:1") -> Finding:
    """A recorded finding about the agent."""
    found = flag(kind=FindingKind.ACTIVITY_AFTER_STOP, key=key, sentence="It acted after stop 1.", agent=agent)
    assert found is not None
    return found


def suspended(organisation: Organisation, agent: Agent) -> Agent:
    return suspend_agent(actor=organisation.manager, agent=agent, reason="Its tests fail.")
