"""What nobody can complete says so in every list, by a word; worked out for a page in a fixed number of queries."""

import re
from collections.abc import Sequence

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest
from approvals.rules.workflow import RequestState
from approvals.selectors import pulse
from approvals.selectors.reviewing import blocked_sentence
from approvals.selectors.reviewing_many import blocked_among
from portal.identity.models import Person, RoleAssignment
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for
from portal.identity.services.people import assign_role
from tests.approvals.asking import opened, review
from tests.approvals.standing_in import account, away, one_person
from tests.approvals.web.test_rows import browser_of, row_of
from tests.organisation import Organisation, active_agent, credential_for, policy_document

pytestmark = pytest.mark.django_db(transaction=True)
WORD = "Blocked: too few people left"


def asking(organisation: Organisation, quorum: int) -> str:
    policy = policy_document()
    policy["approval"]["quorum"] = quorum
    return credential_for(organisation, active_agent(organisation, f"Agent of {quorum}", policy))


def closed(*people: Person) -> None:
    Person.objects.filter(pk__in=[person.pk for person in people]).update(is_active=False)


def agrees(requests: Sequence[ApprovalRequest]) -> set[int]:
    """The numbers of those that are blocked, the same whether they are asked together or one by one."""
    fresh = list(ApprovalRequest.objects.filter(pk__in=[one.pk for one in requests]).select_related("agent"))
    one_by_one = {one.pk: said for one in fresh if (said := blocked_sentence(one)) is not None}
    assert blocked_among(ApprovalRequest.objects.filter(pk__in=[one.pk for one in requests])) == one_by_one
    return {one.number for one in fresh if one.pk in one_by_one}


def test_together_they_are_told_as_one_by_one(organisation: Organisation, token: str) -> None:
    """Whoever has approved, stands in, has a part, was chosen by somebody with a part or is the same person."""
    pair, four = asking(organisation, 2), asking(organisation, 4)
    plain, two, many = opened(token), opened(pair), opened(four)
    started = opened(token, "gh pr merge 8 --squash", initiator=organisation.operator.email)
    requests = [plain, two, many, started]
    assert agrees(requests) == {many.number}
    twin = account(organisation, "other@example.test", "Dev Twin", Role.APPROVER)
    one_person(organisation, organisation.second_approver, twin)
    assert agrees(requests) == {many.number}
    away(organisation.approver, organisation.member)
    review(two, organisation.approver)
    assert agrees(requests) == {many.number}
    RoleAssignment.objects.filter(person=organisation.member).delete()
    assign_role(
        actor=actor_for(organisation.operator),
        person=organisation.member,
        role=Role.APPROVER,
        team=organisation.payments,
    )
    closed(organisation.approver, organisation.second_approver, twin, organisation.security)
    # Of Eli's new right as approver nothing is left where the one who gave it started the work.
    assert started.number in agrees(requests)
    assert plain.number not in agrees(requests)
    closed(organisation.member)
    assert agrees(requests) == {one.number for one in requests}
    ApprovalRequest.objects.filter(pk=plain.pk).update(state=RequestState.WITHDRAWN.value)
    assert plain.number not in agrees(requests)


def test_the_row_says_it_in_every_list_and_only_while_it_waits(organisation: Organisation) -> None:
    request = opened(asking(organisation, 4))
    for person in (organisation.approver, organisation.auditor):
        assert WORD in row_of(browser_of(person), request.number, "show=pending")
    approver = browser_of(organisation.approver)
    assert WORD in row_of(approver, request.number, "show=mine")
    assert WORD in approver.get(f"/approvals/of/{request.agent.slug}/").content.decode()
    page = approver.get(f"/approvals/{request.label}/").content.decode()
    assert "Blocked</span>" in page
    ApprovalRequest.objects.filter(pk=request.pk).update(expires_at=request.opened_at)
    assert WORD not in row_of(approver, request.number, "show=decided")
    assert "Blocked</span>" not in approver.get(f"/approvals/{request.label}/").content.decode()


def test_the_open_list_changes_when_somebody_leaves(organisation: Organisation) -> None:
    request = opened(asking(organisation, 2))
    client = browser_of(organisation.auditor)
    first = row_of(client, request.number, "show=pending")
    version = re.search(r'data-version="(\w+)"', client.get("/approvals/list/?show=pending").content.decode())
    assert version
    assert WORD not in first
    closed(organisation.second_approver, organisation.security)
    assert client.get(f"/approvals/list/?show=pending&v={version[1]}").status_code == 200
    assert WORD in row_of(client, request.number, "show=pending")


def test_a_row_whose_stages_ask_nobody_spoils_no_list(organisation: Organisation, token: str) -> None:
    request = opened(token)
    ApprovalRequest.objects.filter(pk=request.pk).update(stages=[])
    assert WORD in row_of(browser_of(organisation.auditor), request.number, "show=pending")


def queries_of(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def test_working_it_out_costs_the_same_for_one_row_as_for_many(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "SECONDS", 3600)  # asked for once a process and half second, so for none of these
    token = asking(organisation, 3)
    clients = [browser_of(organisation.approver), browser_of(organisation.auditor)]
    review(opened(token), organisation.second_approver)
    short = [queries_of(client, "/approvals/list/?show=pending") for client in clients]
    for number in range(6):
        review(opened(token, session_id=f"more-{number}"), organisation.second_approver)
    assert [queries_of(client, "/approvals/list/?show=pending") for client in clients] == short
