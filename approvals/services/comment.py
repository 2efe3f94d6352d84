"""Commenting: saying something about a request beside any verdict."""

from django.db import transaction

from approvals.events import CommentMade
from approvals.models import ApprovalRequest, Comment
from approvals.selectors.deciding import run_of
from approvals.selectors.reviewing import capacities
from approvals.services.request import lock
from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry.rules.texts import MOST_TEXT, fault_in

# Enough for any talk about one call; more is a flood.
MOST_COMMENTS = 200


@transaction.atomic(durable=True)
def comment(*, actor: Person, request: ApprovalRequest, text: str) -> Comment:
    """Keep what somebody who has to do with the request says about it, also after it was settled. It decides nothing.

    Raises NotAllowed (403) for whoever only reads, InvalidInput (400) for a text that cannot be kept.
    """
    request = lock(request)
    if not may_comment(request, actor):
        raise NotAllowed(
            f"The owner team, whoever started the work and those who decide {request.label} comment on it. "
            "Nothing was kept."
        )
    fault = fault_in(text, most=MOST_TEXT, lines=True)
    if fault is None and not text.strip():
        fault = "must say something"
    if fault is not None:
        raise InvalidInput(f"The comment {fault}. Nothing was kept.", errors=[{"pointer": "/text", "detail": fault}])
    if Comment.objects.filter(request=request).count() >= MOST_COMMENTS:
        raise Conflict(f"{request.label} has {MOST_COMMENTS} comments already. Nothing was kept.")
    now = database_now()
    made = Comment.objects.create(request=request, person=actor, text=text.strip())
    event = CommentMade(request=request.number, comment=made.pk, text=made.text)
    append(event, actor=actor_for(actor), at=now, agent_id=request.agent_id, run_id=run_of(request))
    return made


def may_comment(request: ApprovalRequest, actor: Person) -> bool:
    authority = authority_of(actor)
    team = request.agent.owner_team_id
    if not actor.is_active:
        return False
    belongs = team in authority.teams or any(authority.has(role, team) for role in (Role.MANAGER, Role.APPROVER))
    return (
        belongs or authority.has(Role.SECURITY) or actor.pk == request.initiator_id or bool(capacities(request, actor))
    )
