"""Refusals that the sign-in pages share: too many tries, and addresses of allauth that the portal does not offer."""

from typing import NoReturn

from django.http import HttpRequest

from portal.errors import NotFound, TooManyRequests


def too_many(request: HttpRequest) -> NoReturn:
    """allauth's 429; the error middleware makes the page."""
    raise TooManyRequests("There have been too many tries from here. This one was not looked at.")


def not_offered(request: HttpRequest, **_: str) -> NoReturn:
    raise NotFound("There is nothing at this address, or nothing that you may see.")
