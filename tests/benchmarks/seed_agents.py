"""Make the 2,000 agents of a benchmark's database active and visible, and sign its manager in; prints the session."""

import django

django.setup()

from django.contrib.auth.models import Permission  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from portal.identity.models import Person, Team  # noqa: E402
from portal.identity.services.people import create_team  # noqa: E402
from portal.ledger.events import SYSTEM  # noqa: E402
from registry.models import Agent, AgentGroupPermission, KillState  # noqa: E402

# As if registered: with their revision in force, somebody who answers, and owned by five teams.
_ACTIVE = """
UPDATE registry_agent a SET state = 'active', revision_id = r.id, accountable_person_id = a.created_by_id,
       registered_at = now(), last_seen_at = now() - interval '1 hour', purpose = 'Refactors one module at a time.'
FROM registry_policyrevision r WHERE r.agent_id = a.id AND a.state = 'draft'
"""
STOPPED = 20


def main() -> None:
    manager, team = Person.objects.get(), Team.objects.get()
    for number in range(4):
        create_team(actor=SYSTEM, name=f"Bench {number}")
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVE)
    AgentGroupPermission.objects.filter(group=team.group).delete()
    permission = Permission.objects.get(codename="view_agent")
    AgentGroupPermission.objects.bulk_create(
        AgentGroupPermission(permission=permission, group=team.group, content_object=agent)
        for agent in Agent.objects.all()
    )
    stopped = Agent.objects.order_by("name").values_list("pk", flat=True)[:STOPPED]
    KillState.objects.bulk_create(
        [KillState(key=f"agent:{pk}", epoch=1, stopped=True) for pk in stopped], ignore_conflicts=True
    )
    client = Client()
    client.force_login(manager)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM registry_agent WHERE state = 'active'")
        (active,) = cursor.fetchone()
    print(f"{active} {client.cookies['sessionid'].value}")


if __name__ == "__main__":
    main()
