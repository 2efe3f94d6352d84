"""Applying a policy file: first the plan, then exactly the plan that was seen.

A plan is a list of steps, one for each thing that would change, and has a digest. Applying makes the plan again and
refuses when it has become another one. Each step is a use case of its own in a transaction of its own: what is done
stays done when a later step is overtaken, and the answer says which is which.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from portal.errors import Conflict, InvalidInput, PortalError
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.ledger.rules.canonical import canonicalize
from registry.models import Agent, PolicyProposal
from registry.rules.compare import Direction, describe
from registry.rules.documents import Document, nothing, stored_document
from registry.rules.lifecycle import AgentState
from registry.rules.manifest import AgentEntry, Manifest
from registry.rules.manifest_schema import FACTS
from registry.selectors.agents import may_manage, visible_agents
from registry.selectors.manifest import team_by_slug
from registry.selectors.policies import ORGANISATION, Subject, may_change, revision_in_force, who_changes
from registry.services.ownership import change_people
from registry.services.policy import change_policy
from registry.services.profile import Profile, change_profile, faults_of_people
from registry.services.register import register_agent, start_draft


class StepKind(StrEnum):
    """What a step does."""

    REGISTER = "register"
    DRAFT = "draft"
    CHANGE = "change"
    TIGHTEN = "tighten"
    PROPOSE = "propose"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Step:
    """One thing that would be done. ``what`` is whose; ``changes`` says it entry by entry; ``line`` is the file's."""

    kind: StepKind
    what: str
    sentence: str
    line: int
    changes: tuple[str, ...] = ()
    run: Callable[[], str] | None = None

    @property
    def does_something(self) -> bool:
        return self.run is not None


@dataclass(frozen=True)
class Plan:
    """Every step of a file for one person, and the digest that applying is bound to."""

    steps: tuple[Step, ...]
    digest: str

    @property
    def refused(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.kind is StepKind.REFUSED)

    @property
    def doing(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.does_something)


@dataclass(frozen=True)
class Done:
    """What became of one step."""

    step: Step
    done: bool
    sentence: str


def plan_file(*, actor: Person, manifest: Manifest, reason: str) -> Plan:
    """What applying the file would do now; nothing is changed by asking."""
    steps = [
        *_levels(actor, manifest, reason),
        *(step for entry in manifest.agents for step in _agent(actor, entry, reason)),
    ]
    return Plan(tuple(steps), _digest(steps))


def apply_file(*, actor: Person, manifest: Manifest, reason: str, digest: str) -> list[Done]:
    """Do what the plan with this digest said.

    Raises Conflict when the plan has become another one since it was seen, InvalidInput when it refuses anything:
    then nothing was done.
    """
    plan = plan_file(actor=actor, manifest=manifest, reason=reason)
    if plan.digest != digest:
        raise Conflict("The registry has changed since this plan was made. Nothing was applied; look at the new plan.")
    if plan.refused:
        raise InvalidInput(
            "The file cannot be applied as it stands. Nothing was applied.",
            errors=[{"pointer": "", "detail": f"line {one.line}: {one.what}: {one.sentence}"} for one in plan.refused],
        )
    if not plan.doing:
        raise InvalidInput("Nothing in the file differs from the registry. Nothing was applied.")
    return [_execute(step) for step in plan.doing]


def _execute(step: Step) -> Done:
    if step.run is None:
        raise RuntimeError("A step that does nothing was executed (this is a bug).")
    try:
        return Done(step, True, step.run())
    except PortalError as error:
        return Done(step, False, error.detail)


def _digest(steps: list[Step]) -> str:
    facts = [[one.kind.value, one.what, one.sentence, list(one.changes)] for one in steps]
    return hashlib.sha256(canonicalize(facts)).hexdigest()


def _levels(actor: Person, manifest: Manifest, reason: str) -> Iterator[Step]:
    if manifest.organisation is not None:
        yield _policy(actor, ORGANISATION, manifest.organisation, manifest.parsed.line_of("/organisation"), reason)
    for slug, restriction in manifest.teams.items():
        line = manifest.parsed.line_of(f"/teams/{slug}")
        team = team_by_slug(slug)
        if team is None:
            yield _refuse(f"team {slug}", "There is no such team.", line)
        else:
            yield _policy(actor, Subject.of_team(team), restriction, line, reason)


def _agent(actor: Person, entry: AgentEntry, reason: str) -> Iterator[Step]:
    team = team_by_slug(entry.facts["owner_team"])
    if team is None:
        yield _refuse(entry.name, f"There is no team {entry.facts['owner_team']}.", entry.line)
        return
    people = {key: _person(entry.facts.get(key, "")) for key in ("accountable_person", "deputy")}
    for key, found in people.items():
        if entry.facts.get(key) and found is None:
            yield _refuse(entry.name, f"No active person has the address {entry.facts[key]}.", entry.line)
            return
    agent = visible_agents(actor).select_related("deputy").filter(name__iexact=entry.name.strip()).first()
    if agent is None:
        yield _new(actor, entry, team, people)
    elif agent.owner_team_id != team.pk:
        yield _refuse(entry.name, f"It belongs to {agent.owner_team.name}; a transfer changes that.", entry.line)
    elif agent.state in (AgentState.DRAFT.value, AgentState.RETIRED.value):
        yield _refuse(entry.name, f"An agent of this name is {agent.state} here.", entry.line)
    else:
        steps = [*_facts(actor, entry, agent, people, reason), _policy_of(actor, entry, agent, reason)]
        moving = [step for step in steps if step.kind is not StepKind.UNCHANGED]
        yield from moving or steps[-1:]


def _new(actor: Person, entry: AgentEntry, team: Team, people: dict[str, Person | None]) -> Step:
    if not authority_of(actor).has(Role.MANAGER, team.pk):
        return _refuse(entry.name, f"Only a manager of {team.name} registers its agents.", entry.line)
    facts: dict[str, Any] = {name: entry.facts[name] for name in FACTS if name in entry.facts}
    profile = Profile(**facts, accountable_person=people["accountable_person"], deputy=people["deputy"])
    document: dict[str, Any] = entry.policy.to_document()
    missing = [fault["detail"] for fault in faults_of_people(team=team, **people)]
    missing += [] if profile.purpose.strip() else ["say what the agent is for"]
    missing += [] if entry.policy.scope.repositories else ["name at least one repository"]

    def run() -> str:
        agent = start_draft(actor=actor, team=team, profile=profile, policy=document)
        if missing:
            return f"{agent.name} is a draft."
        try:
            register_agent(actor=actor, agent=agent)
        except PortalError as error:
            return f"{agent.name} is a draft and was not registered: {error.detail}"
        return f"{agent.name} is registered under revision 1."

    if missing:
        return Step(StepKind.DRAFT, entry.name, "It becomes a draft.", entry.line, tuple(missing), run)
    scope = tuple(f"May work in {name}." for name in entry.policy.scope.repositories)
    return Step(StepKind.REGISTER, entry.name, f"It is registered for {team.name}.", entry.line, scope, run)


def _facts(
    actor: Person, entry: AgentEntry, agent: Agent, people: dict[str, Person | None], reason: str
) -> Iterator[Step]:
    changes = {name: entry.facts.get(name, _absent(name)) for name in FACTS}
    changed = [name for name in FACTS if changes[name] != getattr(agent, name)]
    same_people = (agent.accountable_person, agent.deputy) == (people["accountable_person"], people["deputy"])
    if (changed or not same_people) and not may_manage(authority_of(actor), agent):
        yield _refuse(agent.name, f"Only a manager of {agent.owner_team.name} changes it.", entry.line)
        return
    if changed:
        said = tuple(f"{name.replace('_', ' ').capitalize()} changes." for name in changed)

        def describe_it() -> str:
            change_profile(actor=actor, agent=agent, changes=changes, reason=reason)
            return f"What is said about {agent.name} was changed."

        yield Step(StepKind.CHANGE, agent.name, "What is said about it changes.", entry.line, said, describe_it)
    if not same_people:
        faults = faults_of_people(team=agent.owner_team, **people)
        if faults:
            yield _refuse(agent.name, "; ".join(f"{one['pointer'][1:]} {one['detail']}" for one in faults), entry.line)
            return

        def name_people() -> str:
            change_people(actor=actor, agent=agent, reason=reason, **people)
            return f"Others answer for {agent.name} now."

        named = tuple(f"{key.replace('_', ' ')}: {one.name if one else 'nobody'}" for key, one in people.items())
        yield Step(StepKind.CHANGE, agent.name, "Others answer for it.", entry.line, named, name_people)


def _policy_of(actor: Person, entry: AgentEntry, agent: Agent, reason: str) -> Step:
    return _policy(actor, Subject.of_agent(agent), entry.policy, entry.line, reason)


def _policy(actor: Person, subject: Subject, new: Document, line: int, reason: str) -> Step:
    revision = revision_in_force(subject)
    old = nothing(subject.level) if revision is None else stored_document(subject.level, revision.document)
    document: dict[str, Any] = new.to_document()
    if document == old.to_document():
        return Step(StepKind.UNCHANGED, subject.label, "The policy stays as it is.", line)
    if not may_change(authority_of(actor), subject):
        return _refuse(subject.label, f"Only {who_changes(subject)} changes this policy.", line)
    moved = [change for change in describe(old, new) if change.direction is not Direction.UNCHANGED]
    wider = [change for change in moved if change.direction is Direction.WIDENED]
    number = 0 if revision is None else revision.number

    def run() -> str:
        made = change_policy(actor=actor, subject=subject, document=document, based_on=number, reason=reason)
        if isinstance(made, PolicyProposal):
            return f"{made.label} waits for a second person; the policy of {subject.label} is as before."
        return f"Revision {made.number} of the policy of {subject.label} is in force."

    said = tuple(change.sentence for change in moved) or ("The same is written in another way.",)
    if wider:
        sentence = f"{len(wider)} of {len(moved)} changes widen it, so a second person must agree."
        return Step(StepKind.PROPOSE, subject.label, sentence, line, said, run)
    return Step(StepKind.TIGHTEN, subject.label, f"Revision {number + 1} is in force at once.", line, said, run)


def _refuse(what: str, sentence: str, line: int) -> Step:
    return Step(StepKind.REFUSED, what, sentence, line)


def _person(email: str) -> Person | None:
    return Person.objects.filter(email__iexact=email.strip(), is_active=True).first() if email else None


def _absent(name: str) -> Any:
    """What a file that leaves a member out says about it."""
    return [] if name == "links" else Profile(name="", platform="").edited[name]
