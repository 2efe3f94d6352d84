"""The page where several requests are decided at once."""

from django.http import HttpRequest, HttpResponse

from portal.errors import Conflict
from portal.web.access import signed_in


@signed_in
def batch(request: HttpRequest) -> HttpResponse:
    """Interim."""
    raise Conflict("Nothing was chosen.")
