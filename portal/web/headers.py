"""Response headers that Django has no setting for: what the browser may use, and what it may keep."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

# Passkeys and the clipboard are the only powers the pages use.
PERMISSIONS: Final = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
    "microphone=(), midi=(), payment=(), usb=(), "
    "publickey-credentials-get=(self), publickey-credentials-create=(self), clipboard-write=(self)"
)


class SecurityHeadersMiddleware:
    """Adds Permissions-Policy and Cross-Origin-Resource-Policy, and keeps everything but static files out of caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # Evidence seen by one person must not come back from the history of a shared machine. Whoever may
        # be kept (static files) says so itself.
        response.headers.setdefault("Cache-Control", "no-store")
        return response
