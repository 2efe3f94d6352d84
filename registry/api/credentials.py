"""An agent's credentials over the API: the token is in the first answer and in no other."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import NotAllowed
from portal.identity.proof import require_step_up
from portal.identity.selectors.people import authority_of
from registry.api.asking import named_agent, person_of, read
from registry.api.serializers import CredentialInput, CredentialSerializer, IssuedSerializer, page_of
from registry.api.trust_serializers import RevokeAllInput, RevokedAllSerializer, RotationInput
from registry.models import Agent, Credential
from registry.selectors.agents import credentials_of, may_manage
from registry.services.credential import issue_credential, revoke_all, revoke_credential, rotate_credential


def require_fresh_manager(request: Request, agent: Agent) -> None:
    """What lets somebody get the agent's tokens takes a manager and a fresh proof that it is they."""
    if not may_manage(authority_of(person_of(request)), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} does this. Nothing was changed.")
    # The session, and with it the proof, belongs to Django's request beneath DRF's.
    require_step_up(request._request)  # noqa: SLF001


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
        """Only from a signed-in browser, freshly confirmed. Not repeatable by Idempotency-Key, which keeps answers."""
        agent = named_agent(request, reference)
        facts = read(CredentialInput, request)
        require_fresh_manager(request, agent)
        return _issued(*issue_credential(actor=person_of(request), agent=agent, **facts))


class CredentialRotation(APIView):
    @extend_schema(
        operation_id="credentials_rotate",
        summary="Put a new credential in the place of one",
        tags=["credentials"],
        request=RotationInput,
        responses={201: IssuedSerializer, 409: refusal("It has ended or was rotated, or the agent gets no token now.")},
    )
    def post(self, request: Request, reference: str, credential_id: UUID) -> Response:
        """The old one ends after the hours of overlap. Only from a signed-in browser, freshly confirmed."""
        agent = named_agent(request, reference)
        facts = read(RotationInput, request)
        require_fresh_manager(request, agent)
        return _issued(*rotate_credential(actor=person_of(request), agent=agent, credential_id=credential_id, **facts))


def _issued(credential: Credential, token: str) -> Response:
    body = {**CredentialSerializer(credential).data, "token": token}
    return Response(body, status=201, headers={"Cache-Control": "no-store"})


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


class CredentialsRevocation(APIView):
    @extend_schema(
        operation_id="credentials_revoke_all",
        summary="Revoke every credential of an agent",
        tags=["credentials"],
        request=RevokeAllInput,
        responses=RevokedAllSerializer,
    )
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """At once; with ``trusts`` nothing further can be exchanged either."""
        agent = named_agent(request, reference)
        credentials, trusts = revoke_all(actor=person_of(request), agent=agent, **read(RevokeAllInput, request))
        return Response(RevokedAllSerializer({"credentials": credentials, "trusts": trusts}).data)
