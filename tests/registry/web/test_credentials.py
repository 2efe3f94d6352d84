"""The pages of credentials and trusts: a token in one answer only, a fresh proof first, and text that stays text."""

import json
import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django.fixtures import Settings

from registry.models import Agent, Credential, IssuerTrust
from registry.rules.kill import ScopeKind
from registry.services.credential import issue_credential, rotate_credential
from registry.services.kill import order_kill
from registry.services.trust import trust_issuer
from registry.web.exchange_snippets import exchange_lines, github_workflow
from tests.organisation import PASSWORD, Organisation
from tests.sign_in import sign_in

GITHUB = "https://token.actions.githubusercontent.com"
EVIL = "<script>alert(1)</script>'\"&{{7*7}}"
TOKEN = re.compile(r"bwa_\w+")


@pytest.fixture
def manager(client: Client, organisation: Organisation) -> Client:
    sign_in(client, organisation.manager)
    return client


@pytest.fixture
def home(agent: Agent) -> str:
    return f"/agents/{agent.slug}/"


def _issue(organisation: Organisation, agent: Agent, name: str = "ci", **more: Any) -> Credential:
    return issue_credential(actor=organisation.manager, agent=agent, name=name, days=30, **more)[0]


def _trust(organisation: Organisation, agent: Agent, name: str = "nightly", **claims: str) -> IssuerTrust:
    return trust_issuer(
        actor=organisation.manager,
        agent=agent,
        name=name,
        issuer=GITHUB,
        audience="https://portal.example",
        claims={"repository_id": "4711", **claims},
    )


def test_a_token_is_shown_in_one_answer_only(manager: Client, home: str) -> None:
    answer = manager.post(f"{home}credentials/", {"name": "laptop", "days": "7"})
    found = TOKEN.search(answer.content.decode())
    assert found is not None
    token = found.group()
    assert answer["Cache-Control"] == "no-store"
    assert token not in "".join(session.session_data for session in Session.objects.all())
    assert token not in json.dumps(dict(manager.session))
    assert token not in manager.get(f"{home}credentials/").content.decode()


def test_issuing_asks_for_a_fresh_proof_and_goes_on_after_it(
    client: Client, organisation: Organisation, agent: Agent, home: str
) -> None:
    client.force_login(organisation.manager)
    credential = _issue(organisation, agent)
    posts = {
        f"{home}credentials/": {"name": "laptop", "days": "7"},
        f"{home}credentials/{credential.pk}/rotate/": {"days": "7", "overlap_hours": "1"},
        f"{home}trusts/add/github/": {"name": "x", "audience": "y", "repository_id": "1"},
    }
    for path, body in posts.items():
        assert client.post(path, body)["Location"].startswith("/accounts/reauthenticate/"), path
    assert (Credential.objects.count(), IssuerTrust.objects.count()) == (1, 0)
    confirm = client.post(f"{home}credentials/", {"name": "laptop", "days": "7"})["Location"]
    done = client.post(confirm, {"password": PASSWORD, "next": f"{home}credentials/"})
    assert TOKEN.search(done.content.decode())


def test_the_form_keeps_what_was_typed(manager: Client, organisation: Organisation, agent: Agent, home: str) -> None:
    body = {"name": "laptop", "days": "365", "repositories": "acme/payments\n*/*"}
    answer = manager.post(f"{home}credentials/", body)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert 'value="365"' in text
    assert "acme/payments\n*/*" in text
    assert "*/*: " in text, "the line at fault is named"
    assert '<details class="section flow" open>' in text
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="a drill")
    stopped = manager.post(f"{home}credentials/", {"name": "laptop", "days": "7"})
    assert stopped.status_code == 409
    assert b"is stopped" in stopped.content
    assert not Credential.objects.exists()


def test_an_entry_that_can_never_match_is_named_and_taken_if_wanted(manager: Client, home: str) -> None:
    body = {"name": "laptop", "days": "7", "repositories": "acme/payments\nacme/other"}
    answer = manager.post(f"{home}credentials/", body)
    assert answer.status_code == 422
    assert b"acme/other can never match" in answer.content
    assert b"acme/payments can never match" not in answer.content
    assert not Credential.objects.exists()
    assert manager.post(f"{home}credentials/", {**body, "anyway": "on"}).status_code == 200
    assert Credential.objects.get().scope == {"scope": {"repositories": ["acme/payments", "acme/other"]}}
    assert b"acme/other" in manager.get(f"{home}credentials/").content


def test_rotating_shows_the_new_token_and_both_in_the_list(
    manager: Client, organisation: Organisation, agent: Agent, home: str
) -> None:
    old = _issue(organisation, agent)
    path = f"{home}credentials/{old.pk}/rotate/"
    assert manager.get(path).status_code == 200
    assert manager.post(path, {"days": "30", "overlap_hours": "9999"}).status_code == 422
    answer = manager.post(path, {"days": "30", "overlap_hours": "2"})
    assert TOKEN.search(answer.content.decode())
    assert answer["Cache-Control"] == "no-store"
    listed = manager.get(f"{home}credentials/").content.decode()
    new = Credential.objects.get(replaces=old)
    assert f"replaced by <code>{new.prefix}" in listed
    assert f"in place of <code>{old.prefix}" in listed
    again = manager.get(path)
    assert b"It cannot be rotated" in again.content
    assert manager.post(path, {"days": "30", "overlap_hours": "2"}).status_code == 409


def test_revoking_takes_two_clicks(manager: Client, organisation: Organisation, agent: Agent, home: str) -> None:
    credential = _issue(organisation, agent)
    path = f"{home}credentials/{credential.pk}/revoke/"
    manager.get(path)
    credential.refresh_from_db()
    assert credential.revoked_at is None
    assert manager.post(path).status_code == 302
    credential.refresh_from_db()
    assert credential.revoked_at is not None


def test_revoking_all_says_how_many_first(manager: Client, organisation: Organisation, agent: Agent, home: str) -> None:
    for name in ("one", "two"):
        _issue(organisation, agent, name)
    _trust(organisation, agent)
    asked = manager.get(f"{home}credentials/revoke/").content.decode()
    assert "2 issued credentials" in asked
    assert "no exchanged credentials" in asked
    assert "1 trust" in asked
    done = manager.post(f"{home}credentials/revoke/", {"trusts": "on"}, follow=True)
    assert b"2 credentials and 1 trust revoked" in done.content
    assert not Credential.objects.filter(revoked_at=None).exists()
    assert IssuerTrust.objects.get().revoked_at is not None
    assert b"Nothing to revoke" in manager.get(f"{home}credentials/revoke/").content


def test_what_ends_soon_is_said_at_the_top(
    manager: Client, organisation: Organisation, agent: Agent, home: str
) -> None:
    assert b"Ending within a week" not in manager.get(f"{home}credentials/").content
    issue_credential(actor=organisation.manager, agent=agent, name="brief", days=3)
    assert b"Ending within a week" in manager.get(f"{home}credentials/").content


def test_a_trust_is_added_shown_with_its_workflow_and_revoked(manager: Client, agent: Agent, home: str) -> None:
    body = {
        "name": "nightly",
        "audience": "https://portal.example/a b",
        "repository_id": "4711",
        "more": "ref_type=branch",
    }
    added = manager.post(f"{home}trusts/add/github/", body)
    trust = IssuerTrust.objects.get()
    assert added["Location"] == f"{home}trusts/{trust.pk}/"
    assert trust.claims == {"repository_id": "4711", "ref_type": "branch"}
    page = manager.get(added["Location"]).content.decode()
    assert "id-token: write" in page
    assert "audience=https%3A%2F%2Fportal.example%2Fa%20b" in page
    assert f"agent={agent.slug}" in page
    assert b"repository_id=4711" in manager.get(f"{home}credentials/").content
    again = manager.post(f"{home}trusts/add/github/", body)
    assert again.status_code == 409
    assert manager.post(f"{home}trusts/{trust.pk}/revoke/").status_code == 302
    assert b"Revoked" in manager.get(added["Location"]).content


@pytest.mark.parametrize(
    ("issuer", "body", "words"),
    [
        ("github", {}, b"This field is required"),
        ("github", {"repository_id": "acme/payments"}, b"must be the number that GitHub gives"),
        ("github", {"repository_id": "1", "ref": "refs/heads/*"}, b"is compared as exact text"),
        ("github", {"repository_id": "1", "more": "nonsense"}, b"write name=value"),
        ("github", {"repository_id": "1", "more": "repository_id=2"}, b"is given twice"),
        ("github", {"repository_id": "1", "more": "aud=x"}, b"is not a claim"),
        ("cursor", {}, b"must name at least one of sub, team_id, cloud_agent_id"),
        ("acme", {"more": ""}, b"This field is required"),
        ("acme", {"more": "exp=1"}, b"is not the name of a claim"),
    ],
)
def test_a_trust_that_is_too_wide_or_wrong_is_refused_with_what_was_typed(  # noqa: PLR0917 (fixtures)
    manager: Client, home: str, settings: Settings, issuer: str, body: dict[str, str], words: bytes
) -> None:
    settings.BAILIWICK_OIDC_ISSUERS = ["acme=https://id.acme.example=https://id.acme.example/keys"]
    answer = manager.post(f"{home}trusts/add/{issuer}/", {"name": "my trust", "audience": "x", **body})
    assert answer.status_code == 422
    assert words in answer.content
    assert b'value="my trust"' in answer.content
    assert not IssuerTrust.objects.exists()


def test_an_issuer_that_the_portal_does_not_know(
    manager: Client, organisation: Organisation, agent: Agent, home: str
) -> None:
    assert manager.get(f"{home}trusts/add/evil/").status_code == 404
    trust = _trust(organisation, agent)
    IssuerTrust.objects.filter(pk=trust.pk).update(issuer="https://gone.example")
    assert b"no longer known" in manager.get(f"{home}credentials/").content
    assert b"not known any more" in manager.get(f"{home}trusts/{trust.pk}/").content


def test_text_stays_text(manager: Client, organisation: Organisation, agent: Agent, home: str) -> None:
    credential = _issue(organisation, agent, EVIL)
    rotate_credential(actor=organisation.manager, agent=agent, credential_id=credential.pk, days=1, overlap_hours=1)
    trust = _trust(organisation, agent, EVIL, environment=EVIL.replace("*", ""))
    for path in (
        "credentials/",
        "credentials/revoke/",
        f"credentials/{credential.pk}/rotate/",
        f"credentials/{credential.pk}/revoke/",
        f"trusts/{trust.pk}/",
        f"trusts/{trust.pk}/revoke/",
    ):
        assert "<script>alert" not in manager.get(home + path).content.decode(), path


@pytest.mark.parametrize(("who", "status"), [("member", 403), ("security", 403), ("auditor", 403), ("outsider", 404)])
def test_acts_are_refused_by_post_too(  # noqa: PLR0917 (fixtures)
    client: Client, organisation: Organisation, agent: Agent, home: str, who: str, status: int
) -> None:
    credential, trust = _issue(organisation, agent), _trust(organisation, agent)
    sign_in(client, organisation.people[who])
    for path in (
        "credentials/",
        "credentials/revoke/",
        f"credentials/{credential.pk}/rotate/",
        "trusts/add/github/",
        f"trusts/{trust.pk}/revoke/",
    ):
        body = {"name": "x", "days": "1", "overlap_hours": "0", "audience": "x", "repository_id": "1"}
        assert client.post(home + path, body).status_code == status, path
    assert (Credential.objects.get().revoked_at, IssuerTrust.objects.get().revoked_at) == (None, None)


def test_the_lines_to_copy_quote_what_a_shell_would_read() -> None:
    lines = exchange_lines(base_url="https://portal.example/$(x)", agent="payments-refactorer")
    assert "'https://portal.example/$(x)/api/v1/token'" in lines
    text = github_workflow(base_url="https://portal.example", agent="a", audience='x"; rm -rf "$HOME')
    assert "audience=x%22%3B%20rm%20-rf%20%22%24HOME" in text
    assert text.index("::add-mask::") < text.index("GITHUB_ENV")


def test_a_stopped_agent_is_offered_no_new_credential(
    manager: Client, organisation: Organisation, agent: Agent, home: str
) -> None:
    _issue(organisation, agent)
    assert ">Rotate<" in manager.get(f"{home}credentials/").content.decode()
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It pushed to main.")
    text = manager.get(f"{home}credentials/").content.decode()
    assert "No credential is issued now" in text
    assert ">Rotate<" not in text
    assert ">Revoke<" in text
