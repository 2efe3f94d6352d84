"""What the red team shares."""

from collections.abc import Callable

import psycopg
import pytest


@pytest.fixture
def rested(super_connection: psycopg.Connection[tuple[object, ...]]) -> Callable[[], None]:
    """Called before a trial: what was asked before lies an hour back, or the agent would be told to cool down."""

    def rest() -> None:
        super_connection.execute("UPDATE approvals_approvalrequest SET opened_at = opened_at - interval '1 hour'")
        super_connection.execute("DELETE FROM approvals_cooldown")

    return rest
