"""Requests over the API: list them, read one with its sealed view, review it, take it back."""

import orjson
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api.serializers import RequestDetail, RequestSerializer, ReviewInput
from approvals.models import ApprovalRequest
from approvals.rules.view import reversibility_of
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.requests import request_for, visible_requests
from approvals.services.request import withdraw
from approvals.services.review import add_review
from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput
from portal.identity.models import PersonToken
from portal.identity.proof import require_step_up, sign_in_methods
from registry.api.asking import person_of, read
from registry.api.serializers import page_of
from registry.rules.actions import Reversibility

TAGS = ["approvals"]
_STATES = [state.value for state in RequestState]


class RequestList(APIView):
    @extend_schema(
        operation_id="requests_list",
        summary="Requests that I may see, newest first",
        tags=TAGS,
        parameters=[
            OpenApiParameter("state", enum=_STATES, description="Only those in this state."),
            OpenApiParameter("agent", description="Only those of the agent with this slug."),
        ],
        responses=page_of("RequestPage", RequestSerializer),
    )
    def get(self, request: Request) -> Response:
        found = visible_requests(person_of(request)).defer("view", "arguments")
        state, agent = request.query_params.get("state"), request.query_params.get("agent")
        if state is not None:
            if state not in _STATES:
                raise InvalidInput(f"“state” must be one of {', '.join(_STATES)}.")
            found = found.filter(state=state)
        if agent is not None:
            found = found.filter(agent__slug=agent.replace("\0", ""))
        pages = NewestFirst()
        rows = pages.paginate_queryset(found, request, view=self) or []
        return pages.get_paginated_response(RequestSerializer(rows, many=True).data)


class RequestItem(APIView):
    @extend_schema(
        operation_id="requests_retrieve",
        summary="One request with its sealed view",
        tags=TAGS,
        responses=RequestDetail,
    )
    def get(self, request: Request, number: int) -> Response:
        return Response(_document(request, number))


class RequestReviews(APIView):
    @extend_schema(
        operation_id="requests_review",
        summary="Approve or deny",
        description=(
            "``view_hash`` names the view that was looked at; when anything it rests on has changed the answer is "
            "409 with the difference. Approving what cannot be undone needs a browser and a fresh proof of who is "
            "there (403 ``step-up-required``): a token cannot give one."
        ),
        tags=TAGS,
        request=ReviewInput,
        responses={201: RequestDetail, 409: refusal("It is settled, reviewed already, or not what was shown.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        said = read(ReviewInput, request)
        asked = request_for(person_of(request), number)
        verdict = Verdict(said["verdict"])
        beneath: HttpRequest = request._request  # noqa: SLF001  (the session is Django's, beneath DRF's request)
        if verdict is Verdict.APPROVE and _is_irreversible(asked):
            require_step_up(beneath)
        add_review(
            actor=person_of(request),
            request=asked,
            verdict=verdict,
            reason=said["reason"],
            view_hash=bytes.fromhex(said["view_hash"]),
            sign_in=["token"] if isinstance(request.auth, PersonToken) else sign_in_methods(beneath),
        )
        return Response(_document(request, number), status=201)


class RequestWithdrawal(APIView):
    @extend_schema(
        operation_id="requests_withdraw",
        summary="Take a request back",
        tags=TAGS,
        request=None,
        responses={200: RequestDetail, 409: refusal("It is settled already.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        person = person_of(request)
        withdraw(actor=person, request=request_for(person, number))
        return Response(_document(request, number))


def _document(request: Request, number: int) -> object:
    asked = request_for(person_of(request), number)
    return RequestDetail(asked).data


def _is_irreversible(asked: ApprovalRequest) -> bool:
    does = orjson.loads(bytes(asked.view))["action"]["does"]
    return any(reversibility_of(deed) is Reversibility.IRREVERSIBLE for deed in does)
