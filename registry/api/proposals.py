"""Proposals over the API: read, approve exactly what was looked at, refuse, withdraw."""

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput
from portal.identity.proof import require_step_up, sign_in_methods
from registry.api.asking import person_of, read
from registry.api.policy_serializers import (
    ApprovalInput,
    ProposalDetailSerializer,
    ProposalSerializer,
    WithdrawalInput,
)
from registry.api.serializers import ReasonInput, page_of
from registry.models import ProposalState
from registry.selectors.proposals import proposal_for, visible_proposals
from registry.services.proposals import approve_proposal, refuse_proposal, withdraw_proposal

TAGS = ["policies"]


class ProposalList(APIView):
    @extend_schema(
        operation_id="proposals_list",
        summary="Policy proposals that I may see, newest first",
        tags=TAGS,
        parameters=[
            OpenApiParameter("state", str, enum=[state.value for state in ProposalState]),
            OpenApiParameter("cursor", str),
            OpenApiParameter("size", int),
        ],
        responses=page_of("ProposalPage", ProposalSerializer),
    )
    def get(self, request: Request) -> Response:
        found = visible_proposals(person_of(request))
        state = request.query_params.get("state", "")
        if state:
            if state not in {one.value for one in ProposalState}:
                raise InvalidInput(
                    "There is no such state of a proposal.",
                    errors=[{"pointer": "/state", "detail": f"must be one of {', '.join(ProposalState)}"}],
                )
            found = found.filter(state=state)
        pages = NewestFirst()
        rows = pages.paginate_queryset(found, request, view=self) or []
        return pages.get_paginated_response(ProposalSerializer(rows, many=True).data)


class ProposalDetail(APIView):
    @extend_schema(
        operation_id="proposals_retrieve",
        summary="One policy proposal",
        tags=TAGS,
        responses=ProposalDetailSerializer,
    )
    def get(self, request: Request, number: int) -> Response:
        return _shown(request, number)


class ProposalApproval(APIView):
    @extend_schema(
        operation_id="proposals_approve",
        summary="Approve a proposal and put it in force",
        description=(
            "``seal`` names what was looked at; 409 with the difference when it is not what stands there now, and 409 "
            "for a backtest that is missing, older than a day or of other revisions. It needs a browser and a fresh "
            "proof of who is there (403 ``step-up-required``): a token cannot give one."
        ),
        tags=TAGS,
        request=ApprovalInput,
        responses={200: ProposalDetailSerializer, 409: refusal("Decided already, or not what was shown.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        said = read(ApprovalInput, request)
        proposal = proposal_for(person_of(request), number)
        beneath: HttpRequest = request._request  # noqa: SLF001  (the session is Django's, beneath DRF's request)
        require_step_up(beneath)
        approve_proposal(
            actor=person_of(request),
            proposal=proposal,
            seal=bytes.fromhex(said["seal"]),
            reason=said["reason"],
            sign_in=sign_in_methods(beneath),
        )
        return _shown(request, number)


class ProposalRefusal(APIView):
    @extend_schema(
        operation_id="proposals_refuse",
        summary="Refuse a proposal",
        tags=TAGS,
        request=ReasonInput,
        responses={200: ProposalDetailSerializer, 409: refusal("It is decided already.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        person = person_of(request)
        refuse_proposal(actor=person, proposal=proposal_for(person, number), **read(ReasonInput, request))
        return _shown(request, number)


class ProposalWithdrawal(APIView):
    @extend_schema(
        operation_id="proposals_withdraw",
        summary="Take back a proposal of one's own",
        tags=TAGS,
        request=WithdrawalInput,
        responses={200: ProposalDetailSerializer, 409: refusal("It is decided already.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        person = person_of(request)
        withdraw_proposal(actor=person, proposal=proposal_for(person, number), **read(WithdrawalInput, request))
        return _shown(request, number)


def _shown(request: Request, number: int) -> Response:
    return Response(ProposalDetailSerializer(proposal_for(person_of(request), number)).data)
