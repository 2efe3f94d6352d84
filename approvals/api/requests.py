"""Requests over the API: list them, read one with its sealed view, decide or edit it, take it or a verdict back."""

from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api.serializers import (
    BatchInput,
    CommentInput,
    CommentSerializer,
    EditInput,
    RequestDetail,
    RequestSerializer,
    ReviewInput,
)
from approvals.models import ApprovalRequest
from approvals.rules.refused import NOT_DELEGATED
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.as_of import in_state
from approvals.selectors.requests import request_for, visible_requests
from approvals.selectors.reviewing import capacities
from approvals.services.batch import BatchItem, review_batch
from approvals.services.comment import comment
from approvals.services.edit import edit
from approvals.services.refused import refusal_kept
from approvals.services.request import withdraw
from approvals.services.review import add_review
from approvals.services.undo import undo
from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput, NotAllowed
from portal.identity.models import Person, PersonToken
from portal.identity.proof import recently_authenticated, sign_in_methods
from portal.ledger.selectors.entries import database_now
from portal.reading import one_reading
from registry.api.asking import person_of, read
from registry.api.serializers import page_of

TAGS = ["approvals"]
_STATES = [state.value for state in RequestState]


class RequestList(APIView):
    @extend_schema(
        operation_id="requests_list",
        summary="Requests that I may see, newest first",
        tags=TAGS,
        parameters=[
            OpenApiParameter("state", enum=_STATES, description="Only those that are in this state now."),
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
            found = found.filter(in_state(RequestState(state), now=database_now()))
        if agent is not None:
            found = found.filter(agent__slug=agent.replace("\0", ""))
        pages = NewestFirst()
        rows = pages.paginate_queryset(found, request, view=self) or []
        with one_reading():
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
        summary="Approve, deny or ask for changes",
        description=(
            "``view_hash`` names the view that was looked at; when anything it rests on has changed the answer is "
            "409 with the difference. Approving what asks for a fresh proof of who is there needs a browser (403 "
            "``step-up-required``), and what asks for a passkey its page (403 ``passkey-required``): a token can give "
            "neither."
        ),
        tags=TAGS,
        request=ReviewInput,
        responses={201: RequestDetail, 409: refusal("It is settled, reviewed already, or not what was shown.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        said = read(ReviewInput, request)
        person, verdict = person_of(request), Verdict(said["verdict"])
        asked = request_for(person, number)
        with refusal_kept(actor=person, request=asked, verdict=verdict):
            giver = _giver(asked, person, said["on_behalf_of"])
        add_review(
            actor=person,
            request=asked,
            verdict=verdict,
            reason=said["reason"],
            view_hash=bytes.fromhex(said["view_hash"]),
            on_behalf_of=giver,
            sign_in=_signed_in_by(request),
            fresh=_is_fresh(request),
        )
        return Response(_document(request, number), status=201)


class RequestUndo(APIView):
    @extend_schema(
        operation_id="requests_undo",
        summary="Take my approval back",
        description="Until the grant is used. Of a request that is approved already, the request and its grant end.",
        tags=TAGS,
        request=None,
        responses={200: RequestDetail, 409: refusal("It is too late, or there is nothing to take back.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        person = person_of(request)
        undo(actor=person, request=request_for(person, number), sign_in=_signed_in_by(request))
        return Response(_document(request, number))


class RequestComments(APIView):
    @extend_schema(
        operation_id="requests_comment",
        summary="Say something about a request",
        description="It decides nothing, and the agent is not told.",
        tags=TAGS,
        request=CommentInput,
        responses={201: CommentSerializer},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        said = read(CommentInput, request)
        person = person_of(request)
        made = comment(actor=person, request=request_for(person, number), text=said["text"])
        return Response(CommentSerializer(made).data, status=201)


class RequestEdits(APIView):
    @extend_schema(
        operation_id="requests_edit",
        summary="Change the call; the changed one is decided by itself",
        description=(
            "A new request with its own digest and view takes the place of this one, which ends as ``replaced``. "
            "Nobody has approved the new one: read its view, then review it with its ``view_hash``, as everybody does. "
            "The agent is told the exact input and the difference when it repeats its call. The answer is the new "
            "request, pending."
        ),
        tags=TAGS,
        request=EditInput,
        responses={
            201: RequestDetail,
            409: refusal("It is settled, or not what was shown."),
            422: refusal("The changed call would be forbidden, or is a greater risk."),
        },
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        said = read(EditInput, request)
        person = person_of(request)
        opened = edit(
            actor=person,
            request=request_for(person, number),
            tool_input=said["tool_input"],
            reason=said["reason"],
            view_hash=bytes.fromhex(said["view_hash"]),
            sign_in=_signed_in_by(request),
        )
        return Response(_document(request, opened.number), status=201)


class RequestBatch(APIView):
    @extend_schema(
        operation_id="requests_batch",
        summary="Decide several requests, or none",
        description=(
            "Each item is bound to its own view. When any of them cannot be decided nothing is recorded, and 409 "
            "``batch-refused`` names in ``items`` each that is in the way, with what of it changed. What cannot be "
            "undone or takes a passkey is not approved in a batch."
        ),
        tags=TAGS,
        request=BatchInput,
        responses={200: RequestSerializer(many=True), 409: refusal("Some of them cannot be decided, so none was.")},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        said = read(BatchInput, request)
        decided = review_batch(
            actor=person_of(request),
            items=[
                BatchItem(int(item["number"].removeprefix("AR-")), bytes.fromhex(item["view_hash"]))
                for item in said["items"]
            ],
            verdict=Verdict(said["verdict"]),
            reason=said["reason"],
            sign_in=_signed_in_by(request),
            fresh=_is_fresh(request),
        )
        return Response(RequestSerializer(decided, many=True).data)


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


def _giver(asked: ApprovalRequest, person: Person, named: UUID | None) -> Person | None:
    """Whose right is to be used, if it is this person's to use."""
    if named is None:
        return None
    for capacity in capacities(asked, person):
        if capacity.on_behalf_of is not None and capacity.on_behalf_of.pk == named:
            return capacity.on_behalf_of
    raise NotAllowed("You do not stand in for that person now. Your verdict was not recorded.", reason=NOT_DELEGATED)


def _beneath(request: Request) -> HttpRequest:
    """The session is Django's, beneath DRF's request."""
    return request._request  # noqa: SLF001


def _is_fresh(request: Request) -> bool:
    """A token proves nobody's presence."""
    return not isinstance(request.auth, PersonToken) and recently_authenticated(_beneath(request))


def _signed_in_by(request: Request) -> list[str]:
    return ["token"] if isinstance(request.auth, PersonToken) else sign_in_methods(_beneath(request))
