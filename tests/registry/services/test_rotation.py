"""Rotation with overlap, revoking all, narrowing, the operator's shorter life, and what is noticed while stopped."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from approvals.selectors.standing import caller_standing
from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.rules.tokens import digest
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Credential, Finding
from registry.rules.kill import ScopeKind
from registry.selectors.credentials import expiring_for, rows_of
from registry.services.credential import (
    LONGEST_OVERLAP_HOURS,
    issue_credential,
    revoke_all,
    revoke_credential,
    rotate_credential,
)
from registry.services.kill import order_kill
from registry.services.trust import trust_issuer
from tests.organisation import Organisation, active_agent, draft_agent
from tests.registry.ledgering import types

pytestmark = pytest.mark.django_db
NARROW = {"scope": {"repositories": ["acme/payments"], "branches_allowed": ["feature/**"]}}


def _issue(organisation: Organisation, agent: Agent, **more: Any) -> tuple[Credential, str]:
    return issue_credential(actor=organisation.manager, agent=agent, **{"name": "ci", "days": 30, **more})


def _rotate(organisation: Organisation, old: Credential, **more: Any) -> tuple[Credential, str]:
    facts = {
        "actor": organisation.manager,
        "agent": old.agent,
        "credential_id": old.pk,
        "days": 30,
        "overlap_hours": 24,
    }
    return rotate_credential(**{**facts, **more})


def _works(token: str) -> bool:
    standing = caller_standing(digest(token))
    return standing is not None and standing.credential_ok


def test_the_old_one_works_until_the_overlap_ends(organisation: Organisation, agent: Agent) -> None:
    old, token = _issue(organisation, agent, scope=NARROW)
    new, fresh = _rotate(organisation, old)
    old.refresh_from_db()
    assert _works(token)
    assert _works(fresh)
    assert (new.name, new.scope, new.replaces_id) == (old.name, old.scope, old.pk)
    assert old.expires_at - new.created_at == timedelta(hours=24)
    assert types()[-1] == "registry.credential.rotated"
    first, second = rows_of(agent, database_now(), exchanged=False)
    assert (first.credential, second.credential, second.successor) == (new, old, new)
    assert (first.may_rotate, second.may_rotate) == (True, False)


def test_without_overlap_the_old_one_ends_now(organisation: Organisation, agent: Agent) -> None:
    old, token = _issue(organisation, agent)
    _, fresh = _rotate(organisation, old, overlap_hours=0)
    assert not _works(token)
    assert _works(fresh)


def test_rotation_never_lengthens_the_old_one(organisation: Organisation, agent: Agent) -> None:
    old, _ = _issue(organisation, agent, days=1)
    before = old.expires_at
    _rotate(organisation, old, overlap_hours=LONGEST_OVERLAP_HOURS)
    old.refresh_from_db()
    assert old.expires_at == before


def test_a_rotated_one_is_not_rotated_again(organisation: Organisation, agent: Agent) -> None:
    old, _ = _issue(organisation, agent)
    new, _ = _rotate(organisation, old)
    with pytest.raises(Conflict, match="rotated already"):
        _rotate(organisation, old)
    # Nor when its successor is gone: then a new one is issued.
    revoke_credential(actor=organisation.manager, agent=agent, credential_id=new.pk)
    with pytest.raises(Conflict):
        _rotate(organisation, old)
    with pytest.raises(Conflict, match="revoked already"):
        _rotate(organisation, new)
    assert Credential.objects.count() == 2


@pytest.mark.parametrize(("days", "hours"), [(0, 1), (91, 1), (1, -1), (1, LONGEST_OVERLAP_HOURS + 1)])
def test_bounds_of_a_rotation(organisation: Organisation, agent: Agent, days: int, hours: int) -> None:
    old, _ = _issue(organisation, agent)
    with pytest.raises(InvalidInput):
        _rotate(organisation, old, days=days, overlap_hours=hours)
    assert Credential.objects.get().expires_at == old.expires_at


@pytest.mark.parametrize("who", ["member", "approver", "outsider", "security", "auditor", "operator"])
def test_only_managers_rotate_and_revoke_all(organisation: Organisation, agent: Agent, who: str) -> None:
    old, _ = _issue(organisation, agent)
    with pytest.raises(NotAllowed):
        _rotate(organisation, old, actor=organisation.people[who])
    with pytest.raises(NotAllowed):
        revoke_all(actor=organisation.people[who], agent=agent)
    assert Credential.objects.get().revoked_at is None


def test_a_credential_of_another_agent_is_not_rotated(organisation: Organisation, agent: Agent) -> None:
    other, _ = _issue(organisation, active_agent(organisation, "Docs Writer"))
    with pytest.raises(NotFound):
        _rotate(organisation, other, agent=agent)


def test_asking_while_stopped_is_noticed_once_and_survives_the_refusal(
    organisation: Organisation, agent: Agent
) -> None:
    old, _ = _issue(organisation, agent)
    order_kill(actor=organisation.security, kind=ScopeKind.TEAM, scope_id=organisation.payments.pk, reason="a drill")
    for _ in range(2):
        with pytest.raises(Conflict, match="is stopped"):
            _issue(organisation, agent)
        with pytest.raises(Conflict, match="is stopped"):
            _rotate(organisation, old)
    finding = Finding.objects.get()
    assert (finding.kind, finding.agent_id, finding.caused_by_id) == (
        "token_while_stopped",
        agent.pk,
        organisation.manager.pk,
    )
    assert Credential.objects.count() == 1
    assert types().count("registry.finding.noticed") == 1


def test_a_draft_is_refused_and_nothing_is_wrong_with_that(organisation: Organisation) -> None:
    draft = draft_agent(organisation)
    with pytest.raises(Conflict, match="before its registration is complete"):
        _issue(organisation, draft)
    with pytest.raises(Conflict):
        _trust(organisation, draft)
    assert not Finding.objects.exists()


def _trust(organisation: Organisation, agent: Agent) -> None:
    trust_issuer(
        actor=organisation.manager,
        agent=agent,
        name="nightly",
        issuer="https://token.actions.githubusercontent.com",
        audience="https://portal.example",
        claims={"repository_id": "1"},
    )


def test_revoking_all_takes_the_live_ones_and_trusts_if_asked(organisation: Organisation, agent: Agent) -> None:
    tokens = [_issue(organisation, agent, name=name)[1] for name in ("one", "two", "three")]
    gone = Credential.objects.get(name="three")
    revoke_credential(actor=organisation.manager, agent=agent, credential_id=gone.pk)
    other, kept = _issue(organisation, active_agent(organisation, "Docs Writer"))
    _trust(organisation, agent)
    assert revoke_all(actor=organisation.second_manager, agent=agent) == (2, 0)
    assert [_works(token) for token in tokens] == [False] * 3
    assert _works(kept)
    assert agent.trusts.get().revoked_at is None
    assert types().count("registry.credential.revoked") == 3
    assert revoke_all(actor=organisation.manager, agent=agent, trusts=True) == (0, 1)
    assert types()[-1] == "registry.trust.revoked"
    assert other.revoked_at is None


def test_the_narrowing_is_kept_in_its_normal_form_and_recorded(organisation: Organisation, agent: Agent) -> None:
    credential, _ = _issue(
        organisation, agent, scope={"scope": {"repositories": ["https://github.com/Acme/Payments.git"]}}
    )
    assert credential.scope == {"scope": {"repositories": ["acme/payments"]}}
    entry = Entry.objects.get(type="registry.credential.issued")
    assert (entry.version, entry.body["data"]["scope"], entry.body["data"]["kind"]) == (2, credential.scope, "issued")
    # Wider than the agent is no fault: it narrows all the same.
    _issue(organisation, agent, scope={"scope": {"repositories": ["acme/everything-else"]}})


@pytest.mark.parametrize(
    ("scope", "pointer"),
    [
        ({"scope": {"repositories": ["*/*"]}}, "/scope/scope/repositories/0"),
        ({"scopes": {}}, "/scope/scopes"),
        ({"tiers": {"no.such": "free"}}, "/scope/tiers/no.such"),
        ({"tasks": {}}, "/scope/tasks"),
    ],
)
def test_a_narrowing_that_cannot_be_read_is_refused(
    organisation: Organisation, agent: Agent, scope: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        _issue(organisation, agent, scope=scope)
    assert [fault["pointer"] for fault in caught.value.errors] == [pointer]
    assert not Credential.objects.exists()


def test_the_operator_may_shorten_the_life_of_credentials_and_not_lengthen_it(
    organisation: Organisation, agent: Agent, settings: Settings
) -> None:
    settings.BAILIWICK_CREDENTIAL_MAX_DAYS = 7
    with pytest.raises(InvalidInput, match="between 1 and 7"):
        _issue(organisation, agent, days=8)
    old, _ = _issue(organisation, agent, days=7)
    with pytest.raises(InvalidInput):
        _rotate(organisation, old, days=8)
    settings.BAILIWICK_CREDENTIAL_MAX_DAYS = 1000
    with pytest.raises(InvalidInput, match="between 1 and 90"):
        _issue(organisation, agent, days=91)


def test_what_ends_soon_with_nothing_in_its_place(organisation: Organisation, agent: Agent) -> None:
    soon, _ = _issue(organisation, agent, name="soon", days=6)
    _issue(organisation, agent, name="later", days=8)
    replaced, _ = _issue(organisation, agent, name="replaced", days=6)
    _rotate(organisation, replaced)
    now = database_now()
    assert list(expiring_for(organisation.member, now)) == [soon]
    assert not expiring_for(organisation.outsider, now).exists()
    assert [row.credential.name for row in rows_of(agent, now, exchanged=False) if row.soon] == ["soon"]
