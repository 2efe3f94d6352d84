"""Packages over the API: what the pages do, for an auditor's own tools."""

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.presence import require_presence
from portal.errors import InvalidInput
from portal.identity.models import Person
from reports.models import Package
from reports.rules.package import PackageScope
from reports.selectors.packages import (
    agents_to_choose,
    package_for,
    scope_label,
    teams_to_choose,
    visible_packages,
)
from reports.services.package import cancel, request_package, take


class PackageIn(serializers.Serializer[Any]):
    """``end`` left out means now, by the portal's clock. ``team`` and ``agent`` are slugs."""

    scope = serializers.ChoiceField(choices=[scope.value for scope in PackageScope])
    team = serializers.SlugField(required=False)
    agent = serializers.SlugField(required=False)
    start = serializers.DateTimeField()
    end = serializers.DateTimeField(required=False)
    title = serializers.CharField(required=False, max_length=120, allow_blank=True)


class PackageOut(serializers.ModelSerializer[Package]):
    number = serializers.CharField(source="label", read_only=True)
    team = serializers.CharField(source="team.slug", default=None, read_only=True)
    agent = serializers.CharField(source="agent.slug", default=None, read_only=True)
    scope_label = serializers.SerializerMethodField()
    requested_by = serializers.CharField(source="requested_by.name", read_only=True)
    findings = serializers.SerializerMethodField()

    class Meta:
        model = Package
        fields = [
            "id", "number", "title", "scope", "scope_label", "team", "agent", "period_start", "period_end",
            "requested_by", "requested_at", "state", "reason", "stage", "progress_done", "progress_total", "attempt",
            "built_at", "verdict", "findings", "entry_count", "checkpoint_size", "size", "sha256",
        ]  # fmt: skip

    def get_scope_label(self, package: Package) -> str:
        return scope_label(package)

    def get_findings(self, package: Package) -> list[dict[str, str]]:
        """What the package cannot prove: code, weight (note, exception, missing) and sentence."""
        found: list[dict[str, str]] = package.summary.get("findings", [])
        return found


class PackagesView(APIView):
    @extend_schema(responses=PackageOut(many=True), operation_id="packages_list")
    def get(self, request: Request) -> Response:
        """The packages that the caller may see, newest first."""
        pages = NewestFirst()
        found = pages.paginate_queryset(visible_packages(_person(request)), request, self)
        return pages.get_paginated_response(PackageOut(found, many=True).data)

    @extend_schema(request=PackageIn, responses={201: PackageOut}, operation_id="packages_create")
    @idempotent
    def post(self, request: Request) -> Response:
        """Queue a package; ask for it again until its state is ready, failed or cancelled."""
        require_presence(request)
        body = PackageIn(data=request.data)
        body.is_valid(raise_exception=True)
        asked, person = body.validated_data, _person(request)
        package = request_package(
            actor=person,
            scope=PackageScope(asked["scope"]),
            team=_one(teams_to_choose(person), asked.get("team"), "team"),
            agent=_one(agents_to_choose(person), asked.get("agent"), "agent"),
            start=asked["start"],
            end=asked.get("end"),
            title=asked.get("title", ""),
        )
        return Response(PackageOut(package).data, status=201)


class PackageView(APIView):
    @extend_schema(responses=PackageOut, operation_id="packages_read")
    def get(self, request: Request, number: int) -> Response:
        """One package: its state, its progress, and once ready its verdict and digest."""
        return Response(PackageOut(package_for(_person(request), number)).data)


class PackageCancelView(APIView):
    @extend_schema(request=None, responses=PackageOut, operation_id="packages_cancel")
    def post(self, request: Request, number: int) -> Response:
        """Stop building it."""
        person = _person(request)
        return Response(PackageOut(cancel(actor=person, package=package_for(person, number))).data)


class PackageDownloadView(APIView):
    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY}, operation_id="packages_download")
    def get(self, request: Request, number: int) -> FileResponse:
        """The package itself. Each download is recorded before its first byte is sent."""
        person = _person(request)
        package = package_for(person, number)
        require_presence(request)
        file = take(actor=person, package=package)
        response = FileResponse(
            file, as_attachment=True, filename=f"{package.label}.zip", content_type="application/zip"
        )
        response["Cache-Control"] = "no-store"
        return response


def _one(choices: Any, slug: str | None, name: str) -> Any:
    """The team or agent of that slug among those the caller may ask for; None when none was named."""
    if slug is None:
        return None
    found = choices.filter(slug=slug).first()
    if found is None:
        raise InvalidInput(
            f"There is no {name} {slug} whose evidence you may ask for. Nothing was queued.",
            errors=[{"pointer": f"/{name}", "detail": "is unknown, or not yours"}],
        )
    return found


def _person(request: Request) -> Person:
    assert isinstance(request.user, Person)  # noqa: S101 (the authentication classes give nothing else)
    return request.user
