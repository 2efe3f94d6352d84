"""The check at the start of a web process: it does not serve on a ledger that could be rewritten."""

import sys
import time
from typing import NoReturn

from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection

from portal.ledger.selectors.protection import drift

PAUSE = 0.5


def refuse_if_unprotected() -> None:
    """Exit with status 1 and the reasons on stderr when grants, triggers or settings have drifted.

    A database that does not answer is waited for (``BAILIWICK_START_WAIT`` seconds): after a restart of the
    machine the web process may be there first. A process that could not ask does not serve either.
    """
    deadline = time.monotonic() + settings.BAILIWICK_START_WAIT
    while True:
        try:
            wrong = drift()
            break
        except ProgrammingError as error:
            _refuse([f"The ledger could not be checked: {error}"])
        except OperationalError as error:
            if time.monotonic() >= deadline:
                _refuse([f"The database does not answer: {error}"])
            connection.close()
            time.sleep(PAUSE)
    # Whoever forks or spawns from here must not inherit this connection.
    connection.close()
    if wrong:
        _refuse(wrong)


def _refuse(reasons: list[str]) -> NoReturn:
    lines = "".join(f"  {reason.strip()}\n" for reason in reasons)
    sys.stderr.write(f"Bailiwick does not serve:\n{lines}Run `manage.py upgrade`, then start it again.\n")
    sys.stderr.flush()
    raise SystemExit(1)
