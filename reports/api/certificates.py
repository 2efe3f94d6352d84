"""The certificate of a stop over the API."""

from typing import Any, cast

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.identity.models import Person
from reports.render.certificate import certificate_pdf
from reports.services.certificate import issue_certificate


class CertificateOut(serializers.Serializer[Any]):
    """``sha256`` is over the canonical JSON (RFC 8785) of ``certificate``. ``provisional``: facts may still come."""

    schema = serializers.CharField()
    issued_at = serializers.DateTimeField()
    provisional = serializers.BooleanField()
    sha256 = serializers.CharField()
    certificate = serializers.DictField()


class CertificateView(APIView):
    @extend_schema(
        operation_id="kills_certificate",
        summary="The certificate of a stop",
        tags=["kills"],
        responses=CertificateOut,
    )
    def get(self, request: Request, number: int) -> Response:
        """What the stop took hold of and when, what it refused, how it ended, and where the ledger says so."""
        certificate = issue_certificate(actor=cast("Person", request.user), number=number)
        return Response(certificate.to_document(), headers={"Cache-Control": "no-store"})


class CertificatePdfView(APIView):
    @extend_schema(
        operation_id="kills_certificate_pdf",
        summary="The certificate of a stop as a PDF",
        tags=["kills"],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, number: int) -> HttpResponse:
        """The same facts on paper, with their digest."""
        certificate = issue_certificate(actor=cast("Person", request.user), number=number)
        return HttpResponse(
            certificate_pdf(certificate),
            content_type="application/pdf",
            headers={
                "Content-Disposition": f'attachment; filename="stop-{number}-certificate.pdf"',
                "Cache-Control": "no-store",
            },
        )
