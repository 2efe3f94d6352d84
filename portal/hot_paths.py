"""The way to the hot paths: past everything that serves pages, which took longer than deciding a check.

Here are the checks, and the pulse that every open inbox asks for all the time. No session, cookie, message or form is
read there and no static file found. What still counts for them is asked here or done by the same code: the host must
be ours, https where it is demanded, and the headers that forbid a browser to make anything of an answer.
"""

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware

from approvals.api.hot_urls import urlpatterns
from approvals.web.pulse import pulse
from portal.errors import PortalError
from portal.web.headers import PERMISSIONS

View = Callable[[HttpRequest], HttpResponse]
VIEWS: Final[dict[str, View]] = {**{f"/{one.pattern}": one.callback for one in urlpatterns}, "/approvals/pulse/": pulse}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
    "X-Frame-Options": "DENY",
}


class HotPathMiddleware:
    """Calls the view of a hot path itself; anything else, and whatever is to be refused before, goes on as ever."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self.security = SecurityMiddleware(get_response)
        plain = HttpResponse(headers=_HEADERS)
        self.security.process_response(HttpRequest(), plain)
        self.headers = [(name, value) for name, value in plain.items() if name != "Content-Type"]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = VIEWS.get(request.path_info)
        if view is None or not _may_go_on(request):
            return self.get_response(request)
        try:
            response = view(request)
        except PortalError:
            return self.get_response(request)  # refused there once more, as a page
        response.headers["Content-Length"] = str(len(response.content))
        for name, value in self.headers:
            response.headers[name] = value
        if request.is_secure():
            self.security.process_response(request, response)  # that it was asked by https, for the next time
        return response


def _may_go_on(request: HttpRequest) -> bool:
    """False for what the middleware behind refuses or sends elsewhere: another's host, plain http where it is not."""
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return request.is_secure() or not settings.SECURE_SSL_REDIRECT
