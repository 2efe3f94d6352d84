"""Whether the world that requests were opened in is still there, asked of many rows at once.

It is one value of a row, and its SQL is fixed. PostgreSQL takes each comparison with a subquery to hold for one row in
two hundred, and several of them together for none; it would plan for no row at all, and with ten thousand that wait
compare each of them with every agent. Of one value that it cannot look into it expects one row in two: then it walks by
an index and stops at the last row that is shown. And Django need not put it together anew for every list.
"""

from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Case, F, Func, Q, Value, When
from django.db.models.sql.compiler import SQLCompiler

_NONE: Final = "'00000000-0000-0000-0000-000000000000'::uuid"
_COLUMNS: Final = (
    "agent_id", "revision_id", "organisation_revision_id", "team_revision_id", "epoch", "kill_keys", "branch", "head",
    "head_known",
)  # fmt: skip
# The agent's state, owner and revisions of all levels; the epochs of the request's own kill scopes, which a stop
# raises; and the newest commit that is known of its branch, under any name that its repository has.
_SQL: Final = f"""CASE WHEN EXISTS (
  SELECT 1 FROM registry_agent agent_now
  WHERE agent_now.id = {{agent_id}} AND agent_now.state = 'active' AND agent_now.revision_id = {{revision_id}}
    AND 'team:' || agent_now.owner_team_id::text = ANY({{kill_keys}})
    AND coalesce((SELECT level_now.revision_id FROM registry_policylevel level_now
                  WHERE level_now.key = 'team:' || agent_now.owner_team_id::text), {_NONE})
        = coalesce({{team_revision_id}}, {_NONE}))
  AND coalesce((SELECT level_now.revision_id FROM registry_policylevel level_now
                WHERE level_now.key = 'organisation'), {_NONE}) = coalesce({{organisation_revision_id}}, {_NONE})
  AND coalesce((SELECT sum(stop_now.epoch) FROM registry_killstate stop_now
                WHERE stop_now.key = ANY({{kill_keys}})), 0) = {{epoch}}
  AND ({{head}} = '' OR coalesce((
    SELECT head_now.commit FROM approvals_branchhead head_now
    WHERE 'repository:' || head_now.repository = ANY({{kill_keys}})
      AND head_now.branch = regexp_replace({{branch}}, '^refs/heads/', '')
    ORDER BY head_now.at DESC LIMIT 1), {{head}}) IN ({{head}}, {{head_known}}))
THEN true ELSE false END"""  # noqa: S608 (nothing but constants)


class WorldStands(Func):
    """The same conditions as ``approvals.selectors.requests.moved_since``, of a row of requests; never null."""

    output_field = BooleanField()

    def __init__(self, *columns: Any, **extra: Any) -> None:
        super().__init__(*(columns or map(F, _COLUMNS)), **extra)

    def as_sql(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra_context: Any,
    ) -> tuple[str, tuple[str | int, ...]]:
        columns = [compiler.compile(column)[0] for column in self.get_source_expressions()]
        return _SQL.format(**dict(zip(_COLUMNS, columns, strict=True))), ()


def whether(condition: Q) -> Case:
    """Any other condition as one value, for the same reason: true where it holds, else false."""
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())
