"""Letting a gated action through by an exception: found live, held while it is used, and every use written down."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import connection

from approvals.models import ExceptionUse, GateException
from approvals.rules.authorize import Decision, Outcome
from approvals.rules.classify.actions import Action
from approvals.rules.exceptions import ExceptionKind, Opening, covers, opened, too_final
from approvals.selectors.exceptions import epoch_of
from approvals.selectors.standing import CallerStanding, effective_policy
from approvals.services.question import AskedCall
from portal.identity.selectors.people import accounts_at
from registry.selectors.kills import stopped_since

# FOR SHARE: a revocation waits for the uses that have begun, and the uses after it find no row. Of the people only
# those with an account and the right count, as with an approval: who granted it, and who answers for it. Whoever has
# a part in this very call (issued the credential that asks, started it, wrote its prompt or its change) approves none
# of it, so an exception that they granted opens nothing for it.
_LIVE = """
SELECT x.id FROM approvals_gateexception x
JOIN identity_person d ON d.id = x.decided_by_id AND d.is_active
JOIN identity_person w ON w.id = x.owner_id AND w.is_active
JOIN identity_person k ON k.id = x.asked_by_id
JOIN identity_person i ON i.id = %s
WHERE x.agent_id = %s AND x.state = 'granted' AND x.ends_at > clock_timestamp()
  AND d.human NOT IN (w.human, k.human, i.human)
  AND NOT EXISTS (SELECT FROM identity_person p WHERE p.id = ANY(%s::uuid[]) AND p.human = d.human)
  AND EXISTS (SELECT FROM identity_roleassignment h WHERE h.person_id = d.id
              AND (h.role = 'security' OR (h.team_id = %s AND h.role = CASE x.kind WHEN 'break_glass' THEN 'approver'
                                                                              ELSE 'manager' END)))
ORDER BY x.ends_at FOR SHARE OF x
"""


@dataclass(frozen=True, slots=True)
class OpenGate:
    """An exception that lets a call through, and the accounts with a part in that call."""

    exception: GateException
    people: tuple[UUID, ...]


def open_gate(*, standing: CallerStanding, asked: AskedCall, decision: Decision) -> OpenGate | None:
    """The live exception that opens every gate of this decision, held until the transaction ends; None without one."""
    call, actions = asked.call, asked.understood(standing.holder).actions
    types, catalogue = {action.type for action in actions}, effective_policy(standing.basis).catalogue
    stated = [address for address in (call.initiator, call.prompt_author, *call.co_authors) if address]
    people = accounts_at(stated)
    for exception in _live(standing, people):
        kind, named = ExceptionKind(exception.kind), types.intersection(exception.actions)
        if any(too_final(kind, catalogue.action_type(key)) for key in named):
            continue
        fits = covers(
            Opening(exception.label, frozenset(exception.actions), exception.repository, exception.environment),
            actions=types,
            rules=decision.rules,
            repository=call.repository,
            environments={action.environment or call.environment for action in actions},
            targets=[(action.type, action.resource) for action in actions],
        )
        if fits and not _stopped_since(exception, standing):
            return OpenGate(exception, tuple({standing.credential_issuer, *people}))
    return None


def _stopped_since(exception: GateException, standing: CallerStanding) -> bool:
    """Whether a stop has come since it was granted: over all that it opens, or over this very question."""
    if exception.epoch != epoch_of(exception.agent, exception.actions, exception.repository):
        return True
    return exception.decided_at is None or stopped_since(standing.kill_keys, exception.decided_at)


def by_exception(decision: Decision, exception: GateException) -> Decision:
    """The decision under an exception: allowed, and says by which."""
    rule = opened(exception.label)
    return replace(decision, outcome=Outcome.ALLOW, rules=(rule, *decision.rules), sentence=f"Allowed: {rule.text}")


def note_use(*, gate: OpenGate, entry_id: UUID, run_id: UUID, action: Action) -> None:
    """List the use on the exception; the entry of the check says the rest."""
    ExceptionUse.objects.create(
        exception=gate.exception,
        entry_id=entry_id,
        run_id=run_id,
        action=action.type,
        resource=action.resource,
        people=list(gate.people),
    )


def _live(standing: CallerStanding, people: Sequence[UUID]) -> list[GateException]:
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, [standing.credential_issuer, standing.agent_id, list(people), standing.team_id])
        keys = [row[0] for row in cursor.fetchall()]
    found = GateException.objects.select_related("agent").in_bulk(keys) if keys else {}
    return [found[key] for key in keys]
