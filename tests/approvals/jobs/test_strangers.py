"""An agent that is not the one approved is noticed once, by a finding that names the entry."""

import pytest

from approvals.jobs.strangers import notice
from portal.ledger.models import Entry
from registry.models import Agent, Finding, FindingKind
from tests.approvals.asking import ask
from tests.approvals.levels import revised
from tests.organisation import Organisation, policy_document

pytestmark = pytest.mark.django_db(transaction=True)


def checks() -> list[Entry]:
    return list(Entry.objects.filter(type="approvals.check.decided").order_by("id"))


def test_one_finding_for_each_stranger(organisation: Organisation, agent: Agent, token: str) -> None:
    composition = {"required": True, "pinned": {"model": "m"}}
    revised(organisation, agent, {**policy_document(), "composition": composition})
    for reported in ("a" * 64, "a" * 64, "b" * 64, None):
        ask(token, "git status", fingerprint=reported)
    notice(checks())
    notice(checks())
    found = list(Finding.objects.order_by("noticed_at"))
    assert [finding.kind for finding in found] == [FindingKind.OTHER_COMPOSITION] * 3
    assert {finding.agent_id for finding in found} == {agent.pk}
    assert {finding.entry_id for finding in found} <= {entry.id for entry in checks()}
    assert all("not the agent that was approved" in finding.sentence for finding in found)
    # Under another revision it is another finding, though the first may be closed by then.
    revised(organisation, agent, {**policy_document(), "composition": {**composition, "pinned": {"model": "n"}}})
    ask(token, "git status", fingerprint="a" * 64)
    notice(checks())
    assert Finding.objects.count() == 4


def test_whoever_is_as_approved_is_not_noticed(organisation: Organisation, token: str) -> None:
    ask(token, "git status", fingerprint="a" * 64)
    ask(token, "cat .env")
    notice(checks())
    assert not Finding.objects.exists()
