"""The system check behind `manage.py check --database default`: is the ledger still append-only?"""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error
from django.db import OperationalError, ProgrammingError

from portal.ledger.selectors.protection import drift


def ledger_is_protected(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """One error for each way in which the protection fell behind. Only asked when databases are checked."""
    if not databases or "default" not in databases:
        return []
    try:
        wrong = drift()
    except (OperationalError, ProgrammingError) as error:
        return [Error(f"The ledger's protection could not be read: {error}", id="ledger.E002")]
    return [Error(sentence, hint="Run `manage.py upgrade`.", id="ledger.E001") for sentence in wrong]
