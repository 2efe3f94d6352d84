"""A row of the inbox: how it stands before the sweep has said so, and that what is kept of it reaches nobody else."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from approvals.models import ApprovalRequest, BranchHead
from approvals.selectors.requests import overtaken, standing_pending
from approvals.web import inbox
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from portal.web.clock import coarse, span
from registry.models import Agent, PolicyLevel
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from registry.services.policy import tighten_policy
from tests.approvals.asking import opened
from tests.organisation import Organisation, active_agent, credential_for, policy_document

pytestmark = pytest.mark.django_db(transaction=True)


def browser_of(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def row_of(client: Client, number: int, query: str) -> str:
    """The row as the list shows it, or nothing."""
    page = client.get(f"/approvals/list/?{query}").content.decode()
    found = re.search(rf'<li class="row[^"]*" id="row-{number}".*?</li>', page, re.DOTALL)
    return found[0] if found else ""


def _stop(organisation: Organisation, request: ApprovalRequest) -> None:
    order_kill(actor=organisation.manager, kind=ScopeKind.TEAM, scope_id=organisation.payments.pk, reason="Stop it.")


def _tighten(organisation: Organisation, request: ApprovalRequest) -> None:
    document = policy_document()
    document["approval"]["grant_minutes"] = 5
    tighten_policy(actor=organisation.manager, agent=request.agent, document=document, based_on=1)


def _level(key: str) -> Callable[[Organisation, ApprovalRequest], None]:
    def put(organisation: Organisation, request: ApprovalRequest) -> None:
        name = key.format(team=organisation.payments.pk)
        PolicyLevel.objects.update_or_create(key=name, defaults={"revision_id": request.revision_id})

    return put


def _suspend(organisation: Organisation, request: ApprovalRequest) -> None:
    Agent.objects.filter(pk=request.agent_id).update(state="suspended")


def _hand_over(organisation: Organisation, request: ApprovalRequest) -> None:
    # The stop of the new team would not reach what was opened under the old one.
    Agent.objects.filter(pk=request.agent_id).update(owner_team=organisation.platform)


def _push(organisation: Organisation, request: ApprovalRequest) -> None:
    ApprovalRequest.objects.filter(pk=request.pk).update(head="a" * 40, branch="refs/heads/main")
    name = next(key for key in request.kill_keys if key.startswith("repository:")).removeprefix("repository:")
    BranchHead.objects.create(repository=name, branch="main", commit="b" * 40, at=database_now())


def _time(organisation: Organisation, request: ApprovalRequest) -> None:
    ApprovalRequest.objects.filter(pk=request.pk).update(expires_at=database_now() - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("happen", "word"),
    [
        (_stop, "Voided"),
        (_tighten, "Voided"),
        (_level("organisation"), "Voided"),
        (_level("team:{team}"), "Voided"),
        (_suspend, "Voided"),
        (_hand_over, "Voided"),
        (_push, "Voided"),
        (_time, "Expired"),
    ],
    ids=["stopped", "policy", "organisation", "team", "suspended", "handed over", "head", "time"],
)
def test_what_was_overtaken_says_so_before_the_sweep(
    organisation: Organisation,
    agent: Agent,
    token: str,
    happen: Callable[[Organisation, ApprovalRequest], None],
    word: str,
) -> None:
    """The row, the list it stands in, and the request's own page say the same; another one beside it still waits."""
    # Another agent's in another team, which none of this touches but what is the organisation's.
    other = opened(credential_for(organisation, active_agent(organisation, "Bystander")), session_id="other")
    request = opened(token)
    client = browser_of(organisation.security)
    assert "Voided" not in row_of(client, request.number, "show=pending")
    happen(organisation, request)
    assert ApprovalRequest.objects.get(pk=request.pk).state == "pending"
    assert row_of(client, request.number, "show=pending") == ""
    row = row_of(client, request.number, "show=decided")
    assert f"{word}</span>" in row
    assert "data-left" not in row
    assert f"{word}</span>" in client.get(f"/approvals/of/{request.agent.slug}/").content.decode()
    now = database_now()
    for one in ApprovalRequest.objects.filter(pk__in=[request.pk, other.pk]):
        found = ApprovalRequest.objects.filter(standing_pending(now), pk=one.pk).exists()
        assert found == (overtaken(one, now=now) is None)


def test_a_row_is_kept_for_nobody_who_sees_another(organisation: Organisation, token: str) -> None:
    """Who may decide is shown nothing of who may not, in whichever order they look; nor who sees nothing."""
    request = opened(token)
    approver, member = browser_of(organisation.approver), browser_of(organisation.member)
    outsider = browser_of(organisation.outsider)
    for _ in range(2):
        assert "not yours to decide" not in row_of(approver, request.number, "show=pending")
        assert "not yours to decide" in row_of(member, request.number, "show=pending")
        assert row_of(outsider, request.number, "show=pending") == ""
    Agent.objects.filter(pk=request.agent_id).update(name="Renamed")
    assert "Renamed" in row_of(approver, request.number, "show=pending")
    assert "row--current" not in row_of(approver, request.number, "show=pending")
    assert "row--current" in row_of(approver, request.number, f"show=pending&open={request.number}")


def test_a_list_is_narrowed_to_agents_of_which_something_waits(organisation: Organisation, token: str) -> None:
    """Of two thousand agents nobody looks for one by scrolling; the one that is named stays to be seen."""
    opened(token)
    idle = active_agent(organisation, "Idle Refactorer")
    client = browser_of(organisation.approver)
    option = f'<option value="{idle.slug}"'
    assert option not in client.get("/approvals/").content.decode()
    assert f"{option} selected" in client.get(f"/approvals/?agent={idle.slug}").content.decode()
    assert option in client.get("/approvals/?show=decided").content.decode()
    other = browser_of(organisation.outsider)
    assert option not in other.get(f"/approvals/?agent={idle.slug}").content.decode()


def test_counting_stops(organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "COUNT_TO", 50)
    tokens = (token, credential_for(organisation, active_agent(organisation, "Second Refactorer")))
    for number in range(52):
        opened(tokens[number % 2], session_id=f"s{number}")
    assert "50+</strong> requests" in browser_of(organisation.approver).get("/approvals/list/").content.decode()


@given(st.floats(min_value=-10, max_value=1e8), st.integers(min_value=1, max_value=4000))
def test_coarse_is_the_least_that_is_written_the_same(seconds: float, less: int) -> None:
    assert span(coarse(seconds)) == span(seconds)
    assert coarse(seconds) == 0 or span(coarse(seconds) - less) != span(seconds)
