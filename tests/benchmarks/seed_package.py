"""Fill the ledger with gated actions, seal it and queue a package of all: prints the package's id."""

import sys
from datetime import timedelta
from typing import Any
from uuid import uuid4

import django

django.setup()

from django.db import transaction  # noqa: E402

from approvals.events import (  # noqa: E402
    CheckDecided,
    GrantIssued,
    GrantRedeemed,
    RequestOpened,
    RequestResolved,
    ReviewGiven,
)
from portal.identity.models import Person  # noqa: E402
from portal.identity.rules.roles import Role  # noqa: E402
from portal.identity.selectors.people import actor_for, authority_of  # noqa: E402
from portal.identity.services.people import assign_role  # noqa: E402
from portal.ledger.events import SYSTEM, Actor, Event, instant  # noqa: E402
from portal.ledger.rules.canonical import JSONValue, canonicalize  # noqa: E402
from portal.ledger.selectors.entries import database_now  # noqa: E402
from portal.ledger.services.append import Draft, append_many  # noqa: E402
from portal.ledger.services.seal import seal  # noqa: E402
from portal.ledger.signing import load_signer  # noqa: E402
from registry.models import Agent  # noqa: E402
from reports.rules.package import PackageScope  # noqa: E402
from reports.services.package import request_package  # noqa: E402

BATCH = 500


def main(gated: int) -> None:
    person = Person.objects.get(email="bench@example.test")
    assign_role(actor=SYSTEM, person=person, role=Role.AUDITOR)
    agent = Agent.objects.select_related("revision").get(slug="bench-agent")
    for first in range(0, gated, BATCH):
        with transaction.atomic():
            append_many(
                [draft for number in range(first, min(first + BATCH, gated)) for draft in _one(number, agent, person)]
            )
    start = database_now() - timedelta(days=1)
    package = request_package(actor=person, scope=PackageScope.ALL, start=start)
    while (sealed := seal(signer=load_signer("log"))) is not None and sealed.count:
        continue
    print(package.pk)


def _one(number: int, agent: Agent, person: Person) -> list[Draft]:
    """What one gated action that was approved and carried out leaves: seven entries."""
    now, run, actor = database_now(), uuid4(), Actor("agent", str(agent.pk), agent.name)
    policy_digest = bytes(agent.revision.digest).hex() if agent.revision else None
    digest, command = f"{number:064x}", f"gh pr merge {number} --squash --delete-branch"
    arguments: dict[str, JSONValue] = {
        "tool": "Bash",
        "command": command,
        "cwd": "/work/checkout",
        "run_in_background": False,
    }
    view = canonicalize(
        {"version": 1, "arguments": arguments, "charter": "x" * 400, "sentence": "Needs approval: merge."}
    )
    common: dict[str, Any] = {"request": number + 1, "digest": digest}

    def check(outcome: str) -> CheckDecided:
        return CheckDecided(
            credential=run,
            tool="Bash",
            tool_use_id=f"toolu_{number}",
            actions=["pr.merge"],
            outcome=outcome,
            tier="gated",
            rules=["tier.pr.merge"],
            revision=1,
            policy_digest=policy_digest,
            epoch=3,
            repository="acme/checkout",
            branch="feature/basket",
            environment=None,
            task=None,
            understood=True,
            request=number + 1,
            resource=f"acme/checkout#{number}",
            arguments=arguments,
            sentence="Needs approval: merge.",
            initiator="dev@example.test",
        )

    authority = authority_of(person).snapshot() if number == 0 else {"person": str(person.pk), "roles": [], "teams": []}
    later = instant(now + timedelta(hours=1))
    events: list[tuple[Event, Actor]] = [
        (
            RequestOpened(
                **common,
                action="pr.merge",
                tool="Bash",
                revision=1,
                epoch=3,
                quorum=1,
                expires_at=later,
                view_hash=digest,
                view=view.decode(),
                initiator="dev@example.test",
            ),
            actor,
        ),
        (check("review"), actor),
        (
            ReviewGiven(
                **common,
                verdict="approve",
                view_hash=digest,
                authority=authority,
                sign_in=["password"],
                shown_seconds=30,
                reason="Read the change; tests are green.",
            ),
            actor_for(person),
        ),
        (RequestResolved(**common, state="approved", because="The threshold of approvals was reached."), SYSTEM),
        (GrantIssued(**common, grant=run, epoch=3, revision=1, expires_at=later), SYSTEM),
        (GrantRedeemed(**common, grant=run), actor),
        (check("allow"), actor),
    ]
    return [
        Draft(event=event, actor=who, at=now, agent_id=agent.pk, run_id=run, subject=f"run:{number % 200}")
        for event, who in events
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]))
