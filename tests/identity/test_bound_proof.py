"""A passkey that signs a decision: for exactly that one, by that person, here, once, and checkable by anybody."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.core.context import request_context
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache
from django.test import RequestFactory

from portal.identity.bound_proof import ProofRefused, begin, finish, has_passkey, holds
from portal.identity.rules.bound import Assertion, challenge, fault_in, unpack
from tests.approvals.asking import at_once
from tests.identity.authenticator import HOST, PRESENT, VERIFIED, Passkey, b64
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db

DIGEST, VIEW = b"d" * 32, b"v" * 32
DECISION: dict[str, Any] = {"digest": DIGEST, "view_hash": VIEW, "verdict": "approve"}


@pytest.fixture(autouse=True)
def at_the_site() -> Iterator[None]:
    with request_context(RequestFactory().get("/", headers={"host": HOST})):
        yield


@pytest.fixture
def passkey(organisation: Organisation) -> Passkey:
    made = Passkey()
    made.add_to(organisation.approver)
    return made


def test_the_passkey_of_a_person_signs_a_decision(organisation: Organisation, passkey: Passkey) -> None:
    person = organisation.approver
    options = begin(person, **DECISION)
    asked = options["publicKey"]
    assert (asked["rpId"], asked["userVerification"]) == (HOST, "required")
    assert [one["id"] for one in asked["allowCredentials"]] == [b64(passkey.id)]
    json.dumps(options)  # the page hands it to a script
    proof = finish(person, passkey.answer(options), **DECISION)
    assert holds(proof, person, **DECISION)
    row = person.authenticator_set.get()  # type: ignore[attr-defined]  # allauth's reverse relation
    assert row.last_used_at is not None
    assert Assertion.from_document(json.loads(json.dumps(proof.public()))) == proof


def test_the_proof_is_for_this_decision_alone(organisation: Organisation, passkey: Passkey) -> None:
    person = organisation.approver
    proof = finish(person, passkey.answer(begin(person, **DECISION)), **DECISION)
    for change in ({"digest": b"x" * 32}, {"view_hash": b"x" * 32}, {"verdict": "deny"}, {"purpose": "stop"}):
        assert not holds(proof, person, **{**DECISION, **change}), change
    assert not holds(proof, organisation.security, **DECISION)
    assert not holds(None, person, **DECISION)


@pytest.mark.parametrize("change", [{"digest": b"x" * 32}, {"view_hash": b"x" * 32}, {"verdict": "deny"}])
def test_what_was_begun_for_one_decision_does_not_finish_another(
    organisation: Organisation, passkey: Passkey, change: dict[str, Any]
) -> None:
    answer = passkey.answer(begin(organisation.approver, **DECISION))
    with pytest.raises(ProofRefused):
        finish(organisation.approver, answer, **{**DECISION, **change})


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "http://evil.example"},
        {"origin": f"http://sub.{HOST}"},
        {"origin": f"http://{HOST}:8443"},
        {"origin": f"https://{HOST}.evil.example"},
        {"host": "evil.example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"kind": "webauthn.create"},
        {"challenge": b64(b"c" * 32)},
        {"key": ec.generate_private_key(ec.SECP256R1())},
    ],
    ids="-".join,
)
def test_b35_an_answer_that_lies_is_refused(organisation: Organisation, passkey: Passkey, lie: dict[str, Any]) -> None:
    options = begin(organisation.approver, **DECISION)
    with pytest.raises(ProofRefused) as refused:
        finish(organisation.approver, passkey.answer(options, **lie), **DECISION)
    assert refused.value.status == 403


def test_a_challenge_is_answered_once(organisation: Organisation, passkey: Passkey) -> None:
    options = begin(organisation.approver, **DECISION)
    assert finish(organisation.approver, passkey.answer(options), **DECISION)
    with pytest.raises(ProofRefused):
        finish(organisation.approver, passkey.answer(options), **DECISION)


def test_a_wrong_answer_spends_the_challenge(organisation: Organisation, passkey: Passkey) -> None:
    options = begin(organisation.approver, **DECISION)
    with pytest.raises(ProofRefused):
        finish(organisation.approver, passkey.answer(options, flags=PRESENT), **DECISION)
    with pytest.raises(ProofRefused):
        finish(organisation.approver, passkey.answer(options), **DECISION)


def test_a_challenge_is_for_the_person_it_was_made_for(organisation: Organisation, passkey: Passkey) -> None:
    options = begin(organisation.approver, **DECISION)
    Passkey().add_to(organisation.security)
    with pytest.raises(ProofRefused):
        finish(organisation.security, passkey.answer(options), **DECISION)


def test_a_key_of_somebody_else_does_not_sign(organisation: Organisation, passkey: Passkey) -> None:
    stranger = Passkey()
    stranger.add_to(organisation.security)
    with pytest.raises(ProofRefused):
        finish(organisation.approver, stranger.answer(begin(organisation.approver, **DECISION)), **DECISION)


def test_a_challenge_is_forgotten_after_its_time(organisation: Organisation, passkey: Passkey) -> None:
    options = begin(organisation.approver, **DECISION)
    cache.clear()  # as the database does when the two minutes are over
    with pytest.raises(ProofRefused):
        finish(organisation.approver, passkey.answer(options), **DECISION)


def test_b35_a_count_that_does_not_grow_is_a_copy(organisation: Organisation, passkey: Passkey) -> None:
    person = organisation.approver
    passkey.counter = 7
    finish(person, passkey.answer(begin(person, **DECISION)), **DECISION)
    passkey.counter = 5
    with pytest.raises(ProofRefused, match="copy"):
        finish(person, passkey.answer(begin(person, **DECISION)), **DECISION)


def test_a_key_that_does_not_count_is_taken(organisation: Organisation) -> None:
    person, key = organisation.approver, Passkey(counts=False)
    key.add_to(person)
    for _ in range(2):
        assert finish(person, key.answer(begin(person, **DECISION)), **DECISION).counter == 0


def test_somebody_without_a_passkey_is_told_so(organisation: Organisation) -> None:
    assert not has_passkey(organisation.approver)
    with pytest.raises(ProofRefused, match="you have none"):
        begin(organisation.approver, **DECISION)


@pytest.mark.parametrize(
    "body", [{}, {"id": 3}, {"rawId": "AA", "response": {}}, {"id": "AA", "rawId": "AA", "type": "x", "response": None}]
)
def test_nonsense_is_refused(organisation: Organisation, passkey: Passkey, body: dict[str, Any]) -> None:
    begin(organisation.approver, **DECISION)
    with pytest.raises(ProofRefused):
        finish(organisation.approver, body, **DECISION)


@pytest.mark.parametrize("member", ["nonce", "authenticator_data", "client_data", "signature", "public_key", "rp_id"])
def test_no_part_of_a_kept_proof_can_be_exchanged(organisation: Organisation, passkey: Passkey, member: str) -> None:
    person = organisation.approver
    one, other = (finish(person, passkey.answer(begin(person, **DECISION)), **DECISION) for _ in range(2))
    exchanged = {"rp_id": "evil.example", "public_key": one.public_key[:-4] + "AAAA"}
    forged = {**one.public(), member: exchanged.get(member, other.public()[member])}
    assert fault_in(Assertion.from_document(forged), digest=DIGEST, view_hash=VIEW, verdict="approve") is not None
    assert fault_in(one, digest=DIGEST, view_hash=VIEW, verdict="approve") is None


def test_the_challenge_is_the_documented_one(organisation: Organisation, passkey: Passkey) -> None:
    proof = finish(organisation.approver, passkey.answer(begin(organisation.approver, **DECISION)), **DECISION)
    nonce = unpack(proof.nonce)
    asked = challenge(purpose="decide", digest=DIGEST, view_hash=VIEW, verdict="approve", nonce=nonce)
    assert unpack(json.loads(unpack(proof.client_data))["challenge"]) == asked


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_one_is_taken(organisation: Organisation, passkey: Passkey) -> None:
    person = organisation.approver
    answer = passkey.answer(begin(person, **DECISION))
    request = RequestFactory().get("/", headers={"host": HOST})

    def give() -> Assertion:
        with request_context(request):
            return finish(person, answer, **DECISION)

    results = at_once([give] * 4)
    assert sum(isinstance(result, Assertion) for result in results) == 1
    assert sum(isinstance(result, ProofRefused) for result in results) == 3
