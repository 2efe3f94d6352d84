"""What an agent asks and says of its own requests: where they stand, how a call ended, where a branch stands."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api.agent_serializers import (
    AgentsGrant,
    AgentsRequest,
    HeadInput,
    HeadSerializer,
    OutcomeInput,
)
from approvals.api.waiting import MOST_HELD, MOST_SECONDS, wait_for_news
from approvals.models import ApprovalRequest, Grant
from approvals.rules.edited import input_of
from approvals.rules.waiting import retry_after
from approvals.rules.workflow import GrantOutcome, GrantState, RequestState
from approvals.selectors.grant_token import token_of
from approvals.selectors.grants import grant_of, status_of, usable_by
from approvals.selectors.replaced import changes_asked, difference_to, replacement_of
from approvals.selectors.requests import overtaken
from approvals.selectors.standing import CallerStanding
from approvals.services.check import identify
from approvals.services.head import report_head
from approvals.services.outcome import report_outcome
from portal.api.authentication import bearer
from portal.api.schema import refusal
from portal.errors import InvalidInput, NotAuthenticated, NotFound
from portal.ledger.events import Actor
from portal.ledger.selectors.entries import database_now
from registry.api.asking import read

TAGS = ["agents asking"]
_BY_AGENT: list[dict[str, list[str]]] = [{"AgentToken": []}]
_WAIT = OpenApiParameter(
    "wait",
    int,
    description=f"Seconds, 1 to {MOST_SECONDS}, for which a pending request may be held until something is decided.",
)


class AgentsOwnRequest(APIView):
    """By an agent's token alone: a session or a person's token means nothing here."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="agent_request",
        summary="Where the agent's own request stands",
        description=(
            "For a job that waits. ``usable_until`` is set while a grant can be redeemed by making exactly the same "
            f"call again. Each web process holds at most {MOST_HELD} that wait; the others are answered at once, with "
            "``Retry-After``. Authenticate with the agent's token."
        ),
        tags=TAGS,
        auth=_BY_AGENT,  # type: ignore[arg-type]  # a requirement as OpenAPI writes it
        parameters=[_WAIT],
        responses=AgentsRequest,
    )
    def get(self, request: Request, number: int) -> Response:
        seconds = _seconds(request)
        asked = _own(_caller(request), number)
        if seconds and asked.state == RequestState.PENDING.value:
            wait_for_news(asked, seconds)
            # Whoever waited may have lost the right to be told meanwhile.
            asked = _own(_caller(request), number)
        return _answer(_told(asked))


class AgentsOwnRequests(APIView):
    """By an agent's token alone."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="agent_requests",
        summary="What the agent waits for, and what it may do",
        description=(
            "The agent's requests that wait, and those that were approved and not used yet, newest first, at most "
            "100: an agent that gave up finds here what it may still do. Authenticate with the agent's token."
        ),
        tags=TAGS,
        auth=_BY_AGENT,  # type: ignore[arg-type]  # a requirement as OpenAPI writes it
        responses=AgentsRequest(many=True),
    )
    def get(self, request: Request) -> Response:
        caller = _caller(request)
        found = [_told(asked) for asked in usable_by(caller.agent_id)]
        return Response(AgentsRequest([told for told in found if told["alive"]], many=True).data)


class GrantOutcomeReport(APIView):
    """By an agent's token alone."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="agent_grant_outcome",
        summary="Say how a call ended that an approval let through",
        description=(
            "The grant's id comes with the check's answer. Saying the same again changes nothing. What nobody reports "
            "within 15 minutes counts as unknown, until somebody does. Authenticate with the agent's token."
        ),
        tags=TAGS,
        auth=_BY_AGENT,  # type: ignore[arg-type]  # a requirement as OpenAPI writes it
        request=OutcomeInput,
        responses={200: AgentsGrant, 409: refusal("Nothing was let through by it, or another outcome is known.")},
    )
    def post(self, request: Request, grant_id: UUID) -> Response:
        caller = _caller(request)
        outcome = GrantOutcome(read(OutcomeInput, request)["outcome"])
        actor = Actor("agent", str(caller.agent_id), caller.agent_name)
        grant = report_outcome(actor=actor, agent_id=caller.agent_id, grant_id=grant_id, outcome=outcome)
        return Response(AgentsGrant(_grant(grant, grant.request)).data)


class Heads(APIView):
    """By an agent's token alone."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="agent_head",
        summary="Say where a branch stands",
        description=(
            "For whatever sees commits arrive: a CI job, a hook of the host. What waits or was approved for another "
            "commit of the branch is voided before this answers. Authenticate with the agent's token; only "
            "repositories of its own policy."
        ),
        tags=TAGS,
        auth=_BY_AGENT,  # type: ignore[arg-type]  # a requirement as OpenAPI writes it
        request=HeadInput,
        responses={200: HeadSerializer, 422: refusal("A name or the commit id is not usable.")},
    )
    def post(self, request: Request) -> Response:
        caller = _caller(request)
        said = read(HeadInput, request)
        head = report_head(standing=caller, repository=said["repository"], branch=said["branch"], commit=said["commit"])
        return Response(HeadSerializer(head).data)


def _caller(request: Request) -> CallerStanding:
    caller = identify(bearer(request))
    if not caller.credential_ok:
        raise NotAuthenticated("The credential has expired or was revoked; a manager can issue another.")
    return caller


def _seconds(request: Request) -> int:
    stated = request.query_params.get("wait")
    if stated is None:
        return 0
    if not (stated.isascii() and stated.isdecimal() and len(stated) < 4 and 1 <= int(stated) <= MOST_SECONDS):
        detail = f"must be a whole number from 1 to {MOST_SECONDS}"
        raise InvalidInput(f"wait {detail}. Nothing was read.", errors=[{"pointer": "/wait", "detail": detail}])
    return int(stated)


def _own(caller: CallerStanding, number: int) -> ApprovalRequest:
    """The agent's own request. A planted one is no agent's, so none is told of it."""
    asked = (
        ApprovalRequest.objects.select_related("agent", "agent__revision", "revision")
        .filter(number=number, agent_id=caller.agent_id, canary=False)
        .first()
    )
    if asked is None:
        raise NotFound("This agent has no such request.")
    return asked


def _answer(told: dict[str, Any]) -> Response:
    response = Response(AgentsRequest(told).data)
    response["Cache-Control"] = "no-store"
    if told["retry_after"] is not None:
        response["Retry-After"] = str(told["retry_after"])
    return response


def _told(asked: ApprovalRequest) -> dict[str, Any]:
    now = database_now()
    over = overtaken(asked, now=now)
    grant = grant_of(asked)
    status = status_of(grant, asked, now=now) if grant else None
    usable = status is not None and status.state is GrantState.ISSUED
    state = over.state.value if over else asked.state
    waits = state == RequestState.PENDING.value
    return {
        "number": asked.label,
        "state": state,
        "reason": over.because if over else asked.state_reason,
        "expires_at": asked.expires_at,
        "usable_until": status.at if status and usable else None,
        "retry_after": retry_after(opened_at=asked.opened_at, expires_at=asked.expires_at, now=now) if waits else None,
        "grant": _grant(grant, asked) if grant and (usable or grant.redeemed_at) else None,
        "changes": changes_asked(asked) if asked.state == RequestState.RETURNED.value else [],
        "edited": _edited(asked) if asked.state == RequestState.REPLACED.value else None,
        "alive": waits or usable,
    }


def _grant(grant: Grant, asked: ApprovalRequest) -> dict[str, Any]:
    live = grant.state == GrantState.ISSUED.value
    return {
        "id": grant.pk,
        "state": grant.state,
        "expires_at": grant.expires_at,
        "redeemed_at": grant.redeemed_at,
        "outcome": grant.outcome,
        "outcome_at": grant.outcome_at,
        "token": token_of(grant, asked) if live else None,
    }


def _edited(asked: ApprovalRequest) -> dict[str, Any] | None:
    """The call that a reviewer made of it: exactly this one may be made, once it is approved."""
    edited = replacement_of(asked)
    if edited is None:
        return None
    return {
        "number": edited.label,
        "tool": edited.tool,
        "input": input_of(edited.arguments),
        "difference": difference_to(asked, edited),
    }
