"""What a race is given made is what the services would have made."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model

from approvals.models import ApprovalRequest, Grant, Review
from registry.models import Agent
from tests.approvals.asking import ask, opened, review
from tests.approvals.conftest import pair_agent, pair_token, token
from tests.organisation import Organisation
from tests.red_team.prepared import approved, voted

__all__ = ["pair_agent", "pair_token", "token"]
pytestmark = pytest.mark.django_db(transaction=True)
# What no two rows have alike; how long a grant lives is compared apart.
OWN = frozenset(
    "id number request_id session_id run_id digest view view_hash kill_keys opened_at resolved_at expires_at issued_at "
    "at".split()
)


def row(one: Model) -> dict[str, Any]:
    """The columns of a row as it is stored now."""
    stored = type(one)._default_manager.get(pk=one.pk)
    return {field.attname: getattr(stored, field.attname) for field in one._meta.concrete_fields}


def alike(one: Model, other: Model) -> None:
    assert {key: value for key, value in row(one).items() if key not in OWN} == {
        key: value for key, value in row(other).items() if key not in OWN
    }
    assert {key for key, value in row(one).items() if value is None} == {
        key for key, value in row(other).items() if value is None
    }


def test_an_approval_that_is_made_is_as_one_that_was_given(organisation: Organisation, token: str) -> None:
    given, made = opened(token, session_id="given"), opened(token, session_id="made")
    given = review(given, organisation.approver)
    approved([made], organisation.approver)
    alike(given, made)
    reviews = [Review.objects.get(request=one) for one in (given, made)]
    grants = [Grant.objects.get(request=one) for one in (given, made)]
    alike(*reviews)
    alike(*grants)
    for grant, request in zip(grants, (given, made), strict=True):
        assert (bytes(grant.digest), grant.kill_keys) == (bytes(request.digest), request.kill_keys)
    lives = [grant.expires_at - grant.issued_at for grant in grants]
    assert abs(lives[0] - lives[1]) < timedelta(minutes=1)
    assert bytes(reviews[1].view_hash) == bytes(made.view_hash)
    for session in ("given", "made"):
        assert [ask(token, session_id=session).granted for _ in range(2)] == [True, False]


def test_a_vote_that_is_made_is_as_one_that_was_given(
    organisation: Organisation, pair_token: str, pair_agent: Agent
) -> None:
    given, made = opened(pair_token, session_id="given"), opened(pair_token, session_id="made")
    given = review(given, organisation.approver)
    voted([made], organisation.approver)
    alike(given, made)
    alike(*(Review.objects.get(request=one) for one in (given, made)))
    for request in (given, made):
        assert review(request, organisation.second_approver).state == "approved"
    assert ApprovalRequest.objects.filter(agent=pair_agent, state="approved").count() == 2
