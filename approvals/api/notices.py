"""Notices over the API: the caller's own choices, channels, and deliveries."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api.notice_serializers import (
    ChannelChange,
    ChannelInput,
    ChannelSerializer,
    ChoicesInput,
    ChoicesSerializer,
    DeliverySerializer,
    DroppedSerializer,
    MadeChannelSerializer,
    ReplayedSerializer,
)
from approvals.models import Channel, NoticeChoice
from approvals.rules.notices import ChannelKind, DeliveryState, Digest, NoticeKind
from approvals.selectors.notices import channel_for, delivery_for, teams_to_set_up, visible_channels, visible_deliveries
from approvals.services.channels import add_channel, change_channel, end_channel, try_channel
from approvals.services.deliveries import replay, replay_all
from approvals.services.notices import choose_notices
from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput
from portal.identity.models import Person, Team
from portal.identity.proof import require_step_up
from registry.api.asking import named_agent, person_of, read
from registry.api.serializers import page_of

TAGS = ["notices"]
_STATES = [state.value for state in DeliveryState]
_EVENTS = [kind.value for kind in NoticeKind]


class MyNotices(APIView):
    @extend_schema(
        operation_id="notices_retrieve", summary="How I am told by e-mail", tags=TAGS, responses=ChoicesSerializer
    )
    def get(self, request: Request) -> Response:
        person = person_of(request)
        chosen = NoticeChoice.objects.filter(person=person).first() or NoticeChoice(person=person)
        return Response(ChoicesSerializer(chosen).data)

    @extend_schema(
        operation_id="notices_choose",
        summary="Choose how I am told by e-mail",
        tags=TAGS,
        request=ChoicesInput,
        responses=ChoicesSerializer,
    )
    def put(self, request: Request) -> Response:
        said = read(ChoicesInput, request)
        chosen = choose_notices(actor=person_of(request), **{**said, "digest": Digest(said["digest"])})
        return Response(ChoicesSerializer(chosen).data)


class ChannelList(APIView):
    @extend_schema(
        operation_id="channels_list",
        summary="Channels, newest first",
        tags=TAGS,
        responses=page_of("ChannelPage", ChannelSerializer),
    )
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = pages.paginate_queryset(visible_channels(person_of(request)), request, view=self) or []
        return pages.get_paginated_response(ChannelSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="channels_add",
        summary="Add a channel",
        tags=TAGS,
        request=ChannelInput,
        responses={201: MadeChannelSerializer, 409: refusal("There are as many channels as there may be.")},
    )
    def post(self, request: Request) -> Response:
        """Only from a signed-in browser, freshly confirmed. Not repeatable by Idempotency-Key, which keeps answers."""
        said = read(ChannelInput, request)
        person = person_of(request)
        if said["team"] and said["agent"]:
            raise InvalidInput(
                "A channel is of a team or of an agent. Nothing was added.",
                errors=[{"pointer": "/agent", "detail": "cannot stand beside a team"}],
            )
        agent = named_agent(request, said["agent"]) if said["agent"] else None
        team = _team(person, said["team"]) if said["team"] else None
        require_step_up(request._request)  # noqa: SLF001  (the session is Django's, beneath DRF's request)
        kind = ChannelKind(said["kind"])
        made = add_channel(actor=person, kind=kind, name=said["name"], address=said["address"], team=team, agent=agent)
        return _made(*made, status=201)


def _team(person: Person, slug: str) -> Team:
    team = teams_to_set_up(person).filter(slug=slug).first()
    if team is None:
        raise InvalidInput(
            "There is no such team, or none whose channels are yours to set up. Nothing was added.",
            errors=[{"pointer": "/team", "detail": "names no team whose channels you set up"}],
        )
    return team


class ChannelItem(APIView):
    @extend_schema(operation_id="channels_retrieve", summary="One channel", tags=TAGS, responses=ChannelSerializer)
    def get(self, request: Request, channel_id: UUID) -> Response:
        return Response(ChannelSerializer(channel_for(person_of(request), channel_id)).data)

    @extend_schema(
        operation_id="channels_change",
        summary="Change a channel",
        tags=TAGS,
        request=ChannelChange,
        responses={200: MadeChannelSerializer, 409: refusal("It was ended.")},
    )
    def put(self, request: Request, channel_id: UUID) -> Response:
        """Only from a signed-in browser, freshly confirmed."""
        person = person_of(request)
        found = channel_for(person, channel_id)
        said = read(ChannelChange, request)
        require_step_up(request._request)  # noqa: SLF001
        return _made(*change_channel(actor=person, channel=found, **said), status=200)


def _made(channel: Channel, secret: str | None, *, status: int) -> Response:
    body = {**ChannelSerializer(channel).data, "secret": secret}
    return Response(body, status=status, headers={"Cache-Control": "no-store"})


class ChannelEnd(APIView):
    @extend_schema(
        operation_id="channels_end",
        summary="End a channel",
        tags=TAGS,
        request=None,
        responses={200: DroppedSerializer, 409: refusal("It was ended before.")},
    )
    @idempotent
    def post(self, request: Request, channel_id: UUID) -> Response:
        person = person_of(request)
        dropped = end_channel(actor=person, channel=channel_for(person, channel_id))
        return Response({**ChannelSerializer(channel_for(person, channel_id)).data, "dropped": dropped})


class ChannelTest(APIView):
    @extend_schema(
        operation_id="channels_test",
        summary="Send a test message",
        tags=TAGS,
        request=None,
        responses={202: DeliverySerializer, 409: refusal("It was ended.")},
    )
    @idempotent
    def post(self, request: Request, channel_id: UUID) -> Response:
        person = person_of(request)
        queued = try_channel(actor=person, channel=channel_for(person, channel_id))
        return Response(DeliverySerializer(queued).data, status=202)


class DeliveryList(APIView):
    @extend_schema(
        operation_id="deliveries_list",
        summary="Messages to people and channels, newest first",
        tags=TAGS,
        parameters=[
            OpenApiParameter("state", enum=_STATES, description="Only those in this state."),
            OpenApiParameter("event", enum=_EVENTS, description="Only those about this."),
        ],
        responses=page_of("DeliveryPage", DeliverySerializer),
    )
    def get(self, request: Request) -> Response:
        found = visible_deliveries(person_of(request))
        for name, values in (("state", _STATES), ("event", _EVENTS)):
            said = request.query_params.get(name)
            if said is None:
                continue
            if said not in values:
                raise InvalidInput(f"“{name}” must be one of {', '.join(values)}.")
            found = found.filter(**{name: said})
        pages = NewestFirst()
        rows = pages.paginate_queryset(found, request, view=self) or []
        return pages.get_paginated_response(DeliverySerializer(rows, many=True).data)


class DeliveryReplay(APIView):
    @extend_schema(
        operation_id="deliveries_replay",
        summary="Send a message again that was given up",
        tags=TAGS,
        request=None,
        responses={200: DeliverySerializer, 409: refusal("It was not given up.")},
    )
    @idempotent
    def post(self, request: Request, delivery_id: UUID) -> Response:
        person = person_of(request)
        return Response(DeliverySerializer(replay(actor=person, delivery=delivery_for(person, delivery_id))).data)


class DeliveriesReplay(APIView):
    @extend_schema(
        operation_id="deliveries_replay_all",
        summary="Send everything again that was given up",
        tags=TAGS,
        request=None,
        responses={200: ReplayedSerializer, 409: refusal("Nothing was given up.")},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        return Response(ReplayedSerializer({"deliveries": replay_all(actor=person_of(request))}).data)
