"""Fill a benchmark's database for the inbox: teams, approvers signed in, thousands that wait; prints JSON."""

import json
import os
import sys

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from approvals.models import ApprovalRequest  # noqa: E402
from approvals.services.check import Call, decide  # noqa: E402
from portal.identity.models import Person, Team  # noqa: E402
from portal.identity.rules.roles import Role  # noqa: E402
from portal.identity.services.people import add_member, assign_role, create_person, create_team  # noqa: E402
from portal.ledger.events import SYSTEM  # noqa: E402
from registry.rules.policy import template  # noqa: E402
from registry.services.credential import issue_credential  # noqa: E402
from registry.services.register import Profile, register_agent, save_draft, start_draft  # noqa: E402

# The rows that one opened request is copied into; what waits is what is measured, not how it was asked.
_COPY = """
INSERT INTO approvals_approvalrequest ({columns})
SELECT {values} FROM approvals_approvalrequest r, generate_series(1, %s) n WHERE r.id = %s
"""


def main() -> None:
    teams, people, waiting = map(int, sys.argv[1:4])
    manager = Person.objects.get()
    found: dict[str, list[dict[str, object]]] = {"watchers": [], "asking": []}
    for number in range(teams):
        team = create_team(actor=SYSTEM, name=f"Inbox {number}")
        add_member(actor=SYSTEM, team=team, person=manager)
        assign_role(actor=SYSTEM, person=manager, role=Role.MANAGER, team=team)
        crowded, asking = (_agent(manager, team, f"{kind} {number}") for kind in ("Crowded", "Asking"))
        _fill(crowded, waiting // teams, number)
        found["asking"].append({"team": number, "token": asking})
        found["watchers"] += [{"team": number, "session": _approver(team, n)} for n in range(people // teams)]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    security = create_person(actor=SYSTEM, email="inbox-security@example.test", name="Inbox Security")
    assign_role(actor=SYSTEM, person=security, role=Role.SECURITY, team=None)
    print(json.dumps({**found, "security": _session(security), "pending": ApprovalRequest.objects.count()}))


def _agent(manager: Person, team: Team, name: str) -> str:
    document = template().to_document()
    document["scope"]["repositories"] = ["acme/checkout"]  # type: ignore[index]
    profile = Profile(name=name, platform="claude_code", purpose="bench", accountable_person=manager)
    agent = start_draft(actor=manager, team=team, profile=profile)
    save_draft(actor=manager, agent=agent, policy=document)
    agent = register_agent(actor=manager, agent=agent)
    return issue_credential(actor=manager, agent=agent, name="bench", days=1)[1]


def _fill(token: str, count: int, team: int) -> None:
    call = Call(
        tool="Bash",
        tool_input={"command": f"gh pr merge {team} --squash", "description": "merge it"},
        session_id="bench",
        cwd="/work",
        repository="acme/checkout",
        branch="feature/basket",
    )
    opened = decide(token=token, call=call).request
    if opened is None:
        raise RuntimeError("The call to copy was not gated.")
    columns = [field.column for field in ApprovalRequest._meta.concrete_fields]
    first = 1_000_000 + team * 100_000
    own = {
        "id": "gen_random_uuid()",
        "number": f"{first} + n",
        "digest": f"sha256(('{first}' || n)::bytea)",
        # Until tomorrow: what is asked while the benchmark runs has less time left and stands on the first page.
        "expires_at": "r.expires_at + interval '1 day' + n * interval '1 second'",
        "precedent": "md5((n / 3)::text)",
    }
    values = ", ".join(own.get(str(column), f'r."{column}"') for column in columns)
    statement = _COPY.format(columns=", ".join(f'"{column}"' for column in columns), values=values)
    with connection.cursor() as cursor:
        cursor.execute(statement, [count - 1, opened.pk])


def _approver(team: Team, number: int) -> str:
    person = create_person(actor=SYSTEM, email=f"a{number}-{team.slug}@example.test", name=f"Approver {number}")
    add_member(actor=SYSTEM, team=team, person=person)
    assign_role(actor=SYSTEM, person=person, role=Role.APPROVER, team=team)
    return _session(person)


def _session(person: Person) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies[os.environ.get("BAILIWICK_SESSION_COOKIE", "sessionid")].value


if __name__ == "__main__":
    main()
