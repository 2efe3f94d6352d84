"""Reading the evidence of a scope and period at a fixed log size, in pieces and never in one transaction.

A long transaction would hold back ``xmin`` and with it the sealer; so every piece is a statement of its own.
What is sealed never changes, so the pieces fit together all the same.
"""

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from portal.ledger import vault
from portal.ledger.models import Checkpoint
from portal.ledger.rules.merkle import Frontier, RangeProof, consistency_subtrees, cover
from portal.ledger.selectors.log import leaf_hashes, range_recorded
from registry.models import Agent, KillOrder, PolicyRevision
from registry.rules.kill import ScopeKind, scope_key
from registry.selectors.stop_targets import names_repository
from reports.models import Package
from reports.rules.package import PackageScope

STEP = 2000
# What was decided above the agents and counts for them: the organisation's policy, and what concerns their team.
LEVEL_TYPES = (
    "registry.policy.revised",
    "registry.policy.proposed",
    "registry.policy.decided",
    "registry.recertification.opened",
    "registry.recertification.closed",
)
KILL_TYPES = ("registry.kill.ordered", "registry.kill.resume_agreed", "registry.kill.resumed")

_PIECE = """
SELECT l.index, l.leaf_hash, e.id, e.bytes, e.subject, e.sealed
FROM ledger_leaf l LEFT JOIN ledger_entry e
  ON e.id = l.entry_id AND e.recorded_at = l.recorded_at
  AND e.recorded_at >= %s AND e.recorded_at < %s
  {scope}
WHERE l.index >= %s AND l.index < %s ORDER BY l.index
"""
_UNSEALED = """
SELECT count(*) FROM (
  SELECT 1 FROM ledger_entry e LEFT JOIN ledger_leaf l ON l.entry_id = e.id
  WHERE e.recorded_at >= %s AND e.recorded_at < %s AND l.entry_id IS NULL {scope} LIMIT 10001) AS waiting
"""
_BY_TYPE = """
SELECT e.type, count(*) FROM ledger_entry e
WHERE e.recorded_at >= %s AND e.recorded_at < %s {scope} GROUP BY e.type
"""
_OF_AGENTS = """
AND (e.agent_id = ANY(%s)
  OR (e.type = ANY(%s) AND convert_from(e.bytes, 'UTF8')::jsonb->'data'->>'key' = ANY(%s))
  OR (e.type = ANY(%s) AND e.agent_id IS NULL
      AND (convert_from(e.bytes, 'UTF8')::jsonb->'data'->>'level' = 'organisation'
           OR convert_from(e.bytes, 'UTF8')::jsonb->'data'->>'team' = ANY(%s))))
"""


@dataclass(frozen=True)
class Scope:
    """Which entries are in: all, or those of ``agents``, the stops under ``kill_keys``, what counts for ``teams``."""

    kind: PackageScope
    agents: tuple[Agent, ...]
    kill_keys: tuple[str, ...]
    teams: tuple[UUID, ...] = ()

    @property
    def is_all(self) -> bool:
        return self.kind is PackageScope.ALL

    def where(self) -> tuple[str, list[Any]]:
        """The SQL condition on an entry ``e``, and its values."""
        if self.is_all:
            return "", []
        return _OF_AGENTS, [
            [agent.pk for agent in self.agents],
            list(KILL_TYPES),
            list(self.kill_keys),
            list(LEVEL_TYPES),
            [str(team) for team in self.teams],
        ]


@dataclass(frozen=True)
class Place:
    """One index of the range: the entry's bytes when it is in scope, else only its hash.

    ``disclosed`` is ``{field: {"salt", "value"}}`` as far as it can still be read.
    """

    index: int
    leaf_hash: bytes
    body: bytes | None = None
    disclosed: dict[str, dict[str, Any]] = field(default_factory=dict)


def scope_of(kind: PackageScope, *, team_id: UUID | None = None, agent: Agent | None = None) -> Scope:
    """A team's agents are those that it owns now."""
    agents = Agent.objects.select_related("owner_team", "accountable_person", "revision").order_by("name")
    registered = agents.filter(registered_at__isnull=False)
    if kind is PackageScope.ALL:
        return Scope(kind, tuple(registered), ())
    if kind is PackageScope.AGENT and agent is not None:
        owned, team_id = tuple(registered.filter(pk=agent.pk)), agent.owner_team_id
    else:
        owned = tuple(registered.filter(owner_team=team_id))
    keys = [scope_key(ScopeKind.ALL), scope_key(ScopeKind.TEAM, team_id)]
    keys += [scope_key(ScopeKind.AGENT, item.pk) for item in owned]
    keys += _keys_of_parts(owned)
    return Scope(kind, owned, tuple(keys), () if team_id is None else (team_id,))


def _keys_of_parts(agents: Collection[Agent]) -> list[str]:
    """The keys of every action type ever stopped, and of every repository that one of the agents works in."""
    parts = [ScopeKind.ACTION.value, ScopeKind.REPOSITORY.value]
    ever = KillOrder.objects.filter(kind__in=parts).order_by().values_list("kind", "key").distinct()
    scopes = [agent.revision.document.get("scope", {}) for agent in agents if agent.revision is not None]
    entries = [entry for scope in scopes for entry in scope.get("repositories", [])]
    return sorted(
        key for kind, key in ever if kind == ScopeKind.ACTION.value or names_repository(entries, key.partition(":")[2])
    )


def scope_of_package(package: Package) -> Scope:
    return scope_of(PackageScope(package.scope), team_id=package.team_id, agent=package.agent)


def places(first: int, end: int, *, scope: Scope, start: datetime, until: datetime) -> Iterator[Place]:
    """Every index of ``[first, end)`` in order; entries recorded in ``[start, until)`` and in scope are whole."""
    condition, values = scope.where()
    statement = _PIECE.format(scope=condition)
    for low in range(first, end, STEP):
        high = min(low + STEP, end)
        with connection.cursor() as cursor:
            cursor.execute(statement, [start, until, *values, low, high])
            rows = cursor.fetchall()
        if len(rows) != high - low:
            raise LookupError(f"The log has {len(rows)} of the {high - low} leaves from index {low}: it is damaged.")
        held = [row for row in rows if row[2] is not None and row[5] is not None]
        opened = vault.unlock_many((subject, bytes(sealed), entry.bytes) for _, _, entry, _, subject, sealed in held)
        shown = {row[0]: values or {} for row, values in zip(held, opened, strict=True)}
        for index, leaf, entry_id, body, _, _ in rows:
            whole = None if entry_id is None else bytes(body)
            yield Place(index, bytes(leaf), whole, shown.get(index, {}))


def index_range(start: datetime, end: datetime, *, size: int) -> tuple[int, int]:
    return range_recorded(start, end, size=size)


def prove_range(first: int, end: int, *, size: int) -> RangeProof:
    """What surrounds the range in the tree of ``size`` leaves, computed with flat memory."""
    return RangeProof(_frontier(first).hashes, tuple(_subtree(low, high) for low, high in cover(end, size)))


def prove_consistency(old: int, *, size: int) -> list[bytes]:
    """RFC 9162 section 2.1.4.1 between two sizes of the log, computed with flat memory."""
    return [_subtree(low, high) for low, high in consistency_subtrees(old, size)]


def checkpoint_of(size: int) -> Checkpoint:
    """The first checkpoint signed over exactly ``size`` leaves."""
    return Checkpoint.objects.filter(size=size).order_by("id")[0]


def unsealed(scope: Scope, start: datetime, end: datetime) -> int:
    """How many committed entries of the scope and period have no place in the log (at most 10,001 counted)."""
    condition, values = scope.where()
    with connection.cursor() as cursor:
        cursor.execute(_UNSEALED.format(scope=condition), [start, end, *values])
        return int(cursor.fetchone()[0])


def counts_by_type(scope: Scope, start: datetime, end: datetime) -> dict[str, int]:
    """How many entries of each type the scope has in the period."""
    condition, values = scope.where()
    with connection.cursor() as cursor:
        cursor.execute(_BY_TYPE.format(scope=condition), [start, end, *values])
        return dict(cursor.fetchall())


def agents_seen(scope: Scope, start: datetime, end: datetime) -> set[UUID]:
    """Which agents of the scope left an entry of their own in the period: checks, events, requests."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT e.agent_id FROM ledger_entry e WHERE e.recorded_at >= %s AND e.recorded_at < %s"
            " AND e.agent_id = ANY(%s) AND e.actor_kind = 'agent'",
            [start, end, [agent.pk for agent in scope.agents]],
        )
        return {row[0] for row in cursor.fetchall()}


def longest_silence(start: datetime, end: datetime) -> tuple[timedelta | None, datetime | None]:
    """The longest time without a signed checkpoint in the period, and when the log's first one was signed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(signed_at) FROM ledger_checkpoint")
        began = cursor.fetchone()[0]
        cursor.execute(
            "SELECT max(least(after, %s) - greatest(signed_at, %s)) FROM (SELECT signed_at, lead(signed_at)"
            " OVER (ORDER BY id) AS after FROM ledger_checkpoint) AS pairs WHERE after > %s AND signed_at < %s",
            [end, start, start, end],
        )
        return cursor.fetchone()[0], began


def policies(
    named: AbstractSet[tuple[str, int]], *, scope: Scope, start: datetime, until: datetime
) -> dict[str, PolicyRevision]:
    """The revisions of a package by the name of their file.

    Of the agents those that entries name as (agent, number); of the organisation and of the scope's teams those
    that were in force at any moment of the period.
    """
    found: dict[str, PolicyRevision] = {}
    for revision in PolicyRevision.objects.filter(agent__in={agent for agent, _ in named}):
        if (str(revision.agent_id), revision.number) in named:
            found[f"{revision.agent_id}-r{revision.number}"] = revision
    above = PolicyRevision.objects.filter(agent=None, created_at__lt=until)
    if not scope.is_all:
        above = above.filter(Q(team=None) | Q(team__in=scope.teams))
    for revision in above.order_by("level", "team", "number"):
        whose = revision.level if revision.team_id is None else f"{revision.level}-{revision.team_id}"
        if revision.created_at < start:
            # The next one of the same subject was in force before the period too: only the last stays.
            found = {name: one for name, one in found.items() if not name.startswith(f"{whose}-r")}
        found[f"{whose}-r{revision.number}"] = revision
    return dict(sorted(found.items()))


def _frontier(size: int) -> Frontier:
    """The tree of the first ``size`` leaves, extended from the largest checkpoint that is not beyond it."""
    near = Checkpoint.objects.filter(size__lte=size).order_by("-size").first()
    frontier = Frontier()
    if near is not None:
        packed = bytes(near.frontier)
        frontier = Frontier(near.size, [packed[at : at + 32] for at in range(0, len(packed), 32)])
    frontier.extend(leaf_hashes(frontier.size, size))
    return frontier


def _subtree(low: int, high: int) -> bytes:
    frontier = Frontier()
    frontier.extend(leaf_hashes(low, high))
    if frontier.size != high - low:
        raise LookupError(f"The log lacks leaves between {low} and {high}: it is damaged.")
    return frontier.root()
