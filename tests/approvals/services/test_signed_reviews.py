"""A decision that a passkey signed can be checked by an outsider, from the ledger entry and the documentation alone."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from allauth.core.context import request_context
from cryptography.exceptions import InvalidSignature
from django.test import RequestFactory

from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import Verdict
from approvals.services.review import add_review
from portal.errors import NotAllowed
from portal.identity.bound_proof import Assertion, begin, finish
from portal.ledger.models import Entry
from tests.approvals.asking import opened
from tests.identity.authenticator import HOST, Passkey
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)


def signed(organisation: Organisation, request: ApprovalRequest, verdict: str = "approve") -> Assertion:
    person, passkey = organisation.approver, Passkey()
    passkey.add_to(person)
    decision: dict[str, Any] = {
        "digest": bytes(request.digest),
        "view_hash": bytes(request.view_hash),
        "verdict": verdict,
    }
    with request_context(RequestFactory().get("/", headers={"host": HOST})):
        return finish(person, passkey.answer(begin(person, **decision)), **decision)


def approve(organisation: Organisation, request: ApprovalRequest, proof: Assertion | None) -> None:
    add_review(
        actor=organisation.approver,
        request=request,
        verdict=Verdict.APPROVE,
        reason="I have read every line of it.",
        view_hash=bytes(request.view_hash),
        proof=proof,
    )


@pytest.fixture
def high(token: str) -> ApprovalRequest:
    """A request that asks for a passkey."""
    request = opened(token)
    ApprovalRequest.objects.filter(pk=request.pk).update(step_up="passkey")
    return ApprovalRequest.objects.select_related("agent", "agent__owner_team").get(pk=request.pk)


def documented_check() -> Any:
    page = Path(__file__).resolve().parents[3].joinpath("docs/verify.md").read_text(encoding="utf-8")
    recipe = re.search(r"```python\n(.*?)\n```", page, re.DOTALL)
    assert recipe
    made: dict[str, Any] = {}
    exec(compile(recipe[1], "docs/verify.md", "exec"), made)  # noqa: S102 (our own page)
    return made["check"]


def test_an_outsider_checks_the_decision_from_the_entry_alone(
    organisation: Organisation, high: ApprovalRequest
) -> None:
    approve(organisation, high, signed(organisation, high))
    entry = Entry.objects.get(type="approvals.review.given")
    data = json.loads(bytes(entry.bytes))["data"]
    check = documented_check()
    check(data)
    assert Review.objects.get().assertion == data["assertion"]
    for member, value in (
        ("verdict", "deny"),
        ("digest", "0" * 64),
        ("view_hash", "0" * 64),
    ):
        with pytest.raises(AssertionError):
            check({**data, member: value})
    for member in ("nonce", "client_data", "signature", "authenticator_data"):
        forged = copy.deepcopy(data)
        said = forged["assertion"][member]
        forged["assertion"][member] = ("B" if said[10] == "A" else "A").join((said[:10], said[11:]))
        with pytest.raises((AssertionError, InvalidSignature, ValueError)):
            check(forged)


@pytest.mark.parametrize("what", ["none", "another request", "another verdict"])
def test_r65_without_the_passkeys_word_on_exactly_this_nothing_is_approved(
    organisation: Organisation, token: str, high: ApprovalRequest, what: str
) -> None:
    proof = None
    if what == "another request":
        proof = signed(organisation, opened(token, "gh pr merge 99"))
    elif what == "another verdict":
        proof = signed(organisation, high, "deny")
    with pytest.raises(NotAllowed):
        approve(organisation, high, proof)
    assert not Review.objects.exists()
