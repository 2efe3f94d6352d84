"""A passkey that signs one decision: begun with what is decided, finished once, and kept for whoever checks it later.

A fresh sign-in proves that somebody was there; this proves that they meant exactly this action. The keys are those
that people add for signing in (allauth's), the check is fido2's, the challenge is our own.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, cast

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db import transaction
from fido2.rpid import verify_rp_id
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    UserVerificationRequirement,
)

from portal.errors import NotAllowed
from portal.identity.models import Person
from portal.identity.public_keys import spki_of
from portal.identity.rules.bound import NONCE_BYTES, Assertion, challenge, fault_in, pack, unpack
from portal.identity.site import is_of, passkey_site

__all__ = ["DECIDE", "SECONDS", "Assertion", "ProofRefused", "begin", "finish", "has_passkey", "holds"]

DECIDE = "decide"
# How long a challenge can be answered.
SECONDS = 120
# Beside allauth's own members of an authenticator's data: the greatest count that was seen here.
_COUNT = "bailiwick_sign_count"


class ProofRefused(NotAllowed):
    """The passkey's answer does not prove this decision."""

    code, title = "proof-refused", "The passkey did not confirm this decision"


def has_passkey(person: Person) -> bool:
    """Whether the person has a key at all; without one they cannot confirm what needs one."""
    return bool(_keys_of(person).exists())


def begin(person: Person, *, digest: bytes, view_hash: bytes, verdict: str, purpose: str = DECIDE) -> dict[str, Any]:
    """What the browser hands to ``navigator.credentials.get``; good once, for this person, for two minutes.

    Raises ProofRefused for somebody without a passkey.
    """
    keys = [data for data in map(_credential, _keys_of(person)) if data is not None]
    if not keys:
        raise ProofRefused("This needs a passkey, and you have none. Add one in your account, then decide.")
    nonce = secrets.token_bytes(NONCE_BYTES)
    asked = challenge(purpose=purpose, digest=digest, view_hash=view_hash, verdict=verdict, nonce=nonce)
    options, _ = _server().authenticate_begin(keys, UserVerificationRequirement.REQUIRED, challenge=asked)
    cache.set(_place(person, asked), pack(nonce), timeout=SECONDS)
    # fido2 leaves lists of enums and bytes as they are inside; its own mapping makes all of it JSON.
    return cast("dict[str, Any]", dict(options))


def finish(
    person: Person, response: Mapping[str, Any], *, digest: bytes, view_hash: bytes, verdict: str, purpose: str = DECIDE
) -> Assertion:
    """Check the browser's answer and spend its challenge; raises ProofRefused. Call it outside any transaction.

    A challenge is spent by the first answer, right or wrong: a transaction that rolls back would give it back.
    """
    try:
        answer = AuthenticationResponse.from_dict(response)
        client_data = answer.response.client_data
        asked, origin = client_data.challenge, client_data.origin
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise _refused("The answer of the passkey cannot be read.") from error
    place = _place(person, asked)
    nonce = cache.get(place)
    # Of two answers at once, one is told that the row was there.
    if nonce is None or not cache.delete(place):
        raise _refused("It was answered too late, or a second time, or for somebody else.")
    expected = challenge(purpose=purpose, digest=digest, view_hash=view_hash, verdict=verdict, nonce=unpack(nonce))
    server = _server()
    state = {"challenge": pack(expected), "user_verification": UserVerificationRequirement.REQUIRED}
    with transaction.atomic():
        row, key = _row_of(person, answer.raw_id)
        try:
            server.authenticate_complete(state, [key], answer)
        except ValueError as error:
            raise _refused(f"It proves something else, from {origin[:200]}.") from error
        assertion = Assertion(
            purpose=purpose,
            person=str(person.pk),
            rp_id=str(server.rp.id),
            credential=pack(answer.raw_id),
            algorithm=int(key.public_key[3]),
            public_key=pack(spki_of(key.public_key)),
            nonce=nonce,
            authenticator_data=pack(bytes(answer.response.authenticator_data)),
            client_data=pack(bytes(client_data)),
            signature=pack(answer.response.signature),
        )
        fault = fault_in(assertion, digest=digest, view_hash=view_hash, verdict=verdict)
        if fault is not None:
            raise _refused(fault)
        _count(row, key, assertion)
    return assertion


def holds(
    proof: Assertion | None, person: Person, *, digest: bytes, view_hash: bytes, verdict: str, purpose: str = DECIDE
) -> bool:
    """Whether a finished proof is this person's, for exactly this decision: for the service that acts on it."""
    return (
        proof is not None
        and proof.person == str(person.pk)
        and proof.purpose == purpose
        and fault_in(proof, digest=digest, view_hash=view_hash, verdict=verdict) is None
    )


def _refused(why: str) -> ProofRefused:
    return ProofRefused(f"{why} Nothing was decided; look again and confirm once more.")


def _keys_of(person: Person) -> Any:
    return Authenticator.objects.filter(user_id=person.pk, type=Authenticator.Type.WEBAUTHN).order_by("pk")


def _credential(row: Authenticator) -> AttestedCredentialData | None:
    return cast("AttestedCredentialData | None", row.wrap().authenticator_data.credential_data)


def _row_of(person: Person, credential_id: bytes) -> tuple[Authenticator, AttestedCredentialData]:
    """The person's own key of this id, its row locked: two answers of a copied key must not pass side by side."""
    for row in _keys_of(person).select_for_update():
        key = _credential(row)
        if key is not None and key.credential_id == credential_id:
            return row, key
    raise _refused("This passkey is not one of yours here.")


def _count(row: Authenticator, key: AttestedCredentialData, assertion: Assertion) -> None:
    """Refuse a count that does not grow: the key was copied. Authenticators that do not count always say 0."""
    seen = max(int(row.data.get(_COUNT, 0)), row.wrap().authenticator_data.counter)
    if (assertion.counter or seen) and assertion.counter <= seen:
        raise _refused("This passkey counts backwards, as a copy would. Remove it from your account.")
    if assertion.counter:
        row.data[_COUNT] = assertion.counter
        row.save(update_fields=["data"])
    row.record_usage()


def _server() -> Fido2Server:
    """The site as allauth knows it. An answer must come from this very host and port, not from one beside it."""
    site = passkey_site(context.request)
    party = PublicKeyCredentialRpEntity(**get_adapter().get_public_key_credential_rp_entity())

    def own(origin: str) -> bool:
        return verify_rp_id(str(party.id), origin) and is_of(site, origin)

    return Fido2Server(party, verify_origin=own)


def _place(person: Person, asked: bytes) -> str:
    return f"bound-proof:{person.pk}:{hashlib.sha256(asked).hexdigest()}"
