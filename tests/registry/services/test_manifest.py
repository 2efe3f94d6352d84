"""Policy files: what a plan says, that exactly it is applied, and that a file taken home plans nothing."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.errors import Conflict, InvalidInput
from portal.identity.models import Person
from registry.models import Agent, PolicyProposal
from registry.rules.catalogue import Catalogue
from registry.rules.manifest import Manifest, read, render
from registry.selectors.manifest import entry_of, file_of, whole_file
from registry.selectors.policies import ORGANISATION, Subject, revision_in_force
from registry.services.manifest import Plan, StepKind, apply_file, plan_file
from registry.services.policy import change_policy, tighten_policy
from tests.organisation import Organisation, active_agent, policy_document

pytestmark = pytest.mark.django_db(transaction=True)


def manifest_of(text: str) -> Manifest:
    return read(text, catalogue=Catalogue())


def plan(person: Person, text: str) -> Plan:
    return plan_file(actor=person, manifest=manifest_of(text), reason="as code")


def applied(person: Person, text: str) -> list[str]:
    made = plan(person, text)
    done = apply_file(actor=person, manifest=manifest_of(text), reason="as code", digest=made.digest)
    assert all(one.done for one in done), done
    return [one.sentence for one in done]


def one(**facts: Any) -> str:
    """A file of one agent of Payments."""
    entry = {
        "name": "Ledger Librarian",
        "platform": "codex",
        "purpose": "Keeps the ledger in order.",
        "owner_team": "payments",
        "accountable_person": "manager@example.test",
        "policy": policy_document(),
        **facts,
    }
    return render(agents=[{key: value for key, value in entry.items() if value is not None}])


def test_a_file_taken_home_plans_nothing(organisation: Organisation) -> None:
    agent = active_agent(organisation, purpose="Two lines,\r\nas typed in a browser.  ", data_touched="é: #none")
    change_policy(
        actor=organisation.security,
        subject=ORGANISATION,
        document={"limits": {"lines": 300}},
        based_on=0,
        reason="less",
    )
    change_policy(
        actor=organisation.manager,
        subject=Subject.of_team(organisation.payments),
        document={"scope": {"paths_blocked": ["infra/"]}},
        based_on=0,
        reason="not ours",
    )
    for text in (file_of([Agent.objects.get(pk=agent.pk)]), whole_file(organisation.manager)):
        found = plan(organisation.manager, text)
        assert {step.kind for step in found.steps} == {StepKind.UNCHANGED}
        assert found.doing == ()
    assert whole_file(organisation.manager) == whole_file(organisation.manager)
    with pytest.raises(InvalidInput, match="Nothing in the file differs"):
        apply_file(actor=organisation.manager, manifest=manifest_of(text), reason="x", digest=found.digest)


def test_a_new_agent_is_registered_when_complete_and_a_draft_when_not(organisation: Organisation) -> None:
    assert plan(organisation.manager, one()).steps[0].kind is StepKind.REGISTER
    assert applied(organisation.manager, one()) == ["Ledger Librarian is registered under revision 1."]
    agent = Agent.objects.get(slug="ledger-librarian")
    assert (agent.state, agent.platform) == ("active", "codex")
    text = one(name="Half Told", accountable_person=None, purpose=None)
    step = plan(organisation.manager, text).steps[0]
    assert step.kind is StepKind.DRAFT
    assert "name the person who answers for it" in step.changes
    applied(organisation.manager, text)
    assert Agent.objects.get(slug="half-told").state == "draft"


def test_tighter_is_in_force_at_once_and_wider_waits(organisation: Organisation, agent: Agent) -> None:
    entry = entry_of(agent)
    tighter = render(agents=[{**entry, "policy": policy_document(environments=["test"])}])
    assert [step.kind for step in plan(organisation.manager, tighter).steps] == [StepKind.TIGHTEN]
    assert applied(organisation.manager, tighter) == ["Revision 2 of the policy of Payments Refactorer is in force."]
    wider = render(agents=[{**entry, "policy": policy_document(environments=["test", "demo"])}])
    step = plan(organisation.manager, wider).steps[0]
    assert step.kind is StepKind.PROPOSE
    assert any("demo" in change for change in step.changes)
    assert "waits for a second person" in applied(organisation.manager, wider)[0]
    assert PolicyProposal.objects.get().author == organisation.manager
    in_force = revision_in_force(Subject.of_agent(agent))
    assert in_force is not None
    assert in_force.number == 2


def test_facts_people_and_policy_are_steps_of_their_own(organisation: Organisation, agent: Agent) -> None:
    entry = {
        **entry_of(agent),
        "purpose": "Something else.",
        "deputy": "second-manager@example.test",
        "policy": policy_document(environments=["test"]),
    }
    text = render(agents=[entry])
    kinds = [step.kind for step in plan(organisation.manager, text).steps]
    assert kinds == [StepKind.CHANGE, StepKind.CHANGE, StepKind.TIGHTEN]
    applied(organisation.manager, text)
    agent.refresh_from_db()
    assert (agent.purpose, agent.deputy) == ("Something else.", organisation.second_manager)
    assert plan(organisation.manager, text).doing == ()


REFUSALS: dict[str, dict[str, Any]] = {
    "There is no team nowhere": {"owner_team": "nowhere"},
    "No active person has the address ghost@example.test": {"accountable_person": "ghost@example.test"},
    "Only a manager of Platform registers its agents": {"owner_team": "platform"},
}


@pytest.mark.parametrize("sentence", REFUSALS)
def test_one_refused_step_refuses_the_whole_file(organisation: Organisation, sentence: str) -> None:
    text = one() + one(name="Second", **REFUSALS[sentence]).partition("agents:\n")[2]
    made = plan(organisation.manager, text)
    assert [step.kind for step in made.steps] == [StepKind.REGISTER, StepKind.REFUSED]
    assert sentence in made.refused[0].sentence
    with pytest.raises(InvalidInput, match="Nothing was applied"):
        apply_file(actor=organisation.manager, manifest=manifest_of(text), reason="x", digest=made.digest)
    assert not Agent.objects.exists()


def test_a_plan_that_was_overtaken_is_not_applied(organisation: Organisation, agent: Agent) -> None:
    text = render(agents=[{**entry_of(agent), "policy": policy_document(environments=["test"])}])
    seen = plan(organisation.manager, text)
    tighten_policy(
        actor=organisation.second_manager,
        agent=agent,
        document=policy_document(environments=["development", "test"]),
        based_on=1,
        reason="first",
    )
    with pytest.raises(Conflict, match="changed since this plan"):
        apply_file(actor=organisation.manager, manifest=manifest_of(text), reason="x", digest=seen.digest)
    in_force = revision_in_force(Subject.of_agent(agent))
    assert in_force is not None
    assert in_force.number == 2


def test_others_rights_are_not_widened_by_a_file(organisation: Organisation, agent: Agent) -> None:
    entry = {**entry_of(agent), "policy": policy_document(environments=["test"])}
    for person in (organisation.member, organisation.auditor, organisation.security):
        assert plan(person, render(agents=[entry])).refused, person
    text = render(agents=[], organisation={"limits": {"files": 1}})
    assert plan(organisation.manager, text).refused
    assert not plan(organisation.security, text).refused


def test_an_agent_out_of_sight_looks_like_none(organisation: Organisation, agent: Agent) -> None:
    """An outsider learns from the plan that the name is free to them, and from applying that it is taken."""
    text = one(name=agent.name, owner_team="platform", accountable_person="outsider@example.test")
    assert plan(organisation.outsider, text).steps[0].kind is StepKind.REGISTER
    made = plan(organisation.outsider, text)
    done = apply_file(actor=organisation.outsider, manifest=manifest_of(text), reason="x", digest=made.digest)
    assert [result.done for result in done] == [False]
    assert "exists already" in done[0].sentence


def test_from_a_terminal(organisation: Organisation, agent: Agent, tmp_path: Path) -> None:
    out = StringIO()
    call_command("export_agents", agent.slug, by="manager@example.test", stdout=out)
    file = tmp_path / "agents.yml"
    file.write_text(out.getvalue().replace("files: 20", "files: 5"))
    told = StringIO()
    call_command("import_agents", str(file), by="manager@example.test", reason="less", stdout=told)
    assert "Files in one change: 20 before, 5 now." in told.getvalue()
    assert "Nothing was applied." in told.getvalue()
    call_command("import_agents", str(file), by="manager@example.test", reason="less", apply=True, stdout=told)
    assert "Revision 2" in told.getvalue()
    file.write_text("format: bailiwick/v1\nagents: 7\n")
    with pytest.raises(CommandError, match=r"agents.yml:2: This must be a list"):
        call_command("import_agents", str(file), by="manager@example.test", reason="x")
    with pytest.raises(CommandError, match="No active person"):
        call_command("export_agents", by="nobody@example.test")
    with pytest.raises(CommandError, match="no such agent"):
        call_command("export_agents", agent.slug, by="outsider@example.test")
