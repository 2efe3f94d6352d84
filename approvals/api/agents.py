"""What an agent may ask of its own request while it waits: where it stands, and how long a grant can be used."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api.serializers import AgentsRequest
from approvals.models import ApprovalRequest
from approvals.rules.workflow import GrantState, RequestState
from approvals.selectors.grants import grant_of, status_of
from approvals.selectors.requests import obstacle
from approvals.services.check import identify
from portal.api.authentication import bearer
from portal.errors import NotAuthenticated, NotFound
from portal.ledger.selectors.entries import database_now


class AgentsOwnRequest(APIView):
    """By an agent's token alone: a session or a person's token means nothing here."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="agent_request",
        summary="Where the agent's own request stands",
        description=(
            "For a job that waits. ``usable_until`` is set while a grant can be redeemed by making exactly the same "
            "call again. Authenticate with the agent's token."
        ),
        tags=["agents asking"],
        auth=[{"AgentToken": []}],  # type: ignore[list-item]  # a requirement as OpenAPI writes it
        responses=AgentsRequest,
    )
    def get(self, request: Request, number: int) -> Response:
        caller = identify(bearer(request))
        if not caller.credential_ok:
            raise NotAuthenticated("The credential has expired or was revoked; a manager can issue another.")
        asked = (
            ApprovalRequest.objects.select_related("agent", "agent__revision", "revision")
            .filter(number=number, agent_id=caller.agent_id)
            .first()
        )
        if asked is None:
            raise NotFound("This agent has no such request.")
        return Response(AgentsRequest(_told(asked)).data)


def _told(asked: ApprovalRequest) -> dict[str, object]:
    now = database_now()
    over = obstacle(asked, now=now) if asked.state == RequestState.PENDING.value else None
    grant = grant_of(asked)
    status = status_of(grant, asked, now=now) if grant else None
    return {
        "number": asked.label,
        "state": over.state.value if over else asked.state,
        "reason": over.because if over else asked.state_reason,
        "expires_at": asked.expires_at,
        "usable_until": status.at if status and status.state is GrantState.ISSUED else None,
    }
