"""Whose tokens are trusted: which trusts are too wide, that matching is exact, and what is kept of a token."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.jwks import KeySetError, usable_keys
from registry.rules.names import Refused
from registry.rules.trust import (
    BUILT_IN,
    KEPT,
    PERSONAL,
    Issuer,
    IssuerError,
    IssuerKind,
    audience_of,
    differing,
    faults_in,
    in_clear,
    kept,
    narrowing_of,
    of_a_person,
    read_issuers,
    token_id,
    why_refused,
)

GITHUB, CURSOR = BUILT_IN
OTHER = Issuer("acme", "acme", "https://id.acme.example", "https://id.acme.example/keys", IssuerKind.OTHER)


@pytest.mark.parametrize(
    ("issuer", "claims"),
    [
        (GITHUB, {"repository_id": "1"}),
        (GITHUB, {"repository_id": "1", "environment": "production", "ref": "refs/heads/main"}),
        (CURSOR, {"sub": "service_account:42"}),
        (CURSOR, {"team_id": "7", "agent_runtime": "cloud"}),
        (OTHER, {"project_path": "acme/payments"}),
    ],
)
def test_trusts_that_name_whose_token_it_is(issuer: Issuer, claims: dict[str, str]) -> None:
    assert faults_in(issuer, audience="https://portal.example", claims=claims) == []


@pytest.mark.parametrize(
    ("issuer", "claims", "pointer"),
    [
        (GITHUB, {}, "/claims"),
        (GITHUB, {"repository": "acme/payments", "repository_owner_id": "1"}, "/claims"),
        (GITHUB, {"repository_id": "0x1"}, "/claims/repository_id"),
        (GITHUB, {"repository_id": "١"}, "/claims/repository_id"),
        (GITHUB, {"repository_id": ""}, "/claims/repository_id"),
        (GITHUB, {"repository_id": "1", "ref": "refs/heads/*"}, "/claims/ref"),
        (GITHUB, {"repository_id": "1", "ref": " refs/heads/main"}, "/claims/ref"),
        (GITHUB, {"repository_id": "1", "ref": "a\nb"}, "/claims/ref"),
        (GITHUB, {"repository_id": "1", "team_id": "1"}, "/claims/team_id"),
        (GITHUB, {"repository_id": "1", "a/b~": "1"}, "/claims/a~1b~0"),
        (CURSOR, {"repo_url": "https://github.com/acme/payments"}, "/claims"),
        (OTHER, {}, "/claims"),
        (OTHER, {"aud": "x"}, "/claims/aud"),
        (OTHER, {"x" * 65: "1"}, f"/claims/{'x' * 65}"),
        (OTHER, {f"c{number}": "1" for number in range(21)}, "/claims"),
    ],
)
def test_trusts_that_would_let_others_in(issuer: Issuer, claims: dict[str, str], pointer: str) -> None:
    assert pointer in [fault["pointer"] for fault in faults_in(issuer, audience="x", claims=claims)]


@pytest.mark.parametrize("audience", ["", " x", "x ", "*", "a" * 201, "a\0"])
def test_audiences_that_are_none(audience: str) -> None:
    faults = faults_in(GITHUB, audience=audience, claims={"repository_id": "1"})
    assert [fault["pointer"] for fault in faults] == ["/audience"]


VALUES = st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.floats(), st.none(), st.lists(st.text()))


@given(
    required=st.dictionaries(st.sampled_from("abc"), st.text(max_size=8)),
    claims=st.dictionaries(st.sampled_from("abcd"), VALUES),
)
def test_matching_is_exact_text(required: dict[str, str], claims: dict[str, Any]) -> None:
    same = all(
        claims.get(name) == text if isinstance(claims.get(name), str)
        else type(claims.get(name)) is int and str(claims[name]) == text
        for name, text in required.items()
    )  # fmt: skip
    assert (differing(required, claims) == ()) is same


@pytest.mark.parametrize(
    ("aud", "found"),
    [("x", "x"), (["x"], "x"), (["x", "y"], None), ([], None), ("", None), (None, None), (7, None), ([7], None)],
)
def test_a_token_has_one_audience(aud: object, found: str | None) -> None:
    assert audience_of({"aud": aud}) == found


@given(st.dictionaries(st.sampled_from([*KEPT, "owner_email", "secret"]), VALUES))
def test_only_a_fixed_list_is_kept_and_persons_stand_apart(claims: dict[str, Any]) -> None:
    found = kept(claims)
    assert set(found) <= set(KEPT)
    assert not set(in_clear(found)) & PERSONAL
    assert set(of_a_person(found)) <= PERSONAL
    assert {**in_clear(found), **of_a_person(found)} == found


@pytest.mark.parametrize("jti", [None, "", 7, "x" * 256, "a\nb", ["a"]])
def test_without_a_usable_id_the_token_is_remembered_by_its_signed_part(jti: object) -> None:
    claims = {} if jti is None else {"jti": jti}
    assert token_id(claims, "head.body.one") == token_id(claims, "head.body.two")
    assert token_id(claims, "head.body.one") != token_id(claims, "head.other.one")
    assert len(token_id(claims, "a.b.c")) < 100


def test_an_id_is_taken_as_it_is() -> None:
    assert token_id({"jti": "abc"}, "a.b.c") == "abc"


@pytest.mark.parametrize(
    ("issuer", "claims", "patterns"),
    [
        (GITHUB, {"repository": "Acme/Payments", "repository_id": "5"}, ["acme/payments#5"]),
        (GITHUB, {"repository": "acme/payments", "repository_id": 5}, ["acme/payments#5"]),
        (CURSOR, {"repo_url": "https://github.com/acme/payments"}, ["acme/payments"]),
        (CURSOR, {"repo_url": "github.com/acme/payments"}, ["acme/payments"]),
        (CURSOR, {"repo_urls": ["github.com/a/a", "x.example/b/c"], "repo_url": "y"}, ["a/a", "x.example/b/c"]),
        (CURSOR, {}, None),
        (OTHER, {"repository": "acme/payments"}, None),
    ],
)  # fmt: skip
def test_a_token_narrows_to_its_repository(issuer: Issuer, claims: dict[str, Any], patterns: list[str] | None) -> None:
    assert narrowing_of(issuer, claims) == ({"scope": {"repositories": patterns}} if patterns else {})


@pytest.mark.parametrize(
    ("issuer", "claims"),
    [
        (GITHUB, {}),
        (GITHUB, {"repository": "acme/payments"}),
        (GITHUB, {"repository": "acme/*", "repository_id": "5"}),
        (GITHUB, {"repository": "acme/../x", "repository_id": "5"}),
        (GITHUB, {"repository": "acme/payments", "repository_id": "5#6"}),
        (CURSOR, {"repo_url": "file:///etc"}),
        (CURSOR, {"repo_urls": ["github.com/acme/a", 7]}),
    ],
)
def test_a_repository_that_cannot_be_read_narrows_to_nothing_at_all(issuer: Issuer, claims: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        narrowing_of(issuer, claims)


def test_a_server_of_ones_own_has_its_repositories_on_its_own_host() -> None:
    (server,) = read_issuers(["github-own=https://ghes.acme.example/_services/token=https://ghes.acme.example/jwks"])[
        2:
    ]
    assert narrowing_of(server, {"repository": "a/b", "repository_id": "1"}) == {
        "scope": {"repositories": ["ghes.acme.example/a/b#1"]}
    }
    (cloud,) = read_issuers(["github-eu=https://token.actions.acme.ghe.com=https://token.actions.acme.ghe.com/jwks"])[
        2:
    ]
    assert cloud.host == "acme.ghe.com"


def test_a_mirror_replaces_the_address_of_the_keys_only() -> None:
    found = read_issuers([f"github={GITHUB.issuer}=https://mirror.acme.example/jwks"])
    assert [(one.name, one.kind, one.jwks_url) for one in found] == [
        ("github", IssuerKind.GITHUB, "https://mirror.acme.example/jwks"),
        ("cursor", IssuerKind.CURSOR, CURSOR.jwks_url),
    ]


@pytest.mark.parametrize(
    "item",
    [
        "",
        "acme",
        "acme=https://a.example",
        "acme=http://a.example=https://a.example/keys",
        "acme=https://a.example=http://a.example/keys",
        "acme=https://a.example=file:///etc/passwd",
        "acme=https://user:secret@a.example=https://a.example/keys",
        "Acme=https://a.example=https://a.example/keys",
        "cursor=https://a.example=https://a.example/keys",
        "acme=https://=https://a.example/keys",
    ],
)
def test_issuers_that_are_written_wrongly(item: str) -> None:
    with pytest.raises(IssuerError):
        read_issuers([item])


def test_a_refusal_says_what_was_otherwise() -> None:
    facts = {"reason": "claims-differ", "differing": ["ref", "sub"], "claims": {"ref": "refs/heads/x"}}
    assert why_refused(facts) == (
        "Refused: it is not as the trust requires: ref was refs/heads/x, sub was another or missing."
    )


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": [{}] * 101}])
def test_what_is_no_key_set(document: object) -> None:
    with pytest.raises(KeySetError):
        usable_keys(document)


def test_of_a_key_only_its_public_members_are_kept() -> None:
    key = {"kty": "RSA", "kid": "a", "n": "A" * 342, "e": "AQAB", "x5u": "https://evil.example", "use": "sig"}
    assert usable_keys({"keys": [key, 7, None, {"kty": "EC", "kid": "b", "crv": "P-384", "x": "A", "y": "A"}]}) == {
        "a": {"kty": "RSA", "kid": "a", "n": "A" * 342, "e": "AQAB", "alg": "RS256"}
    }
