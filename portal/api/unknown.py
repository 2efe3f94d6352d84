"""The answer to a path under /api/ that does not exist: 404 as a problem document, whatever the method."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from portal.api.problems import problem
from portal.errors import NotFound


@method_decorator(csrf_exempt, name="dispatch")
class UnknownPath(View):
    """Exempt from CSRF because it does nothing: "not found" is a truer answer than "forbidden"."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return problem(
            NotFound("There is nothing at this address. The schema at /api/schema/ names them all."), request
        )
