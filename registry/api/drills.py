"""Drills over the API: list, ask, consent, read what was measured."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from registry.api.asking import named_agent, person_of, read
from registry.api.serializers import PersonSerializer, page_of
from registry.models import Drill, DrillState
from registry.selectors.drills import drill_for, visible_drills
from registry.services.drill import cancel_drill, consent_to_drill, plan_drill


class DrillSerializer(serializers.ModelSerializer[Drill]):
    """A rehearsed stop. ``cancelled`` also stands for one in which nothing was measured: ``outcome`` says which."""

    agent: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    canary = serializers.BooleanField(source="agent.canary", read_only=True)
    state = serializers.ChoiceField(choices=[item.value for item in DrillState])
    ordered_by = PersonSerializer(allow_null=True, help_text="Null for a drill of the schedule.")
    consent_by = PersonSerializer(allow_null=True)
    stop = serializers.IntegerField(source="order.number", default=None, allow_null=True, help_text="Its kill order.")

    class Meta:
        model = Drill
        fields = [
            "number", "agent", "canary", "state", "ordered_by", "consent_by", "stop", "planned_at", "started_at",
            "ended_at", "promised_ms", "measured_ms", "outcome",
        ]  # fmt: skip


class DrillInput(serializers.Serializer[Any]):
    agent = serializers.CharField(max_length=80, help_text="Slug or id.")


class NoInput(serializers.Serializer[Any]):
    """An empty object."""


class DrillList(APIView):
    @extend_schema(
        operation_id="drills_list",
        summary="Drills on agents that I may see, newest first",
        tags=["drills"],
        responses=page_of("DrillPage", DrillSerializer),
    )
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        drills = pages.paginate_queryset(visible_drills(person_of(request)), request, view=self) or []
        return pages.get_paginated_response(DrillSerializer(drills, many=True).data)

    @extend_schema(
        operation_id="drills_ask",
        summary="Ask for a drill",
        tags=["drills"],
        request=DrillInput,
        responses={201: DrillSerializer, 409: refusal("A drill is open already, or the agent is not active.")},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """On the canary it starts within seconds; on a real agent who answers for it must consent first."""
        agent = named_agent(request, read(DrillInput, request)["agent"])
        return Response(DrillSerializer(plan_drill(actor=person_of(request), agent=agent)).data, status=201)


class DrillDetail(APIView):
    @extend_schema(operation_id="drills_retrieve", summary="One drill", tags=["drills"], responses=DrillSerializer)
    def get(self, request: Request, number: int) -> Response:
        return Response(DrillSerializer(drill_for(person_of(request), number)).data)


class DrillConsent(APIView):
    @extend_schema(
        operation_id="drills_consent",
        summary="Consent to a drill on an agent that I answer for",
        tags=["drills"],
        request=NoInput,
        responses={200: DrillSerializer, 409: refusal("The drill does not wait for consent.")},
    )
    def post(self, request: Request, number: int) -> Response:
        read(NoInput, request)
        person = person_of(request)
        return Response(DrillSerializer(consent_to_drill(actor=person, drill=drill_for(person, number))).data)


class DrillCancellation(APIView):
    @extend_schema(
        operation_id="drills_cancel",
        summary="Cancel a drill that has not begun",
        tags=["drills"],
        request=NoInput,
        responses={200: DrillSerializer, 409: refusal("The drill has begun or ended already.")},
    )
    def post(self, request: Request, number: int) -> Response:
        read(NoInput, request)
        person = person_of(request)
        return Response(DrillSerializer(cancel_drill(actor=person, drill=drill_for(person, number))).data)
