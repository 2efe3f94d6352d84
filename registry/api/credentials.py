"""An agent's credentials over the API: the token is in the first answer and in no other."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from registry.api.asking import named_agent, person_of, read
from registry.api.serializers import CredentialInput, CredentialSerializer, IssuedSerializer, page_of
from registry.selectors.agents import credentials_of
from registry.services.credential import issue_credential, revoke_credential


class CredentialList(APIView):
    @extend_schema(
        operation_id="credentials_list",
        summary="An agent's credentials, newest first",
        tags=["credentials"],
        responses=page_of("CredentialPage", CredentialSerializer),
    )
    def get(self, request: Request, reference: str) -> Response:
        pages = NewestFirst()
        rows = pages.paginate_queryset(credentials_of(named_agent(request, reference)), request, view=self) or []
        return pages.get_paginated_response(CredentialSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="credentials_issue",
        summary="Issue a credential",
        tags=["credentials"],
        request=CredentialInput,
        responses={201: IssuedSerializer, 409: refusal("The agent is not active, or it is stopped.")},
    )
    def post(self, request: Request, reference: str) -> Response:
        """Not repeatable by Idempotency-Key: that would store the answer, and a token is never stored."""
        agent = named_agent(request, reference)
        facts = read(CredentialInput, request)
        credential, token = issue_credential(actor=person_of(request), agent=agent, **facts)
        return Response({**CredentialSerializer(credential).data, "token": token}, status=201)


class CredentialRevocation(APIView):
    @extend_schema(
        operation_id="credentials_revoke",
        summary="Revoke a credential",
        tags=["credentials"],
        request=None,
        responses=CredentialSerializer,
    )
    @idempotent
    def post(self, request: Request, reference: str, credential_id: UUID) -> Response:
        agent = named_agent(request, reference)
        credential = revoke_credential(actor=person_of(request), agent=agent, credential_id=credential_id)
        return Response(CredentialSerializer(credential).data)
