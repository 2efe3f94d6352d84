"""Reading a person's API tokens."""

from django.db.models import Case, CharField, QuerySet, Value, When
from django.db.models.functions import Now

from portal.identity.models import Person, PersonToken


def tokens_of(person: Person, *, live_only: bool = False) -> QuerySet[PersonToken]:
    """The person's tokens, newest first, each with ``state``: valid, expired or revoked."""
    state = Case(
        When(revoked_at__isnull=False, then=Value("revoked")),
        When(expires_at__lte=Now(), then=Value("expired")),
        default=Value("valid"),
        output_field=CharField(),
    )
    found = PersonToken.objects.filter(person=person).annotate(state=state).order_by("-created_at", "-id")
    return found.filter(state="valid") if live_only else found
