"""How long an agent should wait before it asks again what became of its request."""

from datetime import datetime, timedelta
from typing import Final

# Age of the request, and the seconds to wait at that age: people who sit there decide at once, the others later.
_STEPS: Final = ((timedelta(minutes=1), 5), (timedelta(minutes=10), 15), (timedelta(hours=1), 60))
_LAST: Final = 300


def retry_after(*, opened_at: datetime, expires_at: datetime, now: datetime) -> int:
    """Whole seconds, at least 1; never past the moment at which the request ends."""
    age = now - opened_at
    wait = next((seconds for most, seconds in _STEPS if age < most), _LAST)
    left = int((expires_at - now).total_seconds())
    return max(1, min(wait, left))
