"""Credentials: only for an active agent that nothing stops, kept as a hash, revoked at once."""

from unittest.mock import patch

import pytest

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.rules.tokens import digest
from portal.ledger.models import Entry
from registry.models import Agent, Credential
from registry.rules.kill import ScopeKind
from registry.services import credential as service
from registry.services.credential import issue_credential, revoke_credential
from registry.services.kill import order_kill
from tests.organisation import Organisation, active_agent, draft_agent
from tests.registry.ledgering import types


def test_only_the_hash_is_kept(organisation: Organisation, agent: Agent) -> None:
    credential, token = issue_credential(actor=organisation.manager, agent=agent, name=" laptop ", days=7)
    stored = Credential.objects.get(pk=credential.pk)
    assert bytes(stored.digest) == digest(token)
    assert (stored.name, (stored.expires_at - stored.created_at).days) == ("laptop", 7)
    assert token.startswith(stored.prefix)
    written = b"".join(bytes(entry.bytes) for entry in Entry.objects.all())
    assert token.encode() not in written
    assert digest(token).hex().encode() not in written
    assert types()[-1] == "registry.credential.issued"


def test_a_draft_gets_none(organisation: Organisation) -> None:
    agent = draft_agent(organisation)
    with pytest.raises(Conflict):
        issue_credential(actor=organisation.manager, agent=agent, name="ci", days=1)
    assert not Credential.objects.exists()


@pytest.mark.parametrize("kind", [ScopeKind.ALL, ScopeKind.TEAM, ScopeKind.AGENT])
def test_a_stopped_agent_gets_none(organisation: Organisation, agent: Agent, kind: ScopeKind) -> None:
    scope_id = {ScopeKind.ALL: None, ScopeKind.TEAM: organisation.payments.pk, ScopeKind.AGENT: agent.pk}[kind]
    order_kill(actor=organisation.security, kind=kind, scope_id=scope_id, reason="a drill")
    with pytest.raises(Conflict):
        issue_credential(actor=organisation.manager, agent=agent, name="ci", days=1)
    assert not Credential.objects.exists()


@pytest.mark.parametrize("who", ["member", "approver", "outsider", "security", "auditor", "operator"])
def test_only_managers_issue_and_revoke(organisation: Organisation, agent: Agent, who: str) -> None:
    person = organisation.people[who]
    with pytest.raises(NotAllowed):
        issue_credential(actor=person, agent=agent, name="ci", days=1)
    credential, _ = issue_credential(actor=organisation.manager, agent=agent, name="ci", days=1)
    with pytest.raises(NotAllowed):
        revoke_credential(actor=person, agent=agent, credential_id=credential.pk)
    credential.refresh_from_db()
    assert credential.revoked_at is None


@pytest.mark.parametrize(("name", "days"), [("", 1), ("x" * 81, 1), ("a\0b", 1), ("ci", 0), ("ci", 91), ("ci", -1)])
def test_bounds(organisation: Organisation, agent: Agent, name: str, days: int) -> None:
    with pytest.raises(InvalidInput):
        issue_credential(actor=organisation.manager, agent=agent, name=name, days=days)
    assert not Credential.objects.exists()


def test_revoking_twice_is_one_act(organisation: Organisation, agent: Agent) -> None:
    credential, _ = issue_credential(actor=organisation.manager, agent=agent, name="ci", days=1)
    first = revoke_credential(actor=organisation.manager, agent=agent, credential_id=credential.pk)
    second = revoke_credential(actor=organisation.second_manager, agent=agent, credential_id=credential.pk)
    assert first.revoked_at == second.revoked_at
    assert types().count("registry.credential.revoked") == 1


def test_a_credential_of_another_agent_is_not_found(organisation: Organisation, agent: Agent) -> None:
    other = active_agent(organisation, "Docs Writer")
    credential, _ = issue_credential(actor=organisation.manager, agent=other, name="ci", days=1)
    with pytest.raises(NotFound):
        revoke_credential(actor=organisation.manager, agent=agent, credential_id=credential.pk)


def test_no_entry_no_credential(organisation: Organisation, agent: Agent) -> None:
    with patch.object(service, "append", side_effect=OSError("disk")), pytest.raises(OSError, match="disk"):
        issue_credential(actor=organisation.manager, agent=agent, name="ci", days=1)
    assert not Credential.objects.exists()
