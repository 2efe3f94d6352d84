"""A lock on a name, for what no row stands for: held until the transaction ends, over every process."""

from django.db import connection


def hold_name(name: str, *, shared: bool = False) -> None:
    """Wait for the name and keep it until the transaction ends; any number may hold it ``shared``, or one alone."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])
