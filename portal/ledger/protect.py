"""The migration step that makes a table append-only for everyone, its owner included."""

from django.db.migrations.operations import RunSQL

# The body of the trigger function ledger_refuse(): made by the first migration, compared at every start.
REFUSAL = """
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END """


def append_only(table: str) -> RunSQL:
    """Triggers that refuse UPDATE, DELETE and TRUNCATE. The application's role also lacks the rights."""
    return RunSQL(
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
        CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
        """,
        f"DROP TRIGGER {table}_append_only ON {table}; DROP TRIGGER {table}_no_truncate ON {table};",
    )


def numbered(sequence: str) -> RunSQL:
    """A sequence for numbers that people read (AR-12): unique without a race; gaps are possible."""
    return RunSQL(f"CREATE SEQUENCE {sequence}", f"DROP SEQUENCE {sequence}")
