"""How often one address may be refused at the exchange of tokens, which asks nobody to sign in first."""

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest

from portal.errors import TooManyRequests

MOST_REFUSED = 30
WITHIN_SECONDS = 60


def refuse_if_too_many(request: HttpRequest) -> None:
    """Raise TooManyRequests when the address was refused too often within the last minute."""
    if cache.get(_key(request), 0) >= MOST_REFUSED:
        raise TooManyRequests(
            f"This address was refused {MOST_REFUSED} times within a minute. This token was not looked at. "
            "Wait a minute.",
            error="slow_down",
        )


def count_refusal(request: HttpRequest) -> None:
    """One more refusal; the minute begins with the first."""
    key = _key(request)
    if cache.add(key, 1, WITHIN_SECONDS):
        return
    # Two at once may count as one; the number is a brake and no account.
    cache.set(key, cache.get(key, 0) + 1, WITHIN_SECONDS)


def _key(request: HttpRequest) -> str:
    # The rule of the sign-in: X-Forwarded-For is believed as far as the operator said that proxies write it.
    return f"exchange-tries:{get_adapter().get_client_ip(request)}"
