"""An agent's trusts over the API."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from registry.api.asking import named_agent, person_of, read
from registry.api.credentials import require_fresh_manager
from registry.api.serializers import page_of
from registry.api.trust_serializers import TrustInput, TrustSerializer
from registry.services.trust import revoke_trust, trust_issuer


class TrustList(APIView):
    @extend_schema(
        operation_id="trusts_list",
        summary="An agent's trusts, newest first",
        tags=["credentials"],
        responses=page_of("TrustPage", TrustSerializer),
    )
    def get(self, request: Request, reference: str) -> Response:
        trusts = named_agent(request, reference).trusts.select_related("created_by")
        pages = NewestFirst()
        rows = pages.paginate_queryset(trusts, request, view=self) or []
        return pages.get_paginated_response(TrustSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="trusts_add",
        summary="Trust an issuer's tokens",
        tags=["credentials"],
        request=TrustInput,
        responses={201: TrustSerializer, 409: refusal("The agent trusts these already, or is a draft or retired.")},
    )
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """Only from a signed-in browser, freshly confirmed: it lets others get the agent's tokens."""
        agent = named_agent(request, reference)
        facts = read(TrustInput, request)
        require_fresh_manager(request, agent)
        trust = trust_issuer(actor=person_of(request), agent=agent, **facts)
        return Response(TrustSerializer(trust).data, status=201)


class TrustRevocation(APIView):
    @extend_schema(
        operation_id="trusts_revoke",
        summary="Revoke a trust",
        tags=["credentials"],
        request=None,
        responses=TrustSerializer,
    )
    @idempotent
    def post(self, request: Request, reference: str, trust_id: UUID) -> Response:
        agent = named_agent(request, reference)
        return Response(TrustSerializer(revoke_trust(actor=person_of(request), agent=agent, trust_id=trust_id)).data)
