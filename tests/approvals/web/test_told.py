"""What the page of a request says happened is what happened."""

import re

import pytest
from django.test import Client

from approvals.models import ApprovalRequest
from approvals.rules.workflow import Verdict
from approvals.services.edit import edit
from portal.identity.models import Person
from registry.models import Agent
from tests.approvals.asking import opened, review
from tests.approvals.exceptional import planted_like
from tests.organisation import Organisation, credential_for
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def page_of(person: Person, request: ApprovalRequest) -> str:
    client = Client()
    sign_in(client, person)
    page = client.get(f"/approvals/{request.label}/").content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


def test_nobody_is_said_to_have_asked_for_a_canary_that_is_over(organisation: Organisation, token: str) -> None:
    canary = planted_like(opened(token))
    before = page_of(organisation.approver, canary)
    assert "The agent asked" in before
    assert "planted" not in before
    review(canary, organisation.approver, Verdict.DENY)
    after = page_of(organisation.approver, canary)
    assert "The portal planted it" in after
    assert "Planted in the name of Payments Refactorer" in after
    assert "The agent asked" not in after
    assert "asks, for" not in after


def test_a_changed_call_was_not_asked_by_the_agent(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    changed = edit(
        actor=organisation.approver,
        request=asked,
        tool_input={"command": "gh pr merge 7 --rebase"},
        reason="We rebase here.",
        view_hash=bytes(asked.view_hash),
    )
    said = page_of(organisation.approver, changed)
    assert "Cleo Approver changed what the agent asked" in said
    assert "The agent asked" not in said
