"""Attacks on the exchange of outside tokens, against a real issuer: forged, stolen, replayed, late, and too many."""

import base64
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections, transaction
from django.test import Client
from pytest_django.fixtures import Settings

from approvals.selectors.standing import caller_standing
from portal.errors import PortalError, Unavailable
from portal.identity.rules.tokens import digest
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import disclose
from registry.models import Agent, Credential, ExchangedToken, Finding, IssuerTrust, KillState
from registry.rules.kill import ScopeKind
from registry.selectors.credentials import known_issuers
from registry.services import issuer_keys, outside_token
from registry.services.credential import AgentHalted
from registry.services.exchange import exchange, forget_expired
from registry.services.kill import order_kill
from registry.services.lifecycle import retire_agent, suspend_agent
from registry.services.outside_token import TokenRefused
from registry.services.trust import revoke_trust, trust_issuer
from tests.issuer import AUDIENCE, CLAIMS, GITHUB, TestIssuer, issuer, served, trust, tunnel
from tests.organisation import Organisation, active_agent, credential_for, policy_document
from tests.registry.ledgering import types

__all__ = ["issuer", "served", "trust"]

pytestmark = pytest.mark.django_db


def _trust(organisation: Organisation, agent: Agent, **claims: str) -> IssuerTrust:
    return trust_issuer(
        actor=organisation.manager, agent=agent, name="nightly", issuer=GITHUB, audience=AUDIENCE, claims=claims
    )


def _refused(agent: Agent, token: str) -> str:
    """The reason for which a token is refused; nothing is left behind but the record."""
    before = Credential.objects.count()
    with pytest.raises(TokenRefused) as caught:
        exchange(agent_reference=agent.slug, token=token)
    assert Credential.objects.count() == before
    return caught.value.reason


def _entries() -> list[dict[str, Any]]:
    found = Entry.objects.filter(type="registry.token.refused").order_by("id")
    return [entry.body["data"] for entry in found]


def test_a_good_token_buys_fifteen_minutes_in_its_repository(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent
) -> None:
    credential, token = exchange(agent_reference=agent.slug, token=issuer.token())
    assert (credential.expires_at - credential.created_at).total_seconds() == 900
    assert credential.scope == {"scope": {"repositories": ["acme/payments#4711"]}}
    assert (credential.kind, credential.trust_id) == ("exchanged", trust.pk)
    assert credential.created_by_id == trust.created_by_id
    assert credential.claims == {name: CLAIMS[name] for name in credential.claims}
    assert {"repository_id", "run_id", "actor", "ref", "workflow"} <= set(credential.claims)
    standing = caller_standing(digest(token))
    assert standing is not None
    assert (standing.agent_id, standing.credential_ok) == (agent.pk, True)
    entry = Entry.objects.get(type="registry.token.exchanged")
    assert "octocat" not in bytes(entry.bytes).decode()
    assert disclose(entry)["personal_claims"]["actor"] == "octocat"
    assert entry.body["data"]["claims"]["repository_id"] == "4711"
    trust.refresh_from_db()
    assert trust.last_used_at is not None


def _new(one: TestIssuer) -> str:
    """A key that is made and not published."""
    published = [key["kid"] for key in one.published]
    one.publish("stranger")
    one.publish(*published)
    return "stranger"


def _by_stranger(one: TestIssuer, kid: str) -> str:
    return one.token(kid=kid, signed_by=_new(one))


def _changed(one: TestIssuer) -> str:
    head, _, signature = one.token().split(".")
    return f"{head}.{one.token().split('.')[1]}.{signature}"


HOUR = 3600
FORGERIES: dict[str, tuple[Callable[[TestIssuer], str], str]] = {
    "another issuer": (lambda one: one.token(iss="https://evil.example"), "issuer"),
    "an issuer with a tail": (lambda one: one.token(iss=f"{GITHUB}/acme"), "issuer"),
    "another audience": (lambda one: one.token(aud="https://github.com/acme"), "audience"),
    "no audience": (lambda one: one.token(aud=None), "claims"),
    "two audiences": (lambda one: one.token(aud=[AUDIENCE, "https://other.example"]), "audience"),
    "an audience in other case": (lambda one: one.token(aud=AUDIENCE.upper()), "audience"),
    "the same name, another repository": (lambda one: one.token(repository_id="4712"), "claims-differ"),
    "an id with a zero before it": (lambda one: one.token(repository_id="04711"), "claims-differ"),
    "an id in a list": (lambda one: one.token(repository_id=["4711"]), "claims-differ"),
    "no id": (lambda one: one.token(repository_id=None), "claims-differ"),
    "another environment": (lambda one: one.token(environment="Staging"), "claims-differ"),
    "no environment": (lambda one: one.token(environment=None), "claims-differ"),
    "expired": (lambda one: one.token(exp=int(time.time()) - 61), "expired"),
    "issued in the future": (lambda one: one.token(iat=int(time.time()) + 120), "not-yet"),
    "valid in the future": (lambda one: one.token(nbf=int(time.time()) + 120), "not-yet"),
    "issued long ago": (lambda one: one.token(iat=int(time.time()) - HOUR, exp=int(time.time()) + HOUR), "too-old"),
    "no expiry": (lambda one: one.token(exp=None), "claims"),
    "no date": (lambda one: one.token(iat=None), "claims"),
    "a date as text": (lambda one: one.token(exp=str(int(time.time()) + 60)), "claims"),
    "an endless date": (lambda one: one.token(iat=1e300), "claims"),
    "alg none": (lambda one: one.forged({"alg": "none", "kid": "one"}), "algorithm"),
    "alg None": (lambda one: one.forged({"alg": "None", "kid": "one"}), "algorithm"),
    "the public key as a secret": (
        lambda one: one.forged({"alg": "HS256", "kid": "one"}, secret=one.public_pem()),
        "algorithm",
    ),
    "another algorithm than the key's": (lambda one: one.forged({"alg": "ES256", "kid": "one"}, b"x" * 64), "key"),
    "an unknown key": (lambda one: _by_stranger(one, "two"), "key"),
    "no key named": (lambda one: one.forged({"alg": "RS256"}, b"x" * 256), "key"),
    "a key in the header": (
        lambda one: one.token(header={"jwk": one.public("one"), "jku": "https://evil.example"}, signed_by=_new(one)),
        "signature",
    ),
    "a critical extension": (lambda one: one.token(header={"crit": ["b64"], "b64": True}), "algorithm"),
    "somebody else's signature": (lambda one: one.token(signed_by=_new(one)), "signature"),
    "a changed claim": (_changed, "signature"),
    "no signature": (lambda one: one.token().rpartition(".")[0] + ".", "signature"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_token_that_is_not_good_buys_nothing_and_is_recorded(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, name: str
) -> None:
    make, reason = FORGERIES[name]
    assert _refused(agent, make(issuer)) == reason
    if reason in {"issuer", "unreadable"}:
        assert _entries() == [], "it is not a token of an issuer that the agent trusts"
        return
    (entry,) = _entries()
    assert entry["reason"] == reason
    if not entry["verified"]:
        assert entry["claims"] == {}, "what a stranger wrote is not kept"
    # What was refused is not used up.
    exchange(agent_reference=agent.slug, token=issuer.token())


@pytest.mark.parametrize(
    "text", ["", "a.b", "a.b.c.d", "x" * 20_000, "é.é.é", "a b.c.d", "\0", "e30.e30.", "bnVsbA.bnVsbA.x"]
)
def test_what_is_no_token_is_refused(issuer: TestIssuer, trust: IssuerTrust, agent: Agent, text: str) -> None:
    with pytest.raises(PortalError) as caught:
        exchange(agent_reference=agent.slug, token=text)
    assert caught.value.status == 400
    assert issuer.asked == []


def test_a_claim_given_twice_is_no_token(issuer: TestIssuer, trust: IssuerTrust, agent: Agent) -> None:
    head, payload, _ = issuer.token().split(".")
    doubled = json.dumps(CLAIMS)[:-1] + f', "iss": "{GITHUB}", "iss": "https://evil.example"}}'
    token = f"{head}.{base64.urlsafe_b64encode(doubled.encode()).rstrip(b'=').decode()}.{payload}"
    assert _refused(agent, token) == "unreadable"


def test_a_token_is_exchanged_once(issuer: TestIssuer, trust: IssuerTrust, agent: Agent) -> None:
    token = issuer.token()
    exchange(agent_reference=agent.slug, token=token)
    assert _refused(agent, token) == "replayed"
    # The same again in other words: signed anew, it is still the token of that id.
    jti = outside_token.read_token(token).claims["jti"]
    assert _refused(agent, issuer.token(jti=jti)) == "replayed"


def test_without_an_id_the_token_itself_is_remembered(issuer: TestIssuer, trust: IssuerTrust, agent: Agent) -> None:
    issuer.publish("curve", curve=True)
    token = issuer.token(kid="curve", jti=None)
    exchange(agent_reference=agent.slug, token=token)
    assert _refused(agent, token) == "replayed"
    # An ECDSA signature has a second form (r, n - s) that fits the same words.
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    signed, _, text = token.rpartition(".")
    raw = base64.urlsafe_b64decode(text + "==")
    other = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    twin = f"{signed}.{base64.urlsafe_b64encode(other).rstrip(b'=').decode()}"
    assert twin != token
    assert _refused(agent, twin) == "replayed"


def test_used_tokens_are_forgotten_when_they_could_not_be_used_again(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent
) -> None:
    exchange(agent_reference=agent.slug, token=issuer.token())
    assert forget_expired() == 0
    used = ExchangedToken.objects.get()
    assert used.expires_at.timestamp() >= time.time() + 300
    ExchangedToken.objects.update(expires_at="2020-01-01T00:00Z")
    assert forget_expired() == 1


def test_an_agent_that_trusts_nobody_and_one_that_is_not_there_answer_alike(
    issuer: TestIssuer, agent: Agent, organisation: Organisation
) -> None:
    other = active_agent(organisation, "Docs Writer")
    _trust(organisation, other, repository_id="1")
    answers = set()
    for reference in (agent.slug, str(agent.pk), "nobody", "../x", "\0", other.slug):
        with pytest.raises(TokenRefused) as caught:
            exchange(agent_reference=reference, token=issuer.token())
        answers.add(caught.value.detail)
    assert len(answers) == 1
    assert len(issuer.asked) == 1, "only the agent that trusts somebody is worth a request"


def test_a_token_of_one_agent_buys_nothing_of_another(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, organisation: Organisation
) -> None:
    other = active_agent(organisation, "Docs Writer")
    _trust(organisation, other, repository_id="4712")
    assert _refused(other, issuer.token()) == "claims-differ"
    assert _entries()[-1]["differing"] == ["repository_id"]


def test_a_revoked_trust_buys_nothing(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, organisation: Organisation
) -> None:
    revoke_trust(actor=organisation.manager, agent=agent, trust_id=trust.pk)
    assert _refused(agent, issuer.token()) == "revoked"
    assert _entries()[-1]["trust"] == str(trust.pk)
    again = _trust(organisation, agent, repository_id="4711", environment="staging")
    assert exchange(agent_reference=agent.slug, token=issuer.token())[0].trust_id == again.pk


@pytest.mark.parametrize("kind", [ScopeKind.ALL, ScopeKind.TEAM, ScopeKind.AGENT])
def test_a_stopped_agent_buys_nothing_and_is_flagged_once(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, organisation: Organisation, kind: ScopeKind
) -> None:
    scope_id = {ScopeKind.ALL: None, ScopeKind.TEAM: organisation.payments.pk, ScopeKind.AGENT: agent.pk}[kind]
    order_kill(actor=organisation.security, kind=kind, scope_id=scope_id, reason="It pushed at night.")
    token = issuer.token()
    for _ in range(2):
        with pytest.raises(AgentHalted):
            exchange(agent_reference=agent.slug, token=token)
    assert not Credential.objects.exists()
    assert [entry["reason"] for entry in _entries()] == ["halted", "halted"]
    finding = Finding.objects.get(kind="exchange_while_stopped")
    assert finding.agent_id == agent.pk
    assert finding.entry_id is not None
    assert Entry.objects.get(id=finding.entry_id).type == "registry.token.refused"
    assert types().count("registry.finding.noticed") == 1


def test_switched_off_nothing_is_exchanged_and_nobody_is_asked(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, settings: Settings
) -> None:
    settings.BAILIWICK_OIDC_EXCHANGE = False
    with pytest.raises(PortalError) as caught:
        exchange(agent_reference=agent.slug, token=issuer.token())
    assert (caught.value.status, issuer.asked) == (403, [])


# -- the issuer's keys ------------------------------------------------------------------------------------


def _kept_as(what: str) -> str:
    """The name in the shared cache of something kept of GitHub."""
    return issuer_keys._name(what, known_issuers()[GITHUB])


def _a_minute_passes() -> None:
    cache.delete(_kept_as("oidc-turn"))


def test_keys_are_read_once_and_kept(issuer: TestIssuer, trust: IssuerTrust, agent: Agent) -> None:
    for _ in range(3):
        exchange(agent_reference=agent.slug, token=issuer.token())
    assert issuer.asked == ["/jwks"]


def test_a_new_key_is_found_and_a_withdrawn_one_is_gone(issuer: TestIssuer, trust: IssuerTrust, agent: Agent) -> None:
    exchange(agent_reference=agent.slug, token=issuer.token())
    issuer.publish("two")
    _a_minute_passes()
    exchange(agent_reference=agent.slug, token=issuer.token(kid="two"))
    assert _refused(agent, issuer.token(kid="one")) == "key"
    assert len(issuer.asked) == 2


def test_a_flood_of_unknown_keys_is_one_request_a_minute(issuer: TestIssuer, trust: IssuerTrust, agent: Agent) -> None:
    for number in range(40):
        assert _refused(agent, _by_stranger(issuer, f"flood-{number}")) == "key"
    assert len(issuer.asked) == 1
    assert len(_entries()) == 1, "nor does it fill the record"
    exchange(agent_reference=agent.slug, token=issuer.token())
    _a_minute_passes()
    assert _refused(agent, _by_stranger(issuer, "flood")) == "key"
    assert len(issuer.asked) == 2


BROKEN: dict[str, tuple[int, dict[str, str], bytes]] = {
    "down": (503, {}, b""),
    "huge": (200, {}, b"[" + b" " * (300 * 1024) + b"]"),
    "huge by its own word": (200, {"Content-Length": "99999999999"}, b"{}"),
    "a redirect": (302, {"Location": "https://evil.example/jwks"}, b""),
    "no JSON": (200, {}, b"<html>"),
    "another document": (200, {}, b'{"keys": 7}'),
    "no usable key": (200, {}, b'{"keys": [{"kty": "oct", "kid": "one", "k": "c2VjcmV0"}]}'),
    "too many keys": (200, {}, json.dumps({"keys": [{}] * 101}).encode()),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_without_keys_nothing_is_exchanged(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.answer = BROKEN[fault]
    for _ in range(2):
        with pytest.raises(Unavailable):
            exchange(agent_reference=agent.slug, token=issuer.token())
    assert len(issuer.asked) == 1
    assert "its tokens are refused" in caplog.text
    issuer.answer = None
    _a_minute_passes()
    exchange(agent_reference=agent.slug, token=issuer.token())


@pytest.mark.parametrize("fault", ["down", "huge", "a redirect"])
def test_the_last_keys_serve_while_the_issuer_cannot_be_read(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    exchange(agent_reference=agent.slug, token=issuer.token())
    name = _kept_as("oidc-keys")
    kept = cache.get(name)
    cache.set(name, {**kept, "read_at": kept["read_at"] - 2 * HOUR}, HOUR)
    _a_minute_passes()
    issuer.answer = BROKEN[fault]
    exchange(agent_reference=agent.slug, token=issuer.token())
    assert len(issuer.asked) == 2, "they were old, so it was asked"
    assert "its last keys are used" in caplog.text
    assert _refused(agent, _by_stranger(issuer, "two")) == "key"


def test_keys_that_are_not_fit_are_not_used(issuer: TestIssuer, trust: IssuerTrust, agent: Agent) -> None:
    good = issuer.public("one")
    issuer.published = [good, {**issuer.public(_new(issuer)), "kid": "one"}, {**good, "kid": "other"}]
    assert _refused(agent, issuer.token()) == "key", "two keys of one name"
    for change in ({"use": "enc"}, {"alg": "RS512"}, {"kty": "oct"}, {"d": "c2VjcmV0"}, {"n": "AQAB"}, {"kid": 7}):
        cache.clear()
        issuer.published = [{**good, **change}, {**good, "kid": "other"}]
        assert _refused(agent, issuer.token()) == "key", change


def test_a_certificate_of_nobody_is_not_believed(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, settings: Settings
) -> None:
    settings.BAILIWICK_OIDC_CA_FILE = ""
    with pytest.raises(Unavailable):
        exchange(agent_reference=agent.slug, token=issuer.token())
    assert issuer.asked == []


def test_an_issuer_that_never_ends_is_cut_off(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "SECONDS_TO_ANSWER", 0.3)
    issuer.slow = 1.0
    with pytest.raises(Unavailable):
        exchange(agent_reference=agent.slug, token=issuer.token())


# -- races ------------------------------------------------------------------------------------------------


def _at_once(*acts: Callable[[], object]) -> list[object]:
    """What threads get that begin together: the value, or the refusal."""
    together = threading.Barrier(len(acts))
    found: list[object] = []

    def run(act: Callable[[], object]) -> None:
        try:
            together.wait(60)
            found.append(act())
        except PortalError as error:
            found.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for one in threads:
        one.start()
    for one in threads:
        one.join(90)
    assert len(found) == len(acts)
    return found


@pytest.mark.django_db(transaction=True)
def test_of_two_exchanges_of_one_token_at_once_one_wins(issuer: TestIssuer, trust: IssuerTrust, agent: Agent) -> None:
    token = issuer.token()
    found = _at_once(*[lambda: exchange(agent_reference=agent.slug, token=token)] * 6)
    refused = [one for one in found if isinstance(one, TokenRefused)]
    assert [one.reason for one in refused] == ["replayed"] * 5
    assert Credential.objects.count() == 1
    assert types().count("registry.token.exchanged") == 1
    assert [entry["reason"] for entry in _entries()] == ["replayed"] * 5


@pytest.mark.django_db(transaction=True)
def test_many_that_need_the_keys_at_once_read_them_once(issuer: TestIssuer, trust: IssuerTrust, agent: Agent) -> None:
    issuer.slow = 0.3
    tokens = [issuer.token() for _ in range(6)]
    found = _at_once(*[lambda: exchange(agent_reference=agent.slug, token=tokens.pop())] * 6)
    assert [one for one in found if isinstance(one, PortalError)] == []
    assert issuer.asked == ["/jwks"]


@pytest.mark.django_db(transaction=True)
def test_an_exchange_and_a_stop_at_once_leave_no_way_around_the_stop(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, organisation: Organisation
) -> None:
    """Whoever comes first, what the exchange gave is of no use once the stop is there."""
    _at_once(
        lambda: exchange(agent_reference=agent.slug, token=issuer.token()),
        lambda: order_kill(actor=organisation.security, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="a drill"),
    )
    for credential in Credential.objects.all():
        standing = caller_standing(bytes(credential.digest))
        assert standing is not None
        assert standing.stopped_by


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stopped_before", [True, False], ids=["stopped before", "never stopped"])
def test_a_stop_that_has_looked_for_credentials_already_still_gets_this_one(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, organisation: Organisation, stopped_before: bool
) -> None:
    """The stop has revoked what it found and is about to commit when the exchange is made: both cannot be missed."""
    key = f"agent:{agent.pk}"
    if stopped_before:
        KillState.objects.create(key=key, epoch=2)
    looked, exchanged = threading.Event(), threading.Event()

    def stop() -> None:
        with transaction.atomic():
            KillState.objects.bulk_create([KillState(key=key)], ignore_conflicts=True)
            KillState.objects.filter(key=key).update(stopped=True, epoch=3)
            assert not Credential.objects.filter(agent=agent, revoked_at=None).exists()
            looked.set()
            # The exchange has committed its credential and waits for us.
            exchanged.wait(60)

    def trade() -> object:
        looked.wait(60)
        return exchange(agent_reference=agent.slug, token=issuer.token())

    def release() -> None:
        while not Credential.objects.exists():
            time.sleep(0.02)
        exchanged.set()

    found = _at_once(stop, trade, release)
    assert [type(one) for one in found if one is not None] == [AgentHalted]
    assert Credential.objects.get().revoked_at is not None
    assert types().count("registry.credential.revoked") == 1
    assert Finding.objects.get().kind == "exchange_while_stopped"


# -- what the credential is good for ----------------------------------------------------------------------


def _check(client: Client, token: str, **stated: str) -> dict[str, Any]:
    call = {"schema": "1", "session": "s", "tool": "Read", "input": {"file_path": "/r/src/a.py"}, "cwd": "/r"}
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post("/api/v1/checks", {**call, **stated}, content_type="application/json", headers=headers)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.django_db(transaction=True)
def test_the_credential_is_good_in_the_tokens_repository_alone(
    client: Client, issuer: TestIssuer, organisation: Organisation
) -> None:
    wide = active_agent(organisation, "Wide Agent", policy_document(repositories=["acme/*"]))
    _trust(organisation, wide, repository_id="4711")
    _, token = exchange(agent_reference=wide.slug, token=issuer.token())
    own = credential_for(organisation, wide)
    asked = (("acme/payments", "4711"), ("acme/payments", "1"), ("acme/other", "2"), ("acme/renamed", "4711"))
    outcomes = {
        (holder, *stated): _check(client, held, repository=stated[0], repository_id=stated[1])["outcome"]
        for holder, held in (("exchanged", token), ("own", own))
        for stated in asked
    }
    assert outcomes == {
        ("exchanged", "acme/payments", "4711"): "allow",
        ("exchanged", "acme/payments", "1"): "deny",
        ("exchanged", "acme/other", "2"): "deny",
        ("exchanged", "acme/renamed", "4711"): "allow",
        ("own", "acme/payments", "4711"): "allow",
        ("own", "acme/payments", "1"): "allow",
        ("own", "acme/other", "2"): "allow",
        ("own", "acme/renamed", "4711"): "allow",
    }


@pytest.mark.parametrize("end", [suspend_agent, retire_agent])
def test_an_agent_that_has_ended_buys_nothing(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, organisation: Organisation, end: Callable[..., Agent]
) -> None:
    end(actor=organisation.manager, agent=agent, reason="It is no longer needed.")
    with pytest.raises(AgentHalted):
        exchange(agent_reference=agent.slug, token=issuer.token())
    assert not Credential.objects.exists()
    assert [entry["reason"] for entry in _entries()] == ["halted"]
    assert Finding.objects.filter(kind="exchange_while_stopped").exists()


def test_the_keys_are_read_through_the_operators_proxy_and_no_other(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    exchange(agent_reference=agent.slug, token=issuer.token())
    cache.clear()
    with tunnel() as (address, asked):
        settings.BAILIWICK_OIDC_PROXY = address
        exchange(agent_reference=agent.slug, token=issuer.token())
    assert asked == [f"127.0.0.1:{issuer.port}"]


@pytest.mark.django_db(transaction=True)
def test_the_keys_are_kept_for_every_process_in_the_database(
    issuer: TestIssuer, trust: IssuerTrust, agent: Agent, settings: Settings
) -> None:
    settings.CACHES = {"default": {"BACKEND": "portal.identity.shared_cache.TableCache", "LOCATION": "identity_cache"}}
    cache.clear()
    issuer.slow = 0.2
    tokens = [issuer.token() for _ in range(4)]
    found = _at_once(*[lambda: exchange(agent_reference=agent.slug, token=tokens.pop())] * 4)
    assert [one for one in found if isinstance(one, PortalError)] == []
    assert _refused(agent, _by_stranger(issuer, "two")) == "key"
    assert issuer.asked == ["/jwks"]
    cache.clear()
