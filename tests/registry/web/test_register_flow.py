"""Registering and changing a policy through the forms: each step keeps what was typed, right or wrong."""

import re
from html import unescape

import pytest
from django.test import Client

from registry.models import Agent
from registry.selectors.agents import agent_for
from registry.services.register import save_draft
from registry.web.policy_forms import ScopeForm, TiersForm
from tests.organisation import Organisation, draft_agent, policy_document

WHO = {
    "name": "Docs Writer",
    "platform": "claude_code",
    "purpose": "Writes documentation.",
    "trigger": "person",
    "human_position": "on_loop",
    "criticality": "low",
    "data_touched": "",
    "team": "payments",
}


@pytest.fixture
def manager(client: Client, organisation: Organisation) -> Client:
    client.force_login(organisation.manager)
    return client


def _typed(document: dict[str, object], **changes: str) -> dict[str, str]:
    return {**ScopeForm.initial_of(document), **TiersForm.initial_of(document), **changes}


def test_four_steps_and_a_review(manager: Client, organisation: Organisation) -> None:
    answer = manager.post("/agents/register/", WHO)
    assert answer["Location"] == "/agents/docs-writer/register/owner/"
    person = str(organisation.member.pk)
    answer = manager.post(answer["Location"], {"team": "payments", "accountable_person": person})
    assert answer["Location"] == "/agents/docs-writer/register/scope/"
    answer = manager.post(answer["Location"], _typed(policy_document()))
    assert answer["Location"] == "/agents/docs-writer/register/tiers/"
    answer = manager.post(answer["Location"], _typed(policy_document(), **{"limits.files": "5"}))
    assert answer["Location"] == "/agents/docs-writer/register/review/"
    assert manager.get(answer["Location"]).status_code == 200
    assert manager.post(answer["Location"])["Location"] == "/agents/docs-writer/"
    agent = Agent.objects.select_related("revision").get(slug="docs-writer")
    assert agent.revision is not None
    assert (agent.state, agent.accountable_person_id) == ("active", organisation.member.pk)
    assert agent.revision.document["limits"]["files"] == 5
    # Old addresses of the draft lead on, and a form sent again changes nothing.
    assert manager.get("/agents/docs-writer/register/scope/").status_code == 302
    assert manager.post("/agents/docs-writer/register/scope/", _typed(policy_document())).status_code == 409


def test_errors_keep_every_field(manager: Client, organisation: Organisation) -> None:
    draft_agent(organisation, "Docs Writer")
    answer = manager.post("/agents/register/", {**WHO, "purpose": "Kept <b>as typed</b>"})
    assert answer.status_code == 422
    assert b"Kept &lt;b&gt;as typed&lt;/b&gt;" in answer.content
    assert b"is taken" in answer.content
    # The charter beside the form is of what was typed.
    assert b"Docs Writer is a Claude Code agent" in answer.content


def test_a_wrong_line_is_named_and_still_kept(manager: Client, organisation: Organisation) -> None:
    agent = draft_agent(organisation)
    path = f"/agents/{agent.slug}/register/scope/"
    answer = manager.post(path, _typed(policy_document(), repositories="acme/good\nnot a repository\n"))
    assert answer.status_code == 422
    assert "not a repository: " in answer.content.decode()
    assert agent_for(organisation.manager, agent.pk).draft["scope"]["repositories"] == ["acme/good", "not a repository"]
    assert b"not a repository" in manager.get(path).content


@pytest.mark.parametrize("typed", ["many", "-1", "1e3", "9" * 30, "٣", "", "1.5"])
def test_a_number_that_is_none_is_named_and_kept(manager: Client, organisation: Organisation, typed: str) -> None:
    agent = draft_agent(organisation)
    path = f"/agents/{agent.slug}/register/tiers/"
    answer = manager.post(path, _typed(policy_document(), **{"limits.files": typed}))
    assert answer.status_code == 422
    assert f'value="{typed}"' in answer.content.decode() or not typed
    assert agent_for(organisation.manager, agent.pk).draft["limits"]["files"] == typed


@pytest.mark.parametrize(("key", "tier"), [("push.force", "free"), ("secret.read", "gated"), ("read", "maybe")])
def test_no_form_goes_below_the_baseline(manager: Client, organisation: Organisation, key: str, tier: str) -> None:
    agent = draft_agent(organisation)
    manager.post(f"/agents/{agent.slug}/register/tiers/", _typed(policy_document(), **{f"tier.{key}": tier}))
    assert manager.post(f"/agents/{agent.slug}/register/review/").status_code == 422
    assert agent_for(organisation.manager, agent.pk).state == "draft"


def test_the_review_says_what_is_missing_and_where(manager: Client, organisation: Organisation) -> None:
    manager.post("/agents/register/", {**WHO, "purpose": ""})
    answer = manager.post("/agents/docs-writer/register/review/")
    assert answer.status_code == 422
    for step in ("who", "owner", "scope"):
        assert f'href="/agents/docs-writer/register/{step}/"' in answer.content.decode()


SEEN = re.compile(r'name="draft" value="(\w+)"')


def _seen(page: bytes) -> str:
    found = SEEN.search(page.decode())
    assert found is not None
    return found.group(1)


def test_what_is_typed_is_kept_as_a_draft(manager: Client, organisation: Organisation) -> None:
    agent = draft_agent(organisation)
    path = f"/agents/{agent.slug}/register/scope/"
    seen = _seen(manager.get(path).content)
    # What a page asks when it opens says nothing new, and writes nothing.
    same = manager.post(f"{path}charter/", {**_typed(policy_document()), "draft": seen})
    assert b"Kept as a draft" not in same.content
    assert _seen(same.content) == seen
    answer = manager.post(
        f"{path}charter/", {**_typed(policy_document(), repositories="acme/other\n???"), "draft": seen}
    )
    assert b"acme/other" in answer.content
    assert b"Kept as a draft" in answer.content
    assert b"<html" not in answer.content
    assert agent_for(organisation.manager, agent.pk).draft["scope"]["repositories"] == ["acme/other", "???"]
    # The next question goes by what is kept now; an older one does not write over it.
    late = manager.post(f"{path}charter/", {**_typed(policy_document(), repositories="acme/late"), "draft": seen})
    assert b"changed elsewhere" in late.content
    assert agent_for(organisation.manager, agent.pk).draft["scope"]["repositories"] == ["acme/other", "???"]
    tiers = {**_typed(policy_document(), **{"limits.files": "many"}), "draft": _seen(answer.content)}
    manager.post(f"/agents/{agent.slug}/register/tiers/charter/", tiers)
    assert agent_for(organisation.manager, agent.pk).draft["limits"]["files"] == "many"


def test_the_name_and_the_team_of_a_draft_wait_until_the_step_is_saved(
    manager: Client, organisation: Organisation
) -> None:
    assert b"Docs Writer" in manager.post("/agents/register/charter/", WHO).content
    assert not Agent.objects.exists()
    agent = draft_agent(organisation)
    home = f"/agents/{agent.slug}/register/"
    typed = {**WHO, "name": "Another Name", "purpose": "Something else."}
    assert b"Another Name" in manager.post(f"{home}who/charter/", typed).content
    person = str(organisation.member.pk)
    manager.post(f"{home}owner/charter/", {"team": "payments", "accountable_person": person})
    kept = agent_for(organisation.manager, agent.pk)
    assert (kept.name, kept.purpose) == (agent.name, "Something else.")
    assert kept.accountable_person == organisation.member


def test_the_live_charter_keeps_nothing_for_those_who_only_see(client: Client, organisation: Organisation) -> None:
    agent = draft_agent(organisation)
    client.force_login(organisation.member)
    path = f"/agents/{agent.slug}/register/scope/charter/"
    assert client.post(path, _typed(policy_document(), repositories="acme/other")).status_code == 403
    assert agent_for(organisation.manager, agent.pk).draft == policy_document()


def test_what_no_database_holds_is_refused_like_any_other_nonsense(manager: Client, organisation: Organisation) -> None:
    agent = draft_agent(organisation)
    nonsense = "\0\u202e"
    assert manager.get("/agents/register/", {"like": nonsense}).status_code == 404
    assert manager.post("/agents/register/charter/", {**WHO, "team": nonsense}).status_code == 200
    assert manager.post("/agents/register/", {**WHO, "team": nonsense}).status_code == 422
    for step, field in (("scope", "repositories"), ("tiers", "tier.test"), ("tiers", "composition.model")):
        sent = _typed(policy_document(), **{field: nonsense})
        assert manager.post(f"/agents/{agent.slug}/register/{step}/", sent).status_code == 422
    assert manager.post(f"/agents/{agent.slug}/register/review/").status_code == 422


def test_an_accountable_person_of_another_team_is_refused(manager: Client, organisation: Organisation) -> None:
    agent = draft_agent(organisation, accountable_person=None)
    path = f"/agents/{agent.slug}/register/owner/"
    for person in (organisation.outsider.pk, "nonsense"):
        typed = {"team": "payments", "accountable_person": str(person)}
        assert manager.post(path, typed).status_code == 422
    assert manager.post(path, {"team": "platform", "accountable_person": ""}).status_code == 422
    assert agent_for(organisation.manager, agent.pk).accountable_person is None


def test_the_review_hides_nothing_of_what_is_registered(manager: Client, organisation: Organisation) -> None:
    document = {
        **policy_document(),
        "modes": {"limits.files": "observe"},
        "tasks": {"bug-fix": {"scope": {"tools": ["Bash"]}}},
        "composition": {"required": True, "pinned": {"model": "claude-opus-4-1"}},
    }
    agent = save_draft(actor=organisation.manager, agent=draft_agent(organisation), policy=document)
    text = unescape(manager.get(f"/agents/{agent.slug}/register/review/").content.decode())
    for said in ("More files than the limit", "Observe", "bug-fix", "claude-opus-4-1", "Criticality", "Data touched"):
        assert said in text, said
