"""The cache that every process shares."""

import pytest
from django.db import connection

from portal.identity.shared_cache import TableCache

pytestmark = pytest.mark.django_db


@pytest.fixture
def table() -> TableCache:
    return TableCache("identity_cache", {})


def _expire(cache: TableCache) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE identity_cache SET expires_at = clock_timestamp() - interval '1 s'")


def test_values_come_back(table: TableCache) -> None:
    for value in ([1700000000.25, 2.5], "y", True, None, {"a": [1]}):
        table.set("k", value, 60)
        assert table.get("k", "absent") == value
    assert table.get("other", "absent") == "absent"


def test_add_is_for_the_first_only(table: TableCache) -> None:
    assert table.add("code", "y", 30)
    assert not table.add("code", "z", 30)
    assert table.get("code") == "y"
    _expire(table)
    assert table.get("code") is None
    assert table.add("code", "z", 30)


def test_delete_touch_and_clear(table: TableCache) -> None:
    table.set("a", 1, None)
    assert table.touch("a", 60)
    assert not table.touch("b", 60)
    assert table.delete("a")
    assert not table.delete("a")
    table.set("c", 1)
    table.clear()
    assert table.get("c") is None


def test_nothing_that_could_run_is_stored(table: TableCache) -> None:
    with pytest.raises(TypeError):
        table.set("k", object())
    with connection.cursor() as cursor:
        cursor.execute("SELECT data_type FROM information_schema.columns WHERE table_name = 'identity_cache'")
        assert {row[0] for row in cursor.fetchall()} == {"text", "jsonb", "timestamp with time zone"}
