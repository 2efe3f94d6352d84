"""The signed note of when a page was shown, from which follows how long it stood open before the verdict."""

from collections.abc import Iterable
from time import time

from django.core import signing

SALT = "approvals.shown"


def stamp(numbers: Iterable[int]) -> str:
    """For a hidden field of the page that shows the requests with these numbers."""
    return signing.dumps([sorted(numbers), int(time())], salt=SALT)


def seconds_open(text: str, numbers: Iterable[int]) -> int | None:
    """How long the page stood open; None when the stamp is missing, not ours, or of other requests."""
    try:
        shown, at = signing.loads(text, salt=SALT)
    except signing.BadSignature:
        return None
    return max(0, int(time()) - at) if shown == sorted(numbers) else None
