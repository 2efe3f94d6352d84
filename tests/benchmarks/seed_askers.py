"""Agents that ask, each with a token, and somebody who may approve: prints the approver's id, then the tokens."""

import django

django.setup()

from portal.identity.models import Person, Team  # noqa: E402
from portal.identity.rules.roles import Role  # noqa: E402
from portal.identity.services.people import add_member, assign_role, create_person  # noqa: E402
from portal.ledger.events import SYSTEM  # noqa: E402
from registry.models import Agent, PolicyRevision  # noqa: E402
from registry.rules.lifecycle import AgentState  # noqa: E402
from registry.services.credential import issue_credential  # noqa: E402

# So many that none asks more often than people could read.
ASKERS = 400


def main() -> None:
    manager, team = Person.objects.get(email="bench@example.test"), Team.objects.get(name="Bench")
    approver = create_person(actor=SYSTEM, email="approver@example.test", name="Bench Approver")
    add_member(actor=SYSTEM, team=team, person=approver)
    assign_role(actor=SYSTEM, person=approver, role=Role.APPROVER, team=team)
    print(approver.pk)
    for agent in Agent.objects.filter(slug__startswith="agent-").order_by("pk")[:ASKERS]:
        agent.state = AgentState.ACTIVE.value
        agent.revision = PolicyRevision.objects.get(agent=agent)
        agent.accountable_person, agent.registered_at = manager, agent.created_at
        agent.purpose = "bench"
        agent.save()
        print(issue_credential(actor=manager, agent=agent, name="bench", days=1)[1])


if __name__ == "__main__":
    main()
