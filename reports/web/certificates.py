"""The certificate of a stop, for people to keep: as a PDF and as JSON."""

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from portal.identity.web.access import me
from portal.web.access import signed_in
from reports.render.certificate import certificate_pdf
from reports.services.certificate import issue_certificate


@signed_in
@require_safe
def pdf(request: HttpRequest, number: int) -> HttpResponse:
    certificate = issue_certificate(actor=me(request), number=number)
    return _file(certificate_pdf(certificate), name=f"stop-{number}-certificate.pdf", kind="application/pdf")


@signed_in
@require_safe
def document(request: HttpRequest, number: int) -> HttpResponse:
    certificate = issue_certificate(actor=me(request), number=number)
    content = orjson.dumps(certificate.to_document(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    return _file(content, name=f"stop-{number}-certificate.json", kind="application/json")


def _file(content: bytes, *, name: str, kind: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
