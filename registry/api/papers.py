"""Documents of agents and findings over the API."""

from collections.abc import Mapping
from typing import IO, Any, cast
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.schema import refusal
from portal.errors import TooLarge
from portal.web.attachment import attachment
from registry.api.asking import named_agent, person_of, read
from registry.api.record_serializers import DocumentQuery, DocumentSerializer, FindingList, NoticedSerializer
from registry.api.serializers import ReasonInput
from registry.models import DocumentKind, Finding
from registry.rules.noticed import NoticedKind
from registry.rules.papers import MOST_BYTES
from registry.selectors.documents import document_for, documents_of
from registry.selectors.findings import FindingSearch, Noticed, finding_for, findings_for, matching
from registry.services.documents import add_document
from registry.services.findings import close_finding


class FileBody(BaseParser):
    """The body is the file, byte for byte."""

    media_type = "application/octet-stream"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise TooLarge(f"The file has more than the {MOST_BYTES} bytes that are kept. Nothing was saved.")
        return body


class DocumentList(APIView):
    parser_classes = (FileBody,)

    @extend_schema(
        operation_id="documents_list",
        summary="Every version of an agent's documents",
        tags=["documents"],
        responses=DocumentSerializer(many=True),
    )
    def get(self, request: Request, reference: str) -> Response:
        found = documents_of(named_agent(request, reference))[:1000]
        return Response(DocumentSerializer(found, many=True).data)

    @extend_schema(
        operation_id="documents_add",
        summary="Attach a document, or the next version of one",
        tags=["documents"],
        parameters=[DocumentQuery],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: DocumentSerializer, 409: refusal("The agent is a draft, or retired.")},
    )
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        agent = named_agent(request, reference)
        asked = DocumentQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        facts = asked.validated_data
        added = add_document(
            actor=person_of(request),
            agent=agent,
            kind=DocumentKind(facts["kind"]),
            name=facts["name"],
            file_name=facts["file_name"],
            content=cast("bytes", request.data),
            expires_on=facts.get("expires_on"),
        )
        return Response(DocumentSerializer(added).data, status=201)


class DocumentContent(APIView):
    @extend_schema(
        operation_id="documents_download",
        summary="The bytes of one version",
        tags=["documents"],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, reference: str, document_id: UUID) -> HttpResponse:
        document = document_for(named_agent(request, reference), document_id)
        return attachment(bytes(document.content), document.file_name)


class FindingsOpen(APIView):
    @extend_schema(
        operation_id="findings_list",
        summary="What needs somebody now, the gravest first",
        tags=["findings"],
        parameters=[OpenApiParameter(name, str) for name in ("kind", "team", "agent")],
        responses=FindingList,
    )
    def get(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name, "") for name in ("kind", "team", "agent")}
        found = matching(findings_for(person_of(request)), FindingSearch(**asked))
        return Response({"results": NoticedSerializer(found, many=True).data})


class FindingDetail(APIView):
    @extend_schema(
        operation_id="findings_retrieve",
        summary="One recorded finding",
        tags=["findings"],
        responses=NoticedSerializer,
    )
    def get(self, request: Request, finding_id: UUID) -> Response:
        return Response(_shown(finding_for(person_of(request), finding_id)))


class FindingClosure(APIView):
    @extend_schema(
        operation_id="findings_close",
        summary="Close a recorded finding",
        tags=["findings"],
        request=ReasonInput,
        responses={200: NoticedSerializer, 409: refusal("It was closed already.")},
    )
    @idempotent
    def post(self, request: Request, finding_id: UUID) -> Response:
        person = person_of(request)
        found = finding_for(person, finding_id)
        return Response(_shown(close_finding(actor=person, finding=found, **read(ReasonInput, request))))


def _shown(finding: Finding) -> Any:
    noticed = Noticed(
        kind=NoticedKind(finding.kind),
        sentence=finding.sentence,
        agent=finding.agent,
        team=finding.team,
        since=finding.noticed_at,
        finding=finding,
    )
    return NoticedSerializer(noticed).data
