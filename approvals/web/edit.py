"""The page where a reviewer edits what was asked."""

from django.http import HttpRequest, HttpResponse

from approvals.selectors.requests import request_for
from portal.errors import Conflict
from portal.web.access import signed_in
from registry.web.asking import person_of


@signed_in
def edit_request(request: HttpRequest, number: int) -> HttpResponse:
    """Interim."""
    asked = request_for(person_of(request), number)
    raise Conflict(f"{asked.label} cannot be edited yet.")
