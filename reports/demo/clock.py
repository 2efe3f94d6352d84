"""Lets the portal's own services record the demonstration's past.

Services take the time from the database, and no setting, header or argument moves that clock: whoever could
move it could write history. A demonstration has a past all the same, so this command, and nothing else, lays
another clock over the loaded modules of its own process: the function that asks the database, the statements
that ask it themselves, and the columns it would fill in. Rows and entries then carry one and the same time.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType
from typing import Any

from auditlog.models import LogEntry
from django.apps import apps
from django.db import models
from django.db.models.functions import Now

from portal.ledger.selectors import entries

_ASKS = "clock_timestamp()"
_PACKAGES = ("portal", "registry", "approvals", "reports")


class Clock:
    """The time that the demonstration has reached."""

    def __init__(self, moment: datetime) -> None:
        self._statements = list(_statements())
        self.set(moment)

    def set(self, moment: datetime) -> None:
        self.now = moment
        for module, name, text in self._statements:
            setattr(module, name, text.replace(_ASKS, f"TIMESTAMPTZ '{moment.isoformat()}'"))

    def restore(self) -> None:
        for module, name, text in self._statements:
            setattr(module, name, text)


@contextmanager
def wound_back(moment: datetime) -> Iterator[Clock]:
    """Within this block services believe that it is ``clock.now``, which ``clock.set`` moves."""
    real = entries.database_now
    users = [module for module in _modules() if vars(module).get("database_now") is real]
    columns = list(_columns())
    clock = Clock(moment)
    for module in users:
        setattr(module, "database_now", lambda: clock.now)  # noqa: B010 (a module has no such declared attribute)
    for column in columns:
        # What Django asks for a value of a column that was given none; a cached property, so it can be shadowed.
        vars(column)["_get_default"] = lambda: clock.now
    try:
        yield clock
    finally:
        clock.restore()
        for module in users:
            setattr(module, "database_now", real)  # noqa: B010
        for column in columns:
            vars(column).pop("_get_default", None)


def _modules() -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _PACKAGES and not name.startswith("reports.demo"):
            yield module


def _statements() -> Iterator[tuple[ModuleType, str, str]]:
    for module in _modules():
        for name, value in vars(module).items():
            if isinstance(value, str) and _ASKS in value and not name.startswith("__"):
                yield module, name, value


def _columns() -> "Iterator[models.Field[Any, Any]]":
    yield LogEntry._meta.get_field("timestamp")  # noqa: SLF001 (Django's documented name)
    for model in apps.get_models():
        for field in model._meta.local_fields:  # noqa: SLF001
            if isinstance(getattr(field, "db_default", None), Now):
                yield field
