"""Fill the ledger with recorded checks of realistic variety and propose a wider policy: prints the proposal's id.

The calls are those of the demonstration's stories, told again and again about other tickets and other files, so that
some are asked every day by every agent and others only once.
"""

import random
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import django

django.setup()

from django.db import transaction  # noqa: E402

from approvals.events import CheckDecided  # noqa: E402
from approvals.rules.binding import bound_arguments  # noqa: E402
from portal.identity.models import Person, Team  # noqa: E402
from portal.ledger.events import Actor  # noqa: E402
from portal.ledger.selectors.entries import database_now  # noqa: E402
from portal.ledger.services.append import Draft, append_many  # noqa: E402
from registry.models import Agent, PolicyProposal  # noqa: E402
from registry.rules.policy import template  # noqa: E402
from registry.rules.runs import run_id  # noqa: E402
from registry.selectors.policies import Subject  # noqa: E402
from registry.services.policy import change_policy  # noqa: E402
from registry.services.register import Profile, register_agent, save_draft, start_draft  # noqa: E402
from reports.demo import stories_payments, stories_platform  # noqa: E402
from reports.demo.steps import Step, Story  # noqa: E402

AGENTS = 40
BATCH = 2_000
_PATHS = ("file_path", "path", "notebook_path")


def main(checks: int) -> None:
    random.seed(3)
    person = Person.objects.get(email="bench@example.test")
    team = Team.objects.get(name="Bench")
    stories = [*stories_payments.of_the_week(), *stories_platform.of_the_week()]
    agents = [_agent(number, person, team, stories) for number in range(AGENTS)]
    now = database_now()
    batch: list[Draft] = []
    for number, (agent, session, story, step) in enumerate(_steps(agents, stories, checks)):
        batch.append(_check(agent, session, story, step, now - timedelta(days=89) * (1 - number / checks)))
        if len(batch) == BATCH:
            _append(batch)
    _append(batch)
    print(_proposed(person, team).pk)


def _append(batch: list[Draft]) -> None:
    with transaction.atomic():
        append_many(batch)
    batch.clear()


def _agent(number: int, person: Person, team: Team, stories: list[Story]) -> Agent:
    document: dict[str, Any] = template().to_document()
    document["scope"]["repositories"] = sorted({story.repository for story in stories})
    document["scope"]["hosts"] = ["*.python.org", "registry.npmjs.org", "docs.example.com"]
    document["scope"]["paths_allowed"] = ["**", *(f"services/part{part}/**" for part in range(40))]
    document["tiers"]["dependency.change"] = ("gated", "forbidden")[number % 2]
    profile = Profile(name=f"Replayed {number}", platform="claude_code", purpose="bench", accountable_person=person)
    agent = start_draft(actor=person, team=team, profile=profile)
    save_draft(actor=person, agent=agent, policy=document)
    return register_agent(actor=person, agent=agent)


def _steps(agents: list[Agent], stories: list[Story], checks: int) -> Iterator[tuple[Agent, str, Story, Step]]:
    """The steps of one session after the other, told by random agents."""
    told = 0
    while True:
        agent, story = random.choice(agents), random.choice(stories)  # noqa: S311  a benchmark's variety
        session = str(uuid4())
        ticket = f"{story.ticket.partition('-')[0]}-{random.randrange(3_000)}"  # noqa: S311
        for step in story.steps * 2:
            yield agent, session, story, Step(step.tool, _varied(step.input, story.ticket, ticket))
            told += 1
            if told == checks:
                return


def _varied(given: dict[str, Any], ticket: str, other: str) -> dict[str, Any]:
    """The same call about another ticket, and every second time about another file."""
    found = {key: value.replace(ticket, other) if isinstance(value, str) else value for key, value in given.items()}
    for key in _PATHS:
        if key in found and random.random() < 0.5:  # noqa: S311
            folder, _, name = found[key].rpartition("/")
            found[key] = f"{folder}/part{random.randrange(500)}/{name}"  # noqa: S311
    return found


def _check(agent: Agent, session: str, story: Story, step: Step, at: datetime) -> Draft:
    run: UUID = run_id(agent.pk, session)
    event = CheckDecided(
        credential=run,
        session=session,
        tool=step.tool,
        tool_use_id=f"toolu_{run.hex}",
        actions=["read"],
        outcome="allow",
        tier="free",
        rules=["tier.read"],
        revision=1,
        policy_digest="0" * 64,
        epoch=3,
        repository=story.repository,
        branch=story.branch,
        environment=story.environment,
        task=None,
        understood=True,
        request=None,
        levels=["agent"],
        stated={"model": "claude-opus-4"},
        resource="something",
        arguments=bound_arguments(step.tool, step.input, cwd=story.cwd),
        sentence="Allowed: read: free for this agent.",
        initiator="bench@example.test",
    )
    actor = Actor("agent", str(agent.pk), agent.name)
    return Draft(event=event, actor=actor, at=at, agent_id=agent.pk, run_id=run, source="check", subject=f"run:{run}")


def _proposed(person: Person, team: Team) -> PolicyProposal:
    """The team's baseline is loosened: every agent of the team has to be tried again."""
    subject = Subject.of_team(team)
    strict = {"tiers": {"commit": "gated", "test": "gated", "package.publish": "forbidden"}, "limits": {"lines": 50}}
    loose = {"tiers": {"commit": "gated", "package.publish": "gated"}, "limits": {"lines": 400}}
    change_policy(actor=person, subject=subject, document=strict, based_on=0, reason="Careful at first.")
    found = change_policy(actor=person, subject=subject, document=loose, based_on=1, reason="Enough seen.")
    if not isinstance(found, PolicyProposal):
        raise SystemExit("The benchmark's proposal does not widen anything.")
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]))
