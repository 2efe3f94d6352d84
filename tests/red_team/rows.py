"""Everything that is governed, as one value to compare: each row of each table of ours, and what the ledger holds.

Sessions and what the framework keeps for itself are no governed data; nor is when somebody was last here.
"""

from functools import cache

from django.apps import apps
from django.db import connection

OURS = ("approvals", "registry", "reports", "identity", "ledger")
# When somebody was last here; a sign-in and a token's use write it.
SEEN = ("last_login", "last_used_at")


# That a verdict was refused is kept of whoever tried it: a row, and an entry with the key of the person that it names.
REFUSED = "approvals.verdict.refused"
KEPT = {
    "approvals_refusedverdict": "WHERE false",
    "ledger_entry": f"WHERE type <> '{REFUSED}'",
    "ledger_subjectkey": "WHERE false",
}


def governed(*, but_refusals: bool = False) -> dict[str, str]:
    """A digest of each table by its name; two equal values mean that nothing was changed in between.

    ``but_refusals``: nothing but that a verdict was refused.
    """
    with connection.cursor() as cursor:
        cursor.execute(_statement(but_refusals))
        return dict(cursor.fetchall())


@cache
def _statement(but_refusals: bool) -> str:
    """One statement for all tables, so that they are read as of one moment."""
    names = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in OURS and model._meta.managed
    }
    row = f"(to_jsonb(t) - '{SEEN[0]}' - '{SEEN[1]}')::text"
    digest = f"coalesce(md5(string_agg(md5({row}), '' ORDER BY md5({row}))), '')"
    quote = connection.ops.quote_name
    where = KEPT if but_refusals else {}
    return " UNION ALL ".join(
        f"SELECT '{name}', {digest} FROM {quote(name)} t {where.get(name, '')}" for name in sorted(names)
    )
