"""Fill a benchmark's database: 2,000 active agents, 200 path patterns, a kill row; prints one token."""

import django

django.setup()

from portal.identity.models import Person, Team  # noqa: E402
from portal.identity.rules.roles import Role  # noqa: E402
from portal.identity.services.people import add_member, assign_role, create_person, create_team  # noqa: E402
from portal.ledger.events import SYSTEM  # noqa: E402
from registry.models import Agent, KillState, PolicyRevision  # noqa: E402
from registry.rules.policy import template  # noqa: E402
from registry.services.credential import issue_credential  # noqa: E402
from registry.services.register import Profile, register_agent, save_draft, start_draft  # noqa: E402

AGENTS = 2000
PATTERNS = 200


def main() -> None:
    manager = create_person(actor=SYSTEM, email="bench@example.test", name="Bench Manager")
    team = create_team(actor=SYSTEM, name="Bench")
    add_member(actor=SYSTEM, team=team, person=manager)
    assign_role(actor=SYSTEM, person=manager, role=Role.MANAGER, team=team)
    document = template().to_document()
    document["scope"]["repositories"] = ["acme/checkout"]  # type: ignore[index]
    document["scope"]["paths_allowed"] = ["**", *(f"src/module{n}/**" for n in range(PATTERNS // 2 - 1))]  # type: ignore[index]
    document["scope"]["paths_blocked"] = [f"secret{n}/**" for n in range(PATTERNS // 2)]  # type: ignore[index]
    agent = start_draft(
        actor=manager,
        team=team,
        profile=Profile(name="Bench agent", platform="claude_code", purpose="bench", accountable_person=manager),
    )
    save_draft(actor=manager, agent=agent, policy=document)
    agent = register_agent(actor=manager, agent=agent)
    _copies(agent, manager, team)
    KillState.objects.bulk_create([KillState(key="all", epoch=1), KillState(key=f"agent:{agent.pk}", epoch=2)])
    print(issue_credential(actor=manager, agent=agent, name="bench", days=1)[1])


def _copies(model: Agent, manager: Person, team: Team) -> None:
    """The other agents, written straight: only their rows matter here."""
    agents = [
        Agent(name=f"Agent {n}", slug=f"agent-{n}", platform=model.platform, owner_team=team, created_by=manager)
        for n in range(AGENTS - 1)
    ]
    Agent.objects.bulk_create(agents)
    revision = model.revision
    assert revision is not None
    PolicyRevision.objects.bulk_create(
        PolicyRevision(agent=agent, number=1, document=revision.document, digest=revision.digest, author=manager)
        for agent in agents
    )


if __name__ == "__main__":
    main()
