"""Who calls the API for people: a signed-in browser, or a person's own token."""

from typing import Any

from django.conf import settings
from django.db.models.functions import Now
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from portal.identity.models import Person, PersonToken
from portal.identity.rules.tokens import digest, well_formed


def bearer(request: HttpRequest | Request) -> str:
    """The token of ``Authorization: Bearer …``, empty when there is none."""
    # Not ``headers``: Django puts all of them together for the first that is asked for.
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class PersonTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer bwp_…``; the token has exactly its person's rights."""

    def authenticate(self, request: Request) -> tuple[Person, PersonToken] | None:
        token = bearer(request)
        if not token:
            return None
        if not well_formed(token, "p"):
            raise AuthenticationFailed("This is not a person's token. Make one under Settings.")
        found = (
            PersonToken.objects.select_related("person")
            .filter(digest=digest(token), revoked_at=None, expires_at__gt=Now(), person__is_active=True)
            .first()
        )
        if found is None:
            raise AuthenticationFailed("The token is unknown, revoked or expired.")
        return found.person, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class PortalSessionAuthentication(SessionAuthentication):
    """The browser's session, with CSRF enforced; says 401 rather than 403 when nobody is signed in."""

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class PersonTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema names a person's token. Here, because it must be loaded whenever the class above is."""

    target_class = PersonTokenAuthentication
    name = "personToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A person's token: `bwp_…`, made under Settings."}


class PortalSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema names the browser's session."""

    target_class = PortalSessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The browser's session; everything but GET also needs the header X-CSRFToken.",
        }
