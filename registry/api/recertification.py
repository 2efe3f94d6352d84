"""Use and recertification over the API: what was granted and needed, and looking at it again."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput
from portal.identity.models import Person
from registry.api.asking import named_agent, person_of, read, visible_team
from registry.api.recertification_serializers import (
    CampaignDetailSerializer,
    CampaignInput,
    CampaignSerializer,
    ItemDecisionInput,
    UseSerializer,
)
from registry.api.serializers import ReasonInput, page_of
from registry.models import Campaign, ItemVerdict
from registry.rules.recertification import progress_of
from registry.selectors.recertification import campaign_for, items_of, visible_campaigns, with_progress
from registry.selectors.usage import use_of
from registry.services.recertification import cancel_campaign, open_campaign
from registry.services.recertification_items import keep_items, remove_item

TAGS = ["recertification"]


class AgentUse(APIView):
    @extend_schema(operation_id="agents_use", summary="Granted against used", tags=TAGS, responses=UseSerializer)
    def get(self, request: Request, reference: str) -> Response:
        """What the policy in force grants, and how many recorded checks of 90 days needed each of it."""
        return Response(UseSerializer(use_of(named_agent(request, reference))).data)


class CampaignList(APIView):
    @extend_schema(
        operation_id="recertifications_list",
        summary="Recertifications that I may see, newest first",
        tags=TAGS,
        responses=page_of("RecertificationPage", CampaignSerializer),
    )
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = pages.paginate_queryset(visible_campaigns(person_of(request)), request, view=self) or []
        return pages.get_paginated_response(CampaignSerializer(with_progress(rows), many=True).data)

    @extend_schema(
        operation_id="recertifications_open",
        summary="Start a recertification of a team",
        tags=TAGS,
        request=CampaignInput,
        responses={201: CampaignDetailSerializer, 409: refusal("One is open already, or no agent is active.")},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Every entry of the team's active agents is put up for review, with its use as counted now."""
        facts = read(CampaignInput, request)
        team = visible_team(request, facts["team"], "/team")
        campaign = open_campaign(actor=person_of(request), team=team, due_on=facts["due_on"])
        return Response(_detail(person_of(request), campaign), status=201)


class CampaignDetail(APIView):
    @extend_schema(
        operation_id="recertifications_retrieve",
        summary="One recertification with its entries",
        tags=TAGS,
        responses=CampaignDetailSerializer,
    )
    def get(self, request: Request, number: int) -> Response:
        person = person_of(request)
        return Response(_detail(person, campaign_for(person, number)))


class CampaignDecisions(APIView):
    @extend_schema(
        operation_id="recertifications_decide",
        summary="Keep or remove entries",
        tags=TAGS,
        request=ItemDecisionInput,
        responses={201: CampaignDetailSerializer, 409: refusal("An entry was decided or is gone meanwhile.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """All of the entries or none. A removal tightens the agent's policy at once."""
        person = person_of(request)
        campaign = campaign_for(person, number)
        facts = read(ItemDecisionInput, request)
        items, reason = set(facts["items"]), facts["reason"]
        if facts["verdict"] == ItemVerdict.KEEP.value:
            keep_items(actor=person, campaign=campaign, items=items, reason=reason)
        elif len(items) > 1:
            raise InvalidInput(
                "Entries are removed one at a time. Nothing was decided.",
                errors=[{"pointer": "/items", "detail": "must name one entry"}],
            )
        else:
            remove_item(actor=person, campaign=campaign, item=items.pop(), reason=reason)
        return Response(_detail(person, campaign), status=201)


class CampaignCancellation(APIView):
    @extend_schema(
        operation_id="recertifications_cancel",
        summary="Cancel a recertification",
        tags=TAGS,
        request=ReasonInput,
        responses={201: CampaignDetailSerializer, 409: refusal("It has ended already.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """For security: ends it without its open decisions, and says why in the record."""
        person = person_of(request)
        campaign = campaign_for(person, number)
        cancel_campaign(actor=person, campaign=campaign, **read(ReasonInput, request))
        return Response(_detail(person, campaign), status=201)


def _detail(person: Person, campaign: Campaign) -> dict[str, object]:
    """The campaign read again, so that what a decision has changed is in it."""
    found = campaign_for(person, campaign.number)
    rows = items_of(found)
    progress = progress_of(row.standing for row in rows)
    return dict(CampaignDetailSerializer({"campaign": found, "progress": progress, "items": rows}).data)
