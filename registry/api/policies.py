"""An agent's policy over the API: the one in force, its past, and a tighter one."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import NotFound
from registry.api.asking import named_agent, person_of, read
from registry.api.serializers import RevisionInput, RevisionSerializer, page_of
from registry.services.policy import tighten_policy


class PolicyInForce(APIView):
    @extend_schema(
        operation_id="policy_retrieve", summary="The policy in force", tags=["policies"], responses=RevisionSerializer
    )
    def get(self, request: Request, reference: str) -> Response:
        agent = named_agent(request, reference)
        if agent.revision is None:
            raise NotFound("The agent is a draft; no policy is in force for it yet.")
        return Response(RevisionSerializer(agent.revision).data)


class Revisions(APIView):
    @extend_schema(
        operation_id="policy_revisions_list",
        summary="Policy revisions, newest first",
        tags=["policies"],
        responses=page_of("RevisionPage", RevisionSerializer),
    )
    def get(self, request: Request, reference: str) -> Response:
        agent = named_agent(request, reference)
        pages = NewestFirst()
        rows = pages.paginate_queryset(agent.revisions.select_related("author"), request, view=self) or []
        return pages.get_paginated_response(RevisionSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="policy_tighten",
        summary="Tighten the policy",
        tags=["policies"],
        request=RevisionInput,
        responses={201: RevisionSerializer, 409: refusal("Another revision came in between.")},
    )
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """In force at once when it only tightens; 403 with what widens when it does not."""
        agent = named_agent(request, reference)
        facts = read(RevisionInput, request)
        return Response(
            RevisionSerializer(tighten_policy(actor=person_of(request), agent=agent, **facts)).data, status=201
        )
