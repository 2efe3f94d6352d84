"""Binding, time of check and replay: an approval is for exactly one call, in one run, on one commit, once, in time."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import jwt
import psycopg
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from approvals.jobs.sweep import note_silence
from approvals.models import ApprovalRequest, Grant
from approvals.rules.authorize import Outcome
from approvals.rules.workflow import GrantOutcome, GrantState, RequestState
from approvals.selectors.grant_token import AUDIENCE, key_set, token_of
from approvals.services.check import Answer, Call, decide, identify
from approvals.services.head import Head, report_head
from approvals.services.outcome import report_outcome
from approvals.services.question import AskedCall, bound, headline
from portal.ledger.events import Actor
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from tests.approvals.asking import ask, bash, entries, opened, review, withdrawn
from tests.organisation import Organisation, active_agent, credential_for
from tests.red_team import prepared
from tests.red_team.racing import Race
from tests.red_team.trials import raced

pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]

A, B, C = "a" * 40, "b" * 40, "c" * 40
PAY = "mcp__bank__transfer"
AROUND = {"repository": "acme/payments", "branch": "feature/tidy", "cwd": "/work/payments", "session_id": "session-1"}


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def approved(organisation: Organisation, token: str, call: Call | None = None, **around: Any) -> Grant:
    """The grant for a gated call."""
    call = call or bash("gh pr merge 7 --squash", **around)
    request = decide(token=token, call=call).request
    assert request is not None, "the call was not gated"
    asked = ApprovalRequest.objects.select_related("agent", "agent__owner_team").get(pk=request.pk)
    return Grant.objects.select_related("request").get(request=review(asked, organisation.approver))


def paid(**tool_input: Any) -> Call:
    """A call of a tool that the portal knows nothing of, so that all of its input is bound as it is."""
    return Call(tool=PAY, tool_input=tool_input, **AROUND)  # type: ignore[arg-type]  # texts, by name


def refused(answer: Answer, grant: Grant) -> None:
    """Nothing was let through, and the grant for the other thing is what it was."""
    assert answer.decision.outcome is not Outcome.ALLOW
    assert not answer.granted
    assert entries("grant.redeemed") == 0
    grant.refresh_from_db()
    assert grant.state == GrantState.ISSUED


def body_of(tool_input: str, **more: str) -> bytes:
    """A check as bytes, so that a test can write the input exactly."""
    said = {"schema": "1", "session": "session-1", "tool": PAY, "cwd": "/work/payments", **more}
    said |= {"repository": "acme/payments", "branch": "feature/tidy"}
    return json.dumps(said).encode()[:-1] + b', "input": ' + tool_input.encode() + b"}"


def post(token: str, path: str, body: Any) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    client = Client(raise_request_exception=False)
    return client.post(path, data, content_type="application/json", headers={"Authorization": f"Bearer {token}"})


# -- R30: one parameter ----------------------------------------------------------------------------------------

FULL = Call(
    tool="Bash",
    tool_input={"command": "gh pr merge 7 --squash", "description": "merge it"},
    session_id="session-1",
    cwd="/work/payments",
    tool_use_id="toolu_1",
    repository="acme/payments",
    repository_id="17",
    branch="feature/tidy",
    environment="staging",
    model="claude-opus-5",
    provider="anthropic",
    credential="github-app",
    fingerprint="0" * 64,
    initiator="eli@example.test",
    task="refactor",
    files=3,
    lines=40,
    head=A,
    diff="--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n",
    prompt_author="member@example.test",
    co_authors=("second-approver@example.test",),
)
OTHER: dict[str, Any] = {
    "tool": "Bash2",
    "tool_input": {"command": "gh pr merge 8 --squash"},
    "session_id": "session-2",
    "cwd": "/work/other",
    "repository": "acme/other",
    "repository_id": "18",
    "branch": "main",
    "environment": "production",
    "model": "claude-haiku-5",
    "provider": "bedrock",
    "credential": "deploy-key",
    "fingerprint": "1" * 64,
    "initiator": "approver@example.test",
    "task": "release",
    "files": 2,
    "lines": 41,
    "head": B,
    "diff": FULL.diff + " ",  # type: ignore[operator]  # stated above
    "prompt_author": "manager@example.test",
    "co_authors": (),
}
# The agent's own name of one attempt: the same call has another one each time it is made.
NOT_BOUND = {"tool_use_id"}


def test_r30_every_field_of_a_call_has_a_change_below() -> None:
    assert {field.name for field in fields(Call)} == OTHER.keys() | NOT_BOUND


@pytest.mark.parametrize("name", sorted(OTHER))
def test_r30_each_field_of_a_call_is_bound(token: str, name: str) -> None:
    """Another value, and none where there was one, is another digest."""
    standing = identify(token)

    def digest_of(call: Call) -> bytes:
        asked = AskedCall(call)
        return bound(standing, asked, headline(standing, AskedCall(FULL)))

    assert digest_of(replace(FULL, tool_use_id="toolu_2")) == digest_of(FULL)
    changed = [OTHER[name]]
    if getattr(Call, name, "required") is None:
        changed.append(None)
    for value in changed:
        assert digest_of(replace(FULL, **{name: value})) != digest_of(FULL), value


@pytest.mark.parametrize(
    "change",
    [
        {"command": "gh pr merge 8 --squash"},
        {"command": "gh pr merge 7 --squash "},
        {"command": "gh pr merge 7 --squash\n"},
        {"command": "gh pr merge 7 --squash; true"},
        {"command": "gh pr merge 7 --squash", "run_in_background": True},
        {"command": "gh pr merge 7 --squash", "run_in_background": "true"},
        {"command": "gh pr merge 7 --squash", "dangerouslyDisableSandbox": True},
        {"command": "gh pr merge 7 --squash", "env": {"GH_HOST": "evil.example"}},
    ],
    ids=str,
)
def test_r30_one_parameter_more_or_other_and_the_grant_does_not_fit(
    organisation: Organisation, token: str, change: dict[str, Any]
) -> None:
    grant = approved(organisation, token)
    refused(decide(token=token, call=replace(bash(""), tool_input=change)), grant)


@pytest.mark.parametrize(
    "around",
    [
        {"cwd": "/work/payments2"},
        {"model": "claude-haiku-5"},
        {"provider": "bedrock"},
        {"repository_id": "18"},
        {"credential": "deploy-key"},
        {"fingerprint": "1" * 64},
        {"initiator": "approver@example.test"},
        {"task": "release"},
        {"files": 1},
        {"lines": 1},
        {"head": A},
        {"diff": "+1"},
        {"prompt_author": "member@example.test"},
        {"co_authors": ("member@example.test",)},
    ],
    ids=str,
)
def test_r30_what_was_not_stated_cannot_be_stated_afterwards(
    organisation: Organisation, token: str, around: dict[str, Any]
) -> None:
    grant = approved(organisation, token)
    refused(ask(token, **around), grant)


def test_r30_at_the_edge(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token, paid(to="acme", amount=5))
    answer = post(token, "/api/v1/checks", body_of('{"to": "acme", "amount": 6}')).json()
    assert (answer["outcome"], answer["granted"], answer["grant"]) == ("review", False, None)
    allowed = post(token, "/api/v1/checks", body_of('{"to": "acme", "amount": 5}')).json()
    assert (allowed["outcome"], allowed["grant"]["id"]) == ("allow", str(grant.pk))


# -- R31 to R33: two spellings, two parsers, two values --------------------------------------------------------


def test_r31_the_order_of_keys_is_no_change_and_a_value_is(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token, paid(to={"name": "acme", "iban": "X1"}, amount=5))
    other = post(token, "/api/v1/checks", body_of('{"amount": 5, "to": {"iban": "X2", "name": "acme"}}')).json()
    assert other["granted"] is False
    same = post(token, "/api/v1/checks", body_of('{"amount": 5,  "to": {"iban": "X1", "name": "acme"}}')).json()
    assert (same["granted"], same["grant"]["id"]) == (True, str(grant.pk))


@pytest.mark.parametrize(
    "tool_input",
    [
        '{"to": "acme", "amount": 5, "amount": 6}',
        '{"to": "acme", "amount": 6, "amount": 5}',
        '{"to": "acme", "\\u0061mount": 6, "amount": 5}',
        '{"to": {"name": "acme", "name": "evil"}, "amount": 5}',
    ],
)
def test_r32_a_body_with_a_key_twice_is_refused(organisation: Organisation, token: str, tool_input: str) -> None:
    grant = approved(organisation, token, paid(to="acme", amount=5))
    response = post(token, "/api/v1/checks", body_of(tool_input))
    assert (response.status_code, response.json()["code"]) == (400, "invalid-input")
    hook = {"hook_event_name": "PreToolUse", "session_id": "session-1", "cwd": "/work/payments", "tool_name": PAY}
    hooked = post(
        token, "/hooks/claude", json.dumps(hook).encode()[:-1] + b', "tool_input": ' + tool_input.encode() + b"}"
    )
    assert hooked.json()["hookSpecificOutput"]["permissionDecision"] == "deny"
    grant.refresh_from_db()
    assert (grant.state, entries("grant.redeemed")) == (GrantState.ISSUED, 0)


def test_r32_the_envelope_with_a_key_twice_is_refused(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token, paid(to="acme", amount=5))
    twice = body_of('{"to": "acme", "amount": 5}')[:-1] + b', "branch": "main"}'
    assert post(token, "/api/v1/checks", twice).status_code == 400
    grant.refresh_from_db()
    assert grant.state == GrantState.ISSUED


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (1, "1"),
        (1.0, {"float": "1.0"}),
        ({"float": "1.0"}, {"object": {"float": "1.0"}}),
        (0.0, -0.0),
        (0.1, 0.10000000000000002),
        ("é", "e\u0301"),
        ("a", "\uff41"),
        ("a", "\u0430"),
        ("a b", "a\u00a0b"),
        ("ab", "a\u200bb"),
        ("a", "A"),
        ("", None),
        ([1], 1),
        ({}, []),
    ],
    ids=ascii,
)
def test_r33_what_looks_or_counts_alike_is_not_the_same(
    organisation: Organisation, token: str, was: Any, now: Any
) -> None:
    grant = approved(organisation, token, paid(value=was))
    refused(decide(token=token, call=paid(value=now)), grant)
    assert decide(token=token, call=paid(value=was)).granted


# -- R34 to R38: the world under the approval ------------------------------------------------------------------


def report(token: str, commit: str, branch: str = "feature/tidy", repository: str = "acme/payments") -> Head:
    return report_head(standing=identify(token), repository=repository, branch=branch, commit=commit)


def test_r34_a_new_commit_ends_what_was_approved_for_the_old_one(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token, head=A)
    waiting = opened(token, "gh pr merge 9", head=A)
    response = post(
        token, "/api/v1/agent/heads", {"repository": "acme/payments", "branch": "feature/tidy", "commit": B}
    )
    assert response.status_code == 200, response.content
    assert response.json()["voided"] == [grant.request.label, waiting.label]
    for request in (grant.request, waiting):
        request.refresh_from_db()
        assert request.state == RequestState.VOIDED
    grant.refresh_from_db()
    assert (grant.state, entries("grant.voided"), entries("head.reported")) == (GrantState.VOIDED, 1, 1)
    again = ask(token, head=A)
    assert (again.granted, again.decision.outcome) == (False, Outcome.REVIEW)
    assert not ask(token, head=B).granted


def test_r34_it_is_read_and_not_swept(organisation: Organisation, token: str, super_connection: Super) -> None:
    """Whoever writes the head down by another way, the grant is dead in the same instant."""
    grant = approved(organisation, token, head=A)
    super_connection.execute(
        "INSERT INTO approvals_branchhead (id, repository, branch, commit, at)"
        " VALUES (gen_random_uuid(), 'acme/payments', 'feature/tidy', %s, clock_timestamp())",
        [B],
    )
    refused(ask(token, head=A), grant)


def test_r34_a_commit_that_is_not_pushed_yet_may_be_ahead_of_what_is_known(
    organisation: Organisation, token: str
) -> None:
    report(token, A)
    grant = approved(organisation, token, head=B)
    assert report(token, B).voided == (), "the very commit that was approved is what was pushed"
    assert ask(token, head=B).grant == grant


@pytest.mark.parametrize("branch", ["feature/tidy", "refs/heads/feature/tidy"])
@pytest.mark.parametrize("repository", ["acme/payments", "Acme/Payments", "github.com/acme/payments"])
def test_r35_a_branch_that_is_pointed_elsewhere_ends_the_approval(
    organisation: Organisation, token: str, branch: str, repository: str
) -> None:
    """Forwards or back to an older commit, and under whichever spelling of the names."""
    report(token, C)
    report(token, A)
    grant = approved(organisation, token, head=A, repository=repository, branch=branch)
    assert report(token, C).voided == (grant.request.label,)
    assert not ask(token, head=A, repository=repository, branch=branch).granted


def test_r35_a_tag_that_was_moved_is_another_commit(organisation: Organisation, token: str) -> None:
    """The name of the tag is in the command; what it points at is stated, and bound."""
    grant = approved(organisation, token, bash("gh release create v1.0", head=A))
    refused(ask(token, "gh release create v1.0", head=B), grant)


def test_r35_no_agent_ends_the_approvals_of_repositories_that_are_not_its_own(
    organisation: Organisation, token: str
) -> None:
    response = post(token, "/api/v1/agent/heads", {"repository": "other/place", "branch": "main", "commit": A})
    assert (response.status_code, entries("head.reported")) == (403, 0)
    for wrong in ({"commit": "abc"}, {"commit": A.upper()}, {"branch": "refs/tags/v1"}, {"repository": "x"}):
        body = {"repository": "acme/payments", "branch": "main", "commit": A, **wrong}
        assert post(token, "/api/v1/agent/heads", body).status_code in {400, 422}, wrong


@raced(8)
def test_r36_a_push_and_the_use_of_the_approval_at_once(
    organisation: Organisation, token: str, rest: Callable[[], None], race: Race
) -> None:
    """Either the call was let through before the push counts, or it is dead; once the push was answered, never."""

    def pushed(branch: str) -> tuple[Head, Answer]:
        """The push, and at once after its answer a use; the other one may be under way still."""
        return report(token, B, branch), ask(token, head=A, branch=branch)

    def on_a_branch(trial: int) -> dict[str, Any]:
        return {"head": A, "branch": f"feature/{trial}"}

    approve = partial(prepared.approved, person=organisation.approver)
    for around, request in prepared.ahead(race, rest, token, approve, on_a_branch):
        branch = around["branch"]
        acts: list[Callable[[], Any]] = [partial(pushed, branch), partial(ask, token, head=A, branch=branch)]
        both, first = race.at_once(acts)
        assert not isinstance(both, Exception), both
        assert isinstance(first, Answer), first
        head, after = both
        assert not after.granted
        grant = Grant.objects.get(request=request)
        voided = request.label in head.voided
        race.saw("voided" if voided else "used")
        assert first.granted is not voided, "let through and voided, or neither"
        assert grant.state == (GrantState.VOIDED if voided else GrantState.REDEEMED)


def test_r37_a_repository_made_anew_under_the_same_name_is_another(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token, repository_id="17")
    refused(ask(token, repository_id="18"), grant)
    refused(ask(token), grant)


def test_r38_another_version_of_the_tool_is_another_call(organisation: Organisation, token: str) -> None:
    """As far as the version is stated: in the input, by the tool's name, or in what the agent is made of."""
    grant = approved(organisation, token, replace(paid(to="acme", schema_version="2"), fingerprint="0" * 64))
    for call in (
        replace(paid(to="acme", schema_version="3"), fingerprint="0" * 64),
        replace(paid(to="acme", schema_version="2"), fingerprint="1" * 64),
        replace(paid(to="acme", schema_version="2"), fingerprint="0" * 64, tool=f"{PAY}_v2"),
    ):
        refused(decide(token=token, call=call), grant)


# -- R39 to R49: elsewhere, again, later -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "elsewhere",
    [{"session_id": "session-2"}, {"repository": "acme/other"}, {"environment": "production"}, {"branch": "main"}],
    ids=str,
)
def test_r39_an_approval_is_not_used_elsewhere(
    organisation: Organisation, token: str, elsewhere: dict[str, str]
) -> None:
    grant = approved(organisation, token)
    refused(ask(token, **elsewhere), grant)


def test_r39_another_agent_does_not_use_it(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token)
    other = credential_for(organisation, active_agent(organisation, "Other Refactorer"))
    refused(ask(other), grant)
    told = Client().get(f"/api/v1/agent/requests/{grant.request.label}", headers={"Authorization": f"Bearer {other}"})
    assert told.status_code == 404


def test_r40_a_used_approval_is_used(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token)
    assert ask(token).grant == grant
    for _ in range(3):
        assert not ask(token).granted
    assert entries("grant.redeemed") == 1


@raced(1)
def test_r41_two_workers_use_it_at_once(
    organisation: Organisation, token: str, rest: Callable[[], None], race: Race
) -> None:
    """One is let through, in every trial; the other one asks anew."""
    approve = partial(prepared.approved, person=organisation.approver)
    for around, _ in prepared.ahead(race, rest, token, approve, prepared.by_session):
        answers = race.at_once([partial(ask, token, **around)] * 2)
        assert [answer for answer in answers if not isinstance(answer, Answer)] == []
        assert sum(answer.granted for answer in answers if isinstance(answer, Answer)) == 1
        for answer in answers:
            # So that no more wait than an agent may have.
            if isinstance(answer, Answer) and answer.request is not None and not answer.granted:
                withdrawn(answer.request)
        race.saw("the first" if getattr(answers[0], "granted", False) else "the second")
    assert entries("grant.redeemed") == race.trials


@pytest.mark.parametrize("hours", [-24, 24])
def test_r42_after_its_time_it_is_dead_whatever_the_web_process_thinks_it_is(
    organisation: Organisation, token: str, super_connection: Super, hours: int
) -> None:
    grant = approved(organisation, token)
    super_connection.execute("UPDATE approvals_grant SET expires_at = clock_timestamp()")
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
        refused(ask(token), grant)


def test_r42_a_clock_that_is_wrong_does_not_end_it_early_either(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=24), tick=True):
        assert ask(token).grant == grant


def test_r44_an_approval_for_staging_is_none_for_production(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token, environment="staging")
    for place in ("production", "Staging", "staging ", None):
        refused(ask(token, environment=place), grant)


def checked(token: str, keys: dict[str, Any], **expected: Any) -> dict[str, Any]:
    """What an enforcement point does without the portal, as docs/agent-author.md says."""
    by_id = {key["kid"]: jwt.PyJWK(key) for key in keys["keys"]}
    key = by_id[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token,
        key=key,
        algorithms=["EdDSA"],
        audience=expected.get("audience", AUDIENCE),
        issuer=expected.get("issuer", "http://127.0.0.1:8800"),
        options={"require": ["iss", "aud", "sub", "jti", "exp", "iat"]},
    )
    return claims


def test_r45_a_grant_of_another_portal_or_for_another_reader_is_refused(
    organisation: Organisation, token: str, settings: Any
) -> None:
    settings.BAILIWICK_BASE_URL = "https://portal.example"
    grant = approved(organisation, token, head=A)
    signed, keys = token_of(grant, grant.request), key_set()
    assert signed is not None
    claims = checked(signed, keys, issuer="https://portal.example")
    assert (claims["jti"], claims["dig"], claims["head"], claims["once"]) == (
        str(grant.pk), bytes(grant.digest).hex(), A, True,
    )  # fmt: skip
    with pytest.raises(jwt.InvalidIssuerError):
        checked(signed, keys, issuer="https://other.example")
    with pytest.raises(jwt.InvalidAudienceError):
        checked(signed, keys, issuer="https://portal.example", audience="another reader")
    forged = jwt.encode(
        claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": keys["keys"][0]["kid"]}
    )
    with pytest.raises(jwt.InvalidSignatureError):
        checked(forged, keys, issuer="https://portal.example")
    unsigned = ".".join(
        urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none", "kid": keys["keys"][0]["kid"]}, claims)
    )
    with pytest.raises(jwt.InvalidAlgorithmError):
        checked(f"{unsigned}.", keys, issuer="https://portal.example")


def test_r45_a_grant_is_no_credential(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token)
    signed = token_of(grant, grant.request)
    assert signed is not None
    assert post(signed, "/api/v1/checks", body_of("{}")).status_code == 401
    assert post(signed, f"/api/v1/agent/grants/{grant.pk}/outcome", {"outcome": "succeeded"}).status_code == 401


def test_r45_the_keys_are_public_and_hold_nothing_else(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token)
    keys = Client().get("/.well-known/jwks.json").json()
    assert all(set(key) == {"kty", "crv", "x", "use", "alg", "kid"} for key in keys["keys"])
    signed = token_of(grant, grant.request)
    assert signed is not None
    assert checked(signed, keys)["req"] == grant.request.label


def test_r46_a_crash_between_use_and_act_leaves_an_unknown_outcome(
    organisation: Organisation, token: str, super_connection: Super
) -> None:
    grant = approved(organisation, token)
    assert ask(token).granted  # and then the executor dies
    assert note_silence() == 0, "it may still be at work"
    super_connection.execute("UPDATE approvals_grant SET redeemed_at = redeemed_at - interval '15 minutes'")
    assert note_silence() == 1
    assert note_silence() == 0
    grant.refresh_from_db()
    assert (grant.state, grant.outcome) == (GrantState.REDEEMED, GrantOutcome.UNKNOWN)
    assert Entry.objects.get(type="approvals.grant.outcome").body["data"]["source"] == "silence"
    assert not ask(token).granted, "what may have happened is not done again on the same approval"
    # Whoever comes back and knows may say so, once.
    answer = post(token, f"/api/v1/agent/grants/{grant.pk}/outcome", {"outcome": "failed"})
    assert (answer.status_code, answer.json()["outcome"]) == (200, "failed")
    assert post(token, f"/api/v1/agent/grants/{grant.pk}/outcome", {"outcome": "succeeded"}).status_code == 409
    assert post(token, f"/api/v1/agent/grants/{grant.pk}/outcome", {"outcome": "failed"}).status_code == 200
    assert entries("grant.outcome") == 2


def test_r46_nobody_says_the_outcome_of_what_was_not_let_through_or_is_not_theirs(
    organisation: Organisation, token: str
) -> None:
    grant = approved(organisation, token)
    path = f"/api/v1/agent/grants/{grant.pk}/outcome"
    assert post(token, path, {"outcome": "succeeded"}).status_code == 409
    assert ask(token).granted
    other = credential_for(organisation, active_agent(organisation, "Other Refactorer"))
    assert post(other, path, {"outcome": "succeeded"}).status_code == 404
    assert post(token, path, {"outcome": "unknown"}).status_code == 400
    actor = Actor("agent", str(grant.agent_id), "")
    known = report_outcome(actor=actor, agent_id=grant.agent_id, grant_id=grant.pk, outcome=GrantOutcome.SUCCEEDED)
    assert known.outcome_at is not None
    assert known.outcome_at <= database_now()


@pytest.mark.parametrize("session", ["session-1/child", "session-1-sub", "agent-session-1", "SESSION-1", "session-1 "])
def test_r49_a_child_run_does_not_use_its_parents_approval(
    organisation: Organisation, token: str, session: str
) -> None:
    grant = approved(organisation, token)
    refused(ask(token, session_id=session), grant)


def test_r49_nor_does_a_parent_use_its_childs(organisation: Organisation, token: str) -> None:
    grant = approved(organisation, token, session_id="session-1/child")
    refused(ask(token), grant)
