"""A small cache that every process shares: counters of failed sign-ins and codes that were already used.

Django's own database cache stores pickles, which would turn a write to the database into code that the web
process runs; the few values kept here are JSON. The table is unlogged: losing it forgets some counters.
"""

import json
import secrets
from datetime import timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

_EXPIRES = "CASE WHEN %s::interval IS NULL THEN 'infinity' ELSE clock_timestamp() + %s::interval END"
_PURGE_ONE_IN = 200


class TableCache(BaseCache):
    """``LOCATION`` names the table (key text, value jsonb, expires_at); values must be JSON-safe."""

    def __init__(self, table: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._table = connection.ops.quote_name(table)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = self._run(
            f"SELECT value::text FROM {self._table} WHERE key = %s AND expires_at > clock_timestamp()",  # noqa: S608
            [self._key(key, version)],
        )
        return json.loads(found[0]) if found else default

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._write(key, value, timeout, version, only_if="")
        if secrets.randbelow(_PURGE_ONE_IN) == 0:
            self._run(f"DELETE FROM {self._table} WHERE expires_at <= clock_timestamp()", [])  # noqa: S608

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Whether the key was free: of two processes that use the same one-time code, one is told no."""
        expired = f"WHERE {self._table}.expires_at <= clock_timestamp()"
        return self._write(key, value, timeout, version, only_if=expired)

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        span = self._span(timeout)
        changed = self._run(
            f"UPDATE {self._table} SET expires_at = {_EXPIRES}"  # noqa: S608
            " WHERE key = %s AND expires_at > clock_timestamp() RETURNING 'yes'",
            [span, span, self._key(key, version)],
        )
        return changed is not None

    def delete(self, key: str, version: int | None = None) -> bool:
        sql = f"DELETE FROM {self._table} WHERE key = %s RETURNING 'yes'"  # noqa: S608
        return self._run(sql, [self._key(key, version)]) is not None

    def clear(self) -> None:
        self._run(f"DELETE FROM {self._table}", [])  # noqa: S608

    def _write(self, key: str, value: Any, timeout: Any, version: int | None, *, only_if: str) -> bool:
        span = self._span(timeout)
        sql = (
            f"INSERT INTO {self._table} (key, value, expires_at) VALUES (%s, %s::jsonb, {_EXPIRES})"  # noqa: S608
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at"
            f" {only_if} RETURNING 'yes'"
        )
        return self._run(sql, [self._key(key, version), json.dumps(value), span, span]) is not None

    def _key(self, key: str, version: int | None) -> str:
        return str(self.make_and_validate_key(key, version=version))

    def _span(self, timeout: Any) -> timedelta | None:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return None if seconds is None else timedelta(seconds=max(0, seconds))

    @staticmethod
    def _run(sql: str, values: list[Any]) -> tuple[Any, ...] | None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            row: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
            return row
