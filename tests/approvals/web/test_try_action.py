"""Trying an action: by call, by name and from the catalogue, under a policy in force and one being typed."""

from html import unescape

import pytest
from django.test import Client

from registry.models import Agent, PolicyRevision
from registry.web.policy_forms import PolicyForm, ScopeForm, TiersForm
from tests.approvals.levels import baseline
from tests.approvals.web.test_pages import HTMX, browser_of, text_of
from tests.organisation import Organisation, draft_agent, policy_document

pytestmark = pytest.mark.django_db(transaction=True)


def tried(client: Client, address: str, **body: str) -> str:
    answer = client.post(address, body, headers=HTMX)
    assert answer.status_code == 200
    return " ".join(text_of(answer).split())


def test_trying_an_action_of_the_catalogue(organisation: Organisation, agent: Agent) -> None:
    """Picked, named or pasted; each rule says whose it is, and the organisation's own actions are there."""
    release = {"label": "Release", "reversibility": "irreversible", "tier": "gated", "explain": "Out it goes."}
    baseline(organisation, {"actions": {"acme.release": {**release, "tools": ["mcp__acme__release"]}}})
    baseline(organisation, {"tiers": {"read": "gated"}}, organisation.payments)
    client, address = browser_of(organisation.member), f"/approvals/try/{agent.slug}/"
    assert "acme.release" in client.get(address).content.decode()
    picked = tried(client, address, tool="picked", action="read", path="README.md", repository="acme/payments")
    assert "Sent for review" in picked
    assert "Says the team's policy" in picked
    assert "Release" in tried(client, address, tool="named", text="mcp__acme__release", repository="acme/payments")
    pasted = '{"tool_name": "Bash", "tool_input": {"command": "cat .env"}}'
    assert "Denied" in tried(client, address, tool="pasted", text=pasted)
    for nonsense in (
        {"tool": "picked"},
        {"tool": "Bash"},
        {"tool": "pasted", "text": "{"},
        {"tool": "pasted", "text": "[]"},
    ):
        assert client.post(address, nonsense, headers=HTMX).status_code == 422


def test_trying_an_action_under_what_is_typed(organisation: Organisation, agent: Agent) -> None:
    """With htmx the fields of the policy form come along; without, the page carries what was typed as a document."""
    typed = PolicyForm.over({**policy_document(), "tiers": {"read": "forbidden"}}, typed=True).data
    client, address = browser_of(organisation.manager), f"/approvals/try/{agent.slug}/policy/"
    question = {"try-tool": "Bash", "try-text": "git status", "try-repository": "acme/payments"}
    assert "Denied" in tried(client, address, **typed, **question)
    assert "Allowed" in tried(client, f"/approvals/try/{agent.slug}/", tool="Bash", text="git status")
    page = client.post(address, dict(typed))
    assert page.status_code == 200
    part = page.content.decode().partition('class="try"')[2].partition("</main>")[0]
    assert part
    assert 'role="status"' not in part
    document = unescape(page.content.decode().partition('name="typed-document" value="')[2].partition('"')[0])
    answer = client.post(address, {**question, "typed-document": document})
    assert "Denied" in text_of(answer)
    assert unescape(answer.content.decode()).count(document) == 1
    assert client.post(address, {"typed-document": "{"}).status_code == 400
    assert client.post(f"/approvals/try/{agent.slug}/nonsense/").status_code == 404
    assert PolicyRevision.objects.count() == 1


@pytest.mark.parametrize("part", ["scope", "tiers"])
def test_trying_an_action_while_registering(organisation: Organisation, part: str) -> None:
    """The step's own fields over what the draft holds; what cannot be read is left out and said."""
    draft = draft_agent(organisation, "Not Yet")
    whole = {**policy_document(repositories=["acme/web"]), "tiers": {"read": "gated"}}
    form = {"scope": ScopeForm, "tiers": TiersForm}[part].over(whole, typed=True)
    question = {"try-tool": "Bash", "try-text": "git status", "try-repository": "acme/payments"}
    address = f"/approvals/try/{draft.slug}/{part}/"
    client = browser_of(organisation.manager)
    assert ("Denied" if part == "scope" else "Sent for review") in tried(client, address, **form.data, **question)
    if part == "scope":
        wrong = {**form.data, "repositories": "acme/payments\nnot a name at all"}
        assert "1 entry in the policy must be corrected" in tried(client, address, **wrong, **question)
