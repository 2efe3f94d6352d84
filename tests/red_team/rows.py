"""Everything that is governed, as one value to compare: each row of each table of ours, and what the ledger holds.

Sessions and what the framework keeps for itself are no governed data; nor is when a credential was last used.
"""

from hashlib import sha256

from django.apps import apps
from django.db import connection

OURS = ("approvals", "registry", "reports", "identity", "ledger")
# Kept up by reading itself: sessions, which worker answered when, and locks that are taken to read.
LEFT_OUT = frozenset({"django_session", "usersessions_usersession"})
# When somebody was last here; a sign-in and a token's use write it.
SEEN = ("last_login", "last_used_at")


def governed() -> dict[str, str]:
    """A digest of each table by its name; two equal values mean that nothing was changed in between."""
    found = {}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            if model._meta.app_label not in OURS or table in LEFT_OUT or not model._meta.managed:
                continue
            row = f"(to_jsonb(t) - '{SEEN[0]}' - '{SEEN[1]}')::text"
            cursor.execute(f"SELECT {row} FROM {connection.ops.quote_name(table)} t ORDER BY 1")
            rows = sha256()
            for (text,) in cursor.fetchall():
                rows.update(text.encode() + b"\n")
            found[table] = rows.hexdigest()
    return found
