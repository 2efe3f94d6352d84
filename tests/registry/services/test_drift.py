"""What a repository's file says: kept as reported, compared with what is in force."""

import pytest

from portal.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from portal.ledger.models import Entry
from registry.models import Agent, PolicySighting
from registry.rules.manifest import render
from registry.selectors.drift import latest_sightings, sightings_of
from registry.selectors.manifest import entry_of, file_of
from registry.services.credential import revoke_credential
from registry.services.drift import report_policy_file
from registry.services.lifecycle import suspend_agent
from tests.organisation import Organisation, credential_for, policy_document

pytestmark = pytest.mark.django_db(transaction=True)


def report(token: str, text: str, **changes: str) -> PolicySighting:
    facts = {
        "reference": "payments-refactorer",
        "repository": "https://github.com/Acme/Payments.git",
        "path": ".bailiwick.yml",
        "commit": "0123456789abcdef",
        **changes,
    }
    return report_policy_file(token=token, text=text, **facts)


def test_same_differs_and_unreadable(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    sighting = report(token, file_of([agent]))
    assert sighting.repository == "acme/payments"
    assert [one.status for one in sightings_of(agent)] == ["same"]
    wider = render(agents=[{**entry_of(agent), "policy": policy_document(environments=["test", "demo"])}])
    report(token, wider, commit="1" * 40)
    (found,) = latest_sightings(organisation.manager)
    assert found.status == "differs"
    assert any("demo" in change.sentence for change in found.changes)
    report(token, "format: bailiwick/v1\nagents: 7\n", commit="2" * 40)
    (found,) = latest_sightings(organisation.auditor)
    assert found.status == "unreadable"
    assert found.sighting.fault == "line 2: This must be a list."
    report(token, "format: bailiwick/v1\n", commit="3" * 40)
    assert sightings_of(agent)[0].sighting.fault == "The file does not name Payments Refactorer."
    assert latest_sightings(organisation.outsider) == []


def test_the_same_report_twice_is_one(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    first, second = report(token, file_of([agent])), report(token, file_of([agent]))
    assert first.pk == second.pk
    assert Entry.objects.filter(type="registry.policy_file.seen").count() == 1


def test_who_may_not_report(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    with pytest.raises(NotAuthenticated):
        report("bwa_nonsense", "x")
    with pytest.raises(NotFound):
        report(token, "x", reference="another-agent")
    suspend_agent(actor=organisation.manager, agent=agent, reason="a look")
    with pytest.raises(Conflict, match="suspended"):
        report(token, "x")
    revoke_credential(actor=organisation.manager, agent=agent, credential_id=agent.credentials.get().pk)
    with pytest.raises(NotAuthenticated):
        report(token, "x")
    assert not PolicySighting.objects.exists()


def test_nonsense_is_named(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    with pytest.raises(InvalidInput) as refused:
        report(token, "x\0y", repository="a/../b", path="", commit="c" * 65)
    assert {fault["pointer"] for fault in refused.value.errors} == {"/repository", "/path", "/commit", "/text"}
