"""The pages of policies: changing one, two people at once, the second person, levels, catalogue, as-of."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from registry.models import Agent, PolicyProposal, PolicyRevision
from registry.rules.kill import ScopeKind
from registry.rules.policy import Policy
from registry.selectors.agents import agent_for
from registry.selectors.policies import ORGANISATION, Subject, revision_in_force
from registry.services.credential import issue_credential
from registry.services.kill import order_kill
from registry.services.policy import change_policy, tighten_policy
from registry.web.policy_forms import ActionsForm, LevelForm, OrganisationForm, PolicyForm
from tests.organisation import Organisation, policy_document
from tests.registry.policies import WIDER, backtested, propose, said_by_organisation, second_security, typed
from tests.sign_in import sign_in

TASKS = {"bug-fix": {"scope": {"environments": ["test"], "tools": []}, "tiers": {"commit": "gated"}}}
FULL: dict[str, Any] = {
    **policy_document(tools=["Bash"], commands_allowed=[], commands_blocked=["kubectl"], credentials=["deploy-key"]),
    "modes": {"scope.path.outside": "warn", "tier.commit": "observe"},
    "tasks": TASKS,
    "composition": {"required": True, "pinned": {"model": "claude-opus", "hooks": []}},
}
ACTION = {
    "label": "Release",
    "reversibility": "irreversible",
    "tier": "gated",
    "explain": "It reaches customers.",
    "tools": [],
    "commands": ["acmectl ship"],
}


@pytest.fixture
def manager(client: Client, organisation: Organisation) -> Client:
    client.force_login(organisation.manager)
    return client


def _path(agent: Agent) -> str:
    return f"/agents/{agent.slug}/policy/"


def test_every_member_survives_the_form() -> None:
    form = PolicyForm.over(FULL, typed=True)
    assert form.is_valid()
    assert Policy.from_document(form.document()) == Policy.from_document(FULL)
    scope = {"hosts": [], "paths_blocked": ["secrets/"]}
    level = {"scope": scope, "tiers": {"commit": "gated"}, "limits": {"files": 3}}
    assert LevelForm.over(level, typed=True).document() == level
    rest = {"actions": {"acme.release": ACTION}}
    assert OrganisationForm.over({**level, **rest}, typed=True, rest=rest).document() == {**level, **rest}
    assert ActionsForm.over({"actions": {"acme.release": ACTION}}, typed=True).document() == {
        "actions": {"acme.release": ACTION}
    }


def test_tightening_by_the_form(manager: Client, organisation: Organisation, agent: Agent) -> None:
    sent = typed(policy_document(), branches_allowed="feature/**")
    assert b"Branch fix/** is no longer listed." in manager.post(f"{_path(agent)}difference/", sent).content
    assert manager.post(_path(agent), sent)["Location"] == f"/agents/{agent.slug}/history/"
    revision = revision_in_force(Subject.of_agent(agent))
    assert revision is not None
    assert (revision.number, revision.reason, revision.author) == (2, "because", organisation.manager)
    history = manager.get(f"/agents/{agent.slug}/history/").content.decode()
    assert "because" in history
    assert "Branch fix/** is no longer listed." in history


def test_widening_by_the_form_becomes_a_proposal(manager: Client, organisation: Organisation, agent: Agent) -> None:
    sent = typed(policy_document(), repositories="acme/payments\nacme/vault")
    shown = manager.post(f"{_path(agent)}difference/", sent).content.decode()
    assert "Repository acme/vault comes into scope." in shown
    assert organisation.second_manager.name in shown
    assert not PolicyProposal.objects.exists()
    proposal = manager.post(_path(agent), sent)
    found = PolicyProposal.objects.get()
    assert proposal["Location"] == f"/policies/proposals/{found.number}/"
    page = manager.get(proposal["Location"]).content.decode()
    assert "Repository acme/vault comes into scope." in page
    assert "You wrote this change" in page
    assert agent_for(organisation.manager, agent.pk).revision == agent.revision


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repositories": "not a repository"}, "not a repository: "),
        ({"limits.files": "many"}, 'value="many"'),
        ({"limits.lease_seconds": "31"}, "from 5 to 30"),
        ({"tier.push.force": "free"}, "Select a valid choice"),
        ({"mode.scope.path.outside": "maybe"}, "Select a valid choice"),
        ({"tasks.0.name": "bug fix?!", "tasks.0.environments": "test"}, "bug fix?!"),
        ({"tasks.0.name": "a", "tasks.0.tiers": "launch.rocket = gated"}, "No action of this name"),
        ({"tasks.0.environments": "test"}, "Nothing was changed"),
        ({"composition.required": "on"}, "Pin something"),
        ({"paths_blocked": "\n".join(f"p{n}" for n in range(5000))}, "at most"),
        ({"repositories": "**"}, "Nothing was changed"),
        ({"reason": ""}, "This field is required"),
        ({"reason": "a\x01b"}, "must not contain control characters"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_lost(
    manager: Client, agent: Agent, changes: dict[str, str], said: str
) -> None:
    answer = manager.post(_path(agent), typed(policy_document(environments=["test"]), **changes))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page.replace("&#x27;", "'")
    assert "Nothing was changed" in page
    form = answer.context["form"]
    for name, text in changes.items():
        if name in form.fields:
            assert form[name].value() in {text, "on", True}
    assert PolicyRevision.objects.filter(agent=agent).count() == 1


def test_the_second_of_two_editors_sees_the_first_and_loses_nothing(
    client: Client, organisation: Organisation, agent: Agent
) -> None:
    tighter = policy_document(branches_allowed=["feature/**"])
    tighten_policy(
        actor=organisation.second_manager, agent=agent, document=tighter, based_on=1, reason="after the audit"
    )
    client.force_login(organisation.manager)
    answer = client.post(_path(agent), typed(policy_document(), environments="test"))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert organisation.second_manager.name in page
    assert "after the audit" in page
    assert "Branch fix/** is no longer listed." in page
    assert 'name="based_on" value="2"' in page
    form = answer.context["form"]
    assert (form["environments"].value(), form["branches_allowed"].value()) == ("test", "feature/**")
    # It can be sent again just as it stands.
    assert client.post(_path(agent), {**form.data, "based_on": "2", "reason": "less"}).status_code == 302
    revision = revision_in_force(Subject.of_agent(agent))
    assert revision is not None
    assert (revision.number, revision.document["scope"]["environments"]) == (3, ["test"])
    assert revision.document["scope"]["branches_allowed"] == ["feature/**"]


def test_where_both_changed_the_same_value_it_is_said(client: Client, organisation: Organisation, agent: Agent) -> None:
    first = policy_document()
    first["limits"]["files"] = 10
    tighten_policy(actor=organisation.second_manager, agent=agent, document=first, based_on=1)
    client.force_login(organisation.manager)
    answer = client.post(_path(agent), typed(policy_document(), **{"limits.files": "7"}))
    assert answer.context["meanwhile"].clashes == ("/limits/files",)
    assert answer.context["form"]["limits.files"].value() == "7"


def test_a_second_wide_change_is_told_of_the_first(manager: Client, organisation: Organisation, agent: Agent) -> None:
    waiting = propose(organisation.second_manager, agent)
    answer = manager.post(_path(agent), typed(policy_document(), repositories="acme/payments\nacme/docs"))
    assert answer.status_code == 409
    assert f"/policies/proposals/{waiting.number}/" in answer.content.decode()
    assert answer.context["form"]["repositories"].value() == "acme/payments\nacme/docs"


def test_an_overtaken_change_can_be_proposed_again(manager: Client, organisation: Organisation, agent: Agent) -> None:
    proposal = propose(organisation.manager, agent)
    tighten_policy(
        actor=organisation.second_manager,
        agent=agent,
        document=policy_document(branches_allowed=["feature/**"]),
        based_on=1,
    )
    again = f"{_path(agent)}?from={proposal.number}"
    assert again in manager.get(f"/policies/proposals/{proposal.number}/").content.decode()
    form = manager.get(again).context["form"]
    assert form["repositories"].value() == "acme/payments\nacme/vault"
    assert form["branches_allowed"].value() == "feature/**"


def test_the_second_person_approves_in_the_browser(client: Client, organisation: Organisation, agent: Agent) -> None:
    proposal = propose(organisation.manager, agent)
    address = f"/policies/proposals/{proposal.number}/"
    sign_in(client, organisation.second_manager)
    assert b"The backtest has not finished" in client.get(address).content
    seal = bytes(backtested(proposal).seal or b"").hex()
    assert seal in client.get(address).content.decode()
    assert f"PP-{proposal.number}" in client.get("/home/proposals/").content.decode()
    assert client.post(f"{address}approve/", {"seal": seal, "reason": ""}).status_code == 422
    stale = client.post(f"{address}approve/", {"seal": "00", "reason": "fine"})
    assert stale.status_code == 409
    assert b"fine" in stale.content
    assert client.post(f"{address}approve/", {"seal": seal, "reason": "fine"}).status_code == 302
    assert revision_in_force(Subject.of_agent(agent)) == PolicyRevision.objects.get(number=2, agent=agent)
    assert client.post(f"{address}approve/", {"seal": seal, "reason": "again"}).status_code == 409
    assert client.get("/home/proposals/").content == b""


def test_approving_asks_who_is_there(client: Client, organisation: Organisation, agent: Agent) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    client.force_login(organisation.second_manager)  # a session without a recent proof
    sent = {"seal": bytes(proposal.seal or b"").hex(), "reason": "fine"}
    answer = client.post(f"/policies/proposals/{proposal.number}/approve/", sent)
    assert answer.status_code == 302
    assert "reauthenticate" in answer["Location"]
    assert revision_in_force(Subject.of_agent(agent)) == agent.revision


@pytest.mark.parametrize(
    ("who", "status"), [("manager", 403), ("member", 403), ("auditor", 403), ("outsider", 404), ("operator", 404)]
)
def test_others_decide_nothing(client: Client, organisation: Organisation, agent: Agent, who: str, status: int) -> None:
    proposal = backtested(propose(organisation.manager, agent))
    sign_in(client, organisation.people[who])
    sent = {"seal": bytes(proposal.seal or b"").hex(), "reason": "fine"}
    for act in ("approve", "refuse"):
        assert client.post(f"/policies/proposals/{proposal.number}/{act}/", sent).status_code == status
    if who != "manager":
        assert client.post(f"/policies/proposals/{proposal.number}/withdraw/").status_code == status
    proposal.refresh_from_db()
    assert proposal.state == "open"


def test_the_page_says_who_may_not_and_why(client: Client, organisation: Organisation, agent: Agent) -> None:
    issue_credential(actor=organisation.second_manager, agent=agent, name="laptop", days=1)
    proposal = backtested(propose(organisation.manager, agent), initiators=[organisation.security.pk])
    client.force_login(organisation.second_manager)
    page = client.get(f"/policies/proposals/{proposal.number}/").content.decode()
    assert "issued a credential that is still valid" in page
    assert "started work that it is about" in page
    assert "Approve and put in force" not in page
    assert "Refuse" in page


def test_refusing_and_withdrawing(client: Client, organisation: Organisation, agent: Agent) -> None:
    first = propose(organisation.manager, agent)
    sign_in(client, organisation.second_manager)
    assert client.post(f"/policies/proposals/{first.number}/refuse/", {"reason": "too wide"}).status_code == 302
    assert b"too wide" in client.get(f"/policies/proposals/{first.number}/").content
    second = propose(organisation.manager, agent)
    client.logout()
    client.force_login(organisation.manager)
    assert client.post(f"/policies/proposals/{second.number}/withdraw/").status_code == 302
    listed = client.get("/policies/proposals/").content.decode()
    assert "Refused" in listed
    assert "Withdrawn" in listed


def test_the_organisation_is_changed_by_its_form(client: Client, organisation: Organisation, agent: Agent) -> None:
    client.force_login(organisation.security)
    form = OrganisationForm.over({}, typed=True)
    sent = {**form.data, "based_on": "0", "reason": "the board", "tier.commit": "gated", "limits.files": "5"}
    assert client.post("/policies/organisation/change/", sent)["Location"] == "/policies/organisation/"
    page = client.get("/policies/organisation/").content.decode()
    assert "At least gated" in page
    assert "the board" in page
    scope = client.get(f"/agents/{agent.slug}/scope/").content.decode()
    assert "by the organisation" in scope
    looser = {**form.data, "based_on": "1", "reason": "too strict", "limits.files": "5"}
    proposed = client.post("/policies/organisation/change/", looser)
    assert proposed["Location"].startswith("/policies/proposals/")
    assert b"Waiting for a second person" in client.get("/policies/").content


def test_a_team_is_changed_by_its_managers(client: Client, organisation: Organisation, agent: Agent) -> None:
    client.force_login(organisation.manager)
    sent = {**LevelForm.over({}, typed=True).data, "based_on": "0", "reason": "audit", "environments": "test"}
    assert b"Tighter: in force at once" in client.post("/policies/teams/payments/difference/", sent).content
    assert client.post("/policies/teams/payments/change/", sent).status_code == 302
    entries = client.get(f"/agents/{agent.slug}/scope/").context["dimensions"]
    environments = next(row for row in entries if row.name == "environments")
    assert [(one.pattern, one.cut) for one in environments.entries if one.cut is None] == [("test", None)]
    assert {one.cut for one in environments.entries if one.pattern != "test"} == {"team"}


def test_own_actions_are_added_by_two(client: Client, organisation: Organisation) -> None:
    client.force_login(organisation.security)
    sent = {**ActionsForm.over({}, typed=True).data, "based_on": "0", "reason": "we release"}
    sent |= {"actions.0.name": "acme.release", "actions.0.label": "Release", "actions.0.explain": "It goes out."}
    sent |= {"actions.0.reversibility": "irreversible", "actions.0.tier": "free", "actions.0.commands": "acmectl ship"}
    free = client.post("/policies/catalogue/change/", sent)
    assert free.status_code == 422
    assert b"What cannot be undone is never free." in free.content
    proposed = client.post("/policies/catalogue/change/", {**sent, "actions.0.tier": "gated"})
    assert proposed["Location"].startswith("/policies/proposals/")
    assert b"acme.release" not in client.get("/policies/catalogue/").content
    proposal = backtested(PolicyProposal.objects.get())
    client.logout()
    sign_in(client, second_security())
    said = {"seal": bytes(proposal.seal or b"").hex(), "reason": "yes"}
    assert client.post(f"{proposed['Location']}approve/", said).status_code == 302
    assert b"acme.release" in client.get("/policies/catalogue/").content


def test_the_levels_form_keeps_the_own_actions(client: Client, organisation: Organisation) -> None:
    changed = said_by_organisation(organisation.security, {"actions": {"acme.release": ACTION}})
    proposal = backtested(changed)
    sign_in(client, second_security())
    said = {"seal": bytes(proposal.seal or b"").hex(), "reason": "yes"}
    assert client.post(f"/policies/proposals/{proposal.number}/approve/", said).status_code == 302
    form = client.get("/policies/organisation/change/").context["form"]
    assert "tier.acme.release" in form.fields
    sent = {**{name: str(form[name].value() or "") for name in form.fields}, "based_on": "1"}
    sent["reason"] = "stricter"
    assert client.post("/policies/organisation/change/", {**sent, "tier.acme.release": "forbidden"}).status_code == 302
    revision = revision_in_force(ORGANISATION)
    assert revision is not None
    assert revision.document["actions"] == {"acme.release": ACTION}
    assert revision.document["tiers"] == {"acme.release": "forbidden"}


def test_as_of_any_instant(manager: Client, organisation: Organisation, agent: Agent) -> None:
    tighten_policy(actor=organisation.manager, agent=agent, document=policy_document(environments=["test"]), based_on=1)
    first, second = PolicyRevision.objects.filter(agent=agent).order_by("number")
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="a drill")
    path = f"/agents/{agent.slug}/history/"

    def then(instant: Any) -> Any:
        page = manager.get(path, {"at": instant.isoformat()})
        assert page.status_code == 200
        return page.context["then"]

    before = then(first.created_at - timedelta(seconds=1))
    assert (before.revision, before.ownership, before.state) == (None, None, "draft")
    between = then(second.created_at - timedelta(microseconds=1))
    assert (between.revision, between.state, between.stops) == (first, "active", ())
    assert between.ownership.accountable_person == organisation.manager
    now = then(second.created_at + timedelta(days=1))
    assert (now.revision, len(now.stops)) == (second, 1)
    # Shared as it stands; what is no instant is said and changes nothing else.
    page = manager.get(path, {"at": "2026-11-21T09:30"})
    assert "/history/?at=2026-11-21T09" in page.content.decode()
    for nonsense in ("yesterday", "2026-13-41T99:99", "<script>"):
        answer = manager.get(path, {"at": nonsense})
        assert answer.status_code == 422
        assert b"is no date and time" in answer.content
        assert b"<script>at" not in answer.content


def test_text_stays_text(manager: Client, organisation: Organisation, agent: Agent) -> None:
    evil = "<script>alert(1)</script>"
    changed = change_policy(
        actor=organisation.manager, subject=Subject.of_agent(agent), document=WIDER, based_on=1, reason=evil
    )
    assert isinstance(changed, PolicyProposal)
    tight = policy_document(environments=["test"])
    said_by_organisation(organisation.security, {"limits": {"files": 5}})
    for path in (f"/policies/proposals/{changed.number}/", "/policies/proposals/", "/policies/", _path(agent)):
        assert b"<script>alert" not in manager.get(path).content, path
    tighten_policy(actor=organisation.second_manager, agent=agent, document=tight, based_on=1, reason=evil)
    for path in (f"/agents/{agent.slug}/history/", f"/policies/proposals/{changed.number}/", "/policies/organisation/"):
        assert b"<script>alert" not in manager.get(path).content, path


@pytest.mark.parametrize("path", ["/policies/organisation/change/", "/policies/catalogue/change/"])
@pytest.mark.parametrize("who", ["manager", "member", "auditor", "operator", "outsider"])
def test_only_security_changes_the_organisation(
    client: Client, organisation: Organisation, path: str, who: str
) -> None:
    client.force_login(organisation.people[who])
    for method in (client.get, client.post):
        assert method(path).status_code == 403
    assert revision_in_force(ORGANISATION) is None


def test_a_fold_says_what_is_set_and_never_hides_what_is_wrong() -> None:
    plain = PolicyForm.over(policy_document(), typed=True)
    assert plain.folds.modes.said == "every rule is enforced"
    assert plain.folds.composition.said == "nothing pinned"
    assert [plain.folds.modes.open, plain.folds.composition.open, plain.task_fold.open, plain.folds.limits.open] == (
        [False] * 4
    )
    full = PolicyForm.over(FULL, typed=True)
    assert full.task_fold.said == "bug-fix"
    assert [full.folds.modes.open, full.folds.composition.open, full.task_fold.open] == [True] * 3
    wrong = PolicyForm({**plain.data, "limits.lease_seconds": "99", "approval.expires_minutes": "10080"})
    assert wrong.folds.limits.open
    assert "10080 (7 days)" in wrong.folds.limits.said
