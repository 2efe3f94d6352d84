"""Handing out a file that a person sent: as a download, and never as something that a browser shows."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header


def attachment(content: bytes, file_name: str) -> HttpResponse:
    """The bytes under their name. Whatever they are, they get no chance to run in the portal's own place."""
    response = HttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file_name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
