"""The pulse of an open page: the same letters while nothing that its reader may see has changed.

Asked by every open inbox all the time, so it reads no session and no row of its own: the page carries a signed note of
the teams it shows, and the answer tells nothing but that something of theirs is no longer as it was.
"""

from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.selectors.pulse import pulse_of, scope_of
from portal.errors import NotFound
from portal.identity.models import Person

_SALT: Final = "approvals.pulse"
# After this the page asks for its parts themselves, and is given a new note if its reader may still see them.
SECONDS: Final = 900


@require_safe
def pulse(request: HttpRequest) -> HttpResponse:
    """204 while the pulse is the one that the page has seen (``p``), else the new one."""
    try:
        scope = signing.loads(request.GET.get("t", ""), salt=_SALT, max_age=SECONDS)
    except signing.BadSignature as error:
        raise NotFound("There is nothing here.") from error
    now = pulse_of(scope)
    if request.GET.get("p") == now:
        return HttpResponse(status=204)
    return HttpResponse(now, content_type="text/plain")


def pulse_for(person: Person, *, now: datetime) -> dict[str, str]:
    """Where a page asks, and what the pulse was before its rows were read. Call it before reading them."""
    scope = scope_of(person, now=now)
    note = signing.dumps(scope, salt=_SALT)
    return {"pulse_url": f"{reverse('approvals:pulse')}?{urlencode({'t': note})}", "pulse": pulse_of(scope)}
