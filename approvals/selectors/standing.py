"""The one SELECT of the check path: credential, agent, the revisions in force and kill state, fresh.

What it needs to know before it can ask (which agent, and so which kill scopes) is remembered from the last
question with the same token, compared with the row that comes back, and asked again where it has changed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper

from registry.models import PolicyRevision
from registry.rules.effective import CompiledLayer, Effective, compile_effective, compile_narrowing
from registry.rules.kill import keys_over
from registry.rules.policy import Policy
from registry.rules.restriction import Baseline, Restriction

_SELECT = """
SELECT clock_timestamp(), c.id, c.prefix || '… ' || c.name, c.created_by_id, c.expires_at, c.revoked_at,
       a.id, a.name, a.state, a.owner_team_id, nullif(c.scope, '{}')::text,
       o.revision_id, t.revision_id, a.revision_id, k.epoch, k.stopped,
       (SELECT min(x.number) FROM approvals_gateexception x WHERE x.agent_id = a.id AND x.decided_at IS NOT NULL
        AND x.closed_at IS NULL AND x.review_due_at <= clock_timestamp())
FROM registry_credential c
JOIN registry_agent a ON a.id = c.agent_id
LEFT JOIN registry_policylevel o ON o.key = 'organisation'
LEFT JOIN registry_policylevel t ON t.key = 'team:' || a.owner_team_id
CROSS JOIN LATERAL (SELECT coalesce(sum(epoch), 0)::bigint AS epoch, array_agg(key) FILTER (WHERE stopped) AS stopped
                    FROM registry_killstate WHERE key = ANY(string_to_array(%s::text, E'\\n'))) k
WHERE c.digest = %s
"""


class Basis(NamedTuple):
    """The revisions that a decision rests on, from the organisation down; None where nothing is in force."""

    organisation: UUID | None
    team: UUID | None
    agent: UUID | None


class InForce(NamedTuple):
    """The policies of a basis, compiled as one, and what the revisions are called.

    ``policy`` is the agent's own as it was written, ``above`` what the levels above it say, from the organisation down.
    """

    effective: Effective
    policy: Policy
    above: tuple[Restriction, ...]
    organisation: int | None
    team: int | None
    agent: int
    digest: str


class Holder:
    """Whose a token is and what its questions rest on: all that is needed to name the kill scopes of a question."""

    __slots__ = ("_policies", "agent_id", "basis", "team_id")

    def __init__(self, agent_id: UUID, team_id: UUID, basis: Basis) -> None:
        self.agent_id = agent_id
        self.team_id = team_id
        self.basis = basis
        self._policies: InForce | None = None

    @property
    def policies(self) -> InForce | None:
        """What is in force for the agent; None for one without a policy."""
        if self._policies is None and self.basis.agent is not None:
            self._policies = policies_in_force(self.basis)
        return self._policies

    def is_still(self, row: tuple[Any, ...]) -> bool:
        return self.agent_id == row[6] and self.team_id == row[9] and self.basis == row[11:14]


KeysOf = Callable[[Holder], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CallerStanding:
    """Who asks with a token, and everything about them that a decision depends on, at ``now``.

    ``kill_keys`` are the scopes that could stop this very question, ``epoch`` is the sum of theirs. ``debt`` is the
    number of an exception whose use is overdue to be looked at.
    """

    now: datetime
    credential_id: UUID
    credential_label: str
    credential_issuer: UUID
    expires_at: datetime
    revoked_at: datetime | None
    agent_id: UUID
    agent_name: str
    agent_state: str
    team_id: UUID
    narrowing: CompiledLayer | None
    holder: Holder
    kill_keys: tuple[str, ...]
    epoch: int
    stopped_by: tuple[str, ...]
    debt: int | None = None

    @property
    def basis(self) -> Basis:
        return self.holder.basis

    @property
    def policy_in_force(self) -> UUID:
        """The revision's id. Without one every question is denied, so nothing further may ask for it."""
        if self.basis.agent is None:
            raise RuntimeError("A decision beyond deny without a policy revision (this is a bug).")
        return self.basis.agent

    @property
    def credential_ok(self) -> bool:
        return self.revoked_at is None and self.now < self.expires_at


def keys_of_agent(holder: Holder) -> tuple[str, ...]:
    """The kill scopes over the agent as such, for whoever asks about no call in particular."""
    return keys_over(agent_id=holder.agent_id, team_id=holder.team_id)


Key = TypeVar("Key")
Value = TypeVar("Value")


def one_text(keys: tuple[str, ...]) -> str:
    """Keys of kill scopes as one parameter: psycopg writes a list several times slower than PostgreSQL splits it."""
    return "\n".join(keys)


_MOST_KEPT = 5_000
_TRIES = 4
_holders: dict[bytes, Holder] = {}


def caller_standing(
    token_digest: bytes, keys_of: KeysOf = keys_of_agent, cursor: CursorWrapper | None = None
) -> CallerStanding | None:
    """The standing of the token's holder; None when no credential has this digest.

    ``keys_of`` is asked only for a holder who is known, so nothing is read of a stranger's question. ``cursor`` is
    the caller's own, if it goes on with one: opening one costs as much as reading the answer.
    """
    if cursor is None:
        with connection.cursor() as own:
            return caller_standing(token_digest, keys_of, own)
    for _ in range(_TRIES):
        known = _holders.get(token_digest)
        keys = () if known is None else keys_of(known)
        cursor.execute(_SELECT, (one_text(keys), token_digest))
        row = cursor.fetchone()
        if row is None:
            return None
        if known is not None and known.is_still(row):
            return _standing(row, known, keys)
        _keep(_holders, token_digest, Holder(row[6], row[9], Basis(*row[11:14])))
    raise RuntimeError("The policy kept changing while a question was asked.")


def _standing(row: tuple[Any, ...], holder: Holder, keys: tuple[str, ...]) -> CallerStanding:
    epoch, stopped, debt = row[14:]
    stopped_by = tuple(key for key in keys if key in stopped) if stopped else ()
    return CallerStanding(*(*row[:10], _narrowing(row[1], row[10]), holder, keys, epoch, stopped_by, debt))


_in_force: dict[Basis, InForce] = {}


def policies_in_force(basis: Basis) -> InForce:
    """The policies of a basis. Revisions never change, so what is kept is never stale."""
    known = _in_force.get(basis)
    if known is None:
        if basis.agent is None:
            raise RuntimeError("An agent without a policy revision has nothing to be compiled (this is a bug).")
        found = PolicyRevision.objects.in_bulk([pk for pk in basis if pk is not None])
        organisation, team = (None if pk is None else found[pk] for pk in basis[:2])
        agent = found[basis.agent]
        policy = Policy.stored(agent.document)
        baseline = None if organisation is None else Baseline.stored(organisation.document)
        restriction = None if team is None else Restriction.stored(team.document)
        known = InForce(
            compile_effective(policy, organisation=baseline, team=restriction),
            policy,
            tuple(one for one in (baseline, restriction) if one is not None),
            None if organisation is None else organisation.number,
            None if team is None else team.number,
            agent.number,
            bytes(agent.digest).hex(),
        )
        _keep(_in_force, basis, known)
    return known


def effective_policy(basis: Basis) -> Effective:
    """What the agent may do under the revisions of the basis."""
    return policies_in_force(basis).effective


_narrowings: dict[UUID, tuple[str, CompiledLayer | None]] = {}


def _narrowing(credential_id: UUID, scope: str | None) -> CompiledLayer | None:
    """The credential's own restriction, compiled; what is kept counts only for the very text that was read."""
    if scope is None:
        return None
    kept = _narrowings.get(credential_id)
    if kept is None or kept[0] != scope:
        kept = scope, compile_narrowing(orjson.loads(scope))
        _keep(_narrowings, credential_id, kept)
    return kept[1]


def _keep(kept: dict[Key, Value], key: Key, value: Value) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value
