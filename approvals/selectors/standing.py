"""The one SELECT of the check path: credential, agent, policy revision and kill state, fresh."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from registry.models import PolicyRevision
from registry.rules.kill import combined_epoch
from registry.rules.policy import CompiledPolicy, Policy, compile  # noqa: A004

_SELECT = """
SELECT clock_timestamp(), c.id, c.prefix || '… ' || c.name, c.created_by_id, c.expires_at, c.revoked_at,
       a.id, a.name, a.slug, a.state, a.owner_team_id, r.id, r.number, r.digest,
       k_all.epoch, k_all.stopped, k_team.epoch, k_team.stopped, k_agent.epoch, k_agent.stopped
FROM registry_credential c
JOIN registry_agent a ON a.id = c.agent_id
LEFT JOIN registry_policyrevision r ON r.id = a.revision_id
LEFT JOIN registry_killstate k_all ON k_all.key = 'all'
LEFT JOIN registry_killstate k_team ON k_team.key = 'team:' || a.owner_team_id
LEFT JOIN registry_killstate k_agent ON k_agent.key = 'agent:' || a.id
WHERE c.digest = %s
"""


@dataclass(frozen=True, slots=True)
class CallerStanding:
    """Who asks with a token, and everything about them that a decision depends on, at ``now``."""

    now: datetime
    credential_id: UUID
    credential_label: str
    credential_issuer: UUID
    expires_at: datetime
    revoked_at: datetime | None
    agent_id: UUID
    agent_name: str
    agent_slug: str
    agent_state: str
    team_id: UUID
    revision_id: UUID | None
    revision_number: int | None
    policy_digest: bytes | None
    epoch: int
    stopped_by: tuple[str, ...]

    @property
    def policy_in_force(self) -> UUID:
        """The revision's id. Without one every question is denied, so nothing further may ask for it."""
        if self.revision_id is None:
            raise RuntimeError("A decision beyond deny without a policy revision (this is a bug).")
        return self.revision_id

    @property
    def credential_ok(self) -> bool:
        return self.revoked_at is None and self.now < self.expires_at


def caller_standing(token_digest: bytes) -> CallerStanding | None:
    """The standing of the token's holder; None when no credential has this digest."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, [token_digest])
        row = cursor.fetchone()
    if row is None:
        return None
    *who, digest, all_epoch, all_stopped, team_epoch, team_stopped, agent_epoch, agent_stopped = row
    agent_id, team_id = who[6], who[10]
    kills = (
        (all_epoch, all_stopped, "all"),
        (team_epoch, team_stopped, f"team:{team_id}"),
        (agent_epoch, agent_stopped, f"agent:{agent_id}"),
    )
    epoch = combined_epoch(epoch or 0 for epoch, _, _ in kills)
    stopped_by = tuple(key for _, stopped, key in kills if stopped)
    return CallerStanding(*(*who, None if digest is None else bytes(digest), epoch, stopped_by))


_MOST_KEPT = 5_000
_compiled: dict[UUID, CompiledPolicy] = {}


def compiled_policy(revision_id: UUID) -> CompiledPolicy:
    """The compiled policy of a revision. Revisions never change, so what is kept is never stale."""
    known = _compiled.get(revision_id)
    if known is None:
        document = PolicyRevision.objects.values_list("document", flat=True).get(pk=revision_id)
        known = compile(Policy.from_document(document))
        if len(_compiled) >= _MOST_KEPT:
            _compiled.clear()
        _compiled[revision_id] = known
    return known
