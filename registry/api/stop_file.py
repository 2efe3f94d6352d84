"""The stop file and the key that signs it, for enforcement points: public, since they hold ids and nothing else."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from portal.api.problems import problem
from portal.errors import NotFound
from registry.selectors.stopfile import stop_file_bytes, stop_key


@require_safe
def stop_file(request: HttpRequest) -> HttpResponse:
    """The bytes of the stop file as they lie on disk; asks no database, so that it answers without one."""
    note = stop_file_bytes()
    if note is None:
        return problem(NotFound("There is no stop file yet. Ask the portal itself."), request)
    return _plain(note)


@require_safe
def stop_file_key(request: HttpRequest) -> HttpResponse:
    """The public key. Pin it once by another way: a key fetched beside the file proves nothing about the file."""
    key = stop_key()
    if not key:
        return problem(NotFound("There is no key for stop files; `manage.py upgrade` makes it."), request)
    return _plain(f"{key}\n".encode())


def _plain(content: bytes) -> HttpResponse:
    return HttpResponse(content, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})
