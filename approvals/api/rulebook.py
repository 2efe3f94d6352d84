"""Who decides, over the API: the rulebook, its past, proposals and the second person; and the recorded risk."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.models import Rulebook, RulebookProposal
from approvals.rules.risk import Band
from approvals.rules.rulebook import BUILT_IN, ProposalState, digest
from approvals.rules.rulebook_parts import THRESHOLDS, WEIGHT, WEIGHTS
from approvals.rules.rulebook_words import Direction
from approvals.selectors.risk import distribution, other_risk, scored, tried
from approvals.selectors.rulebook import book_in_force
from approvals.selectors.rulebook_proposals import (
    changes_of,
    open_proposals,
    proposal_by,
    proposals,
    revision_by,
    revisions,
    row_of,
)
from approvals.services.rulebook import agree, propose, refuse, withdraw
from portal.api.idempotency import idempotent
from portal.api.pagination import NewestFirst
from portal.api.schema import refusal
from portal.errors import InvalidInput
from portal.identity.proof import require_step_up, sign_in_methods
from portal.ledger.selectors.entries import database_now
from registry.api.asking import person_of, read
from registry.api.policy_serializers import WithdrawalInput
from registry.api.serializers import ReasonInput, page_of
from registry.rules.reading import PolicyError
from registry.rules.texts import MOST_TEXT

TAGS = ["rulebook"]
MOST_DAYS = 365


class NamedPerson(serializers.Serializer[Any]):
    """Somebody, by id and name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class RulebookInForceSerializer(serializers.Serializer[Any]):
    """What counts now. ``number`` 0 is the one that is built in, to which nobody had to agree."""

    number = serializers.IntegerField()
    digest = serializers.CharField()
    document = serializers.JSONField()
    since = serializers.DateTimeField(allow_null=True)


class RulebookSerializer(serializers.ModelSerializer[Rulebook]):
    """A rulebook that two people agreed on."""

    written_by = NamedPerson()
    agreed_by = NamedPerson()

    class Meta:
        model = Rulebook
        fields = ["number", "digest", "document", "written_by", "agreed_by", "at"]


class RulebookChangeSerializer(serializers.Serializer[Any]):
    """One difference in words."""

    sentence = serializers.CharField()
    direction = serializers.ChoiceField(choices=[direction.value for direction in Direction])


class RulebookProposalSerializer(serializers.ModelSerializer[RulebookProposal]):
    """A rulebook that waits for a second person, or did. ``based_on`` is the number it was written on."""

    state = serializers.ChoiceField(choices=[state.value for state in ProposalState])
    based_on = serializers.SerializerMethodField()
    written_by = NamedPerson()
    decided_by = NamedPerson(allow_null=True)

    class Meta:
        model = RulebookProposal
        fields = ["number", "label", "state", "based_on", "digest", "reason", "written_by", "written_at",
                  "decided_by", "decided_at", "decided_reason"]  # fmt: skip

    def get_based_on(self, proposal: RulebookProposal) -> int:
        return proposal.base.number if proposal.base is not None else 0


class RulebookProposalDetailSerializer(RulebookProposalSerializer):
    """The proposal with its document, and what it changes in words."""

    changes = serializers.SerializerMethodField()

    class Meta(RulebookProposalSerializer.Meta):
        fields = [*RulebookProposalSerializer.Meta.fields, "document", "changes"]

    @extend_schema_field(RulebookChangeSerializer(many=True))
    def get_changes(self, proposal: RulebookProposal) -> list[dict[str, str]]:
        return [{"sentence": one.sentence, "direction": one.direction.value} for one in changes_of(proposal)]


class RulebookInput(serializers.Serializer[Any]):
    """``based_on`` is the number of the rulebook that the document was written on."""

    document = serializers.JSONField()
    based_on = serializers.IntegerField(min_value=0)
    reason = serializers.CharField(max_length=MOST_TEXT)


class RulebookInForce(APIView):
    @extend_schema(
        operation_id="rulebook_retrieve",
        summary="Who decides what, now",
        tags=TAGS,
        responses=RulebookInForceSerializer,
    )
    def get(self, request: Request) -> Response:
        ruled = book_in_force()
        row = row_of(ruled)
        shown = {
            "number": ruled.number,
            "digest": digest(BUILT_IN) if row is None else row.digest,
            "document": ruled.book.to_document(),
            "since": None if row is None else row.at,
        }
        return Response(RulebookInForceSerializer(shown).data)


class RulebookRevisions(APIView):
    @extend_schema(
        operation_id="rulebook_revisions_list",
        summary="Every rulebook that was agreed to, newest first",
        tags=TAGS,
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("size", int)],
        responses=page_of("RulebookPage", RulebookSerializer),
    )
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = pages.paginate_queryset(revisions(), request, view=self) or []
        return pages.get_paginated_response(RulebookSerializer(rows, many=True).data)


class RulebookRevision(APIView):
    @extend_schema(
        operation_id="rulebook_revisions_retrieve",
        summary="One rulebook of before, or the one in force",
        tags=TAGS,
        responses=RulebookSerializer,
    )
    def get(self, request: Request, number: int) -> Response:
        return Response(RulebookSerializer(revision_by(number)).data)


class RulebookProposals(APIView):
    @extend_schema(
        operation_id="rulebook_proposals_list",
        summary="Proposed rulebooks, newest first",
        tags=TAGS,
        parameters=[
            OpenApiParameter("open", bool, description="Only those that wait"),
            OpenApiParameter("cursor", str),
            OpenApiParameter("size", int),
        ],
        responses=page_of("RulebookProposalPage", RulebookProposalSerializer),
    )
    def get(self, request: Request) -> Response:
        found = open_proposals() if request.query_params.get("open") == "true" else proposals()
        pages = NewestFirst()
        rows = pages.paginate_queryset(found, request, view=self) or []
        return pages.get_paginated_response(RulebookProposalSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="rulebook_proposals_create",
        summary="Propose another rulebook",
        description=(
            "By somebody in security; another person in security has to agree. What is left out of the document is as "
            "it is built in. 409 with the difference when another rulebook than ``based_on`` is in force."
        ),
        tags=TAGS,
        request=RulebookInput,
        responses={201: RulebookProposalDetailSerializer, 409: refusal("Another rulebook is in force.")},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        made = propose(actor=person_of(request), **read(RulebookInput, request))
        return _shown(made.number, status=201)


class RulebookProposalItem(APIView):
    @extend_schema(
        operation_id="rulebook_proposals_retrieve",
        summary="One proposed rulebook, with what it changes",
        tags=TAGS,
        responses=RulebookProposalDetailSerializer,
    )
    def get(self, request: Request, number: int) -> Response:
        return _shown(number)


class RulebookAgreement(APIView):
    @extend_schema(
        operation_id="rulebook_proposals_agree",
        summary="Agree to a proposed rulebook and put it in force",
        description=(
            "By another natural person of security than the one who wrote it. Requests of which another decision would "
            "now be asked end with it. It needs a browser and a fresh proof of who is there (403 "
            "``step-up-required``): a token cannot give one."
        ),
        tags=TAGS,
        request=ReasonInput,
        responses={200: RulebookProposalDetailSerializer, 409: refusal("Decided already, or overtaken.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        said, found = read(ReasonInput, request), proposal_by(number)
        beneath: HttpRequest = request._request  # noqa: SLF001  (the session is Django's, beneath DRF's request)
        require_step_up(beneath)
        agree(actor=person_of(request), proposal=found, reason=said["reason"], sign_in=sign_in_methods(beneath))
        return _shown(number)


class RulebookRefusal(APIView):
    @extend_schema(
        operation_id="rulebook_proposals_refuse",
        summary="Refuse a proposed rulebook",
        tags=TAGS,
        request=ReasonInput,
        responses={200: RulebookProposalDetailSerializer, 409: refusal("It is decided already.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        refuse(actor=person_of(request), proposal=proposal_by(number), **read(ReasonInput, request))
        return _shown(number)


class RulebookWithdrawal(APIView):
    @extend_schema(
        operation_id="rulebook_proposals_withdraw",
        summary="Take back a proposed rulebook of one's own",
        tags=TAGS,
        request=WithdrawalInput,
        responses={200: RulebookProposalDetailSerializer, 409: refusal("It is decided already.")},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        withdraw(actor=person_of(request), proposal=proposal_by(number), **read(WithdrawalInput, request))
        return _shown(number)


class RiskColumnSerializer(serializers.Serializer[Any]):
    """So many requests with a score of these points."""

    points = serializers.CharField()
    count = serializers.IntegerField()
    band = serializers.ChoiceField(choices=[band.value for band in Band])


class RiskTrialSerializer(serializers.Serializer[Any]):
    """What the tried numbers would have changed: bands, who decides, and the proof that is asked for."""

    riskier = serializers.IntegerField()
    less_risky = serializers.IntegerField()
    stages = serializers.IntegerField()
    proofs = serializers.IntegerField()


class RecordedRiskSerializer(serializers.Serializer[Any]):
    """The newest requests that the caller may see, by score; ``trial`` is null where nothing else was tried."""

    requests = serializers.IntegerField()
    distribution = RiskColumnSerializer(many=True)
    trial = RiskTrialSerializer(allow_null=True)


class RecordedRisk(APIView):
    @extend_schema(
        operation_id="rulebook_risk",
        summary="The recorded risk, and what other weights and thresholds would have changed",
        description="Of the newest 2,000 requests that I may see. Trying changes nothing.",
        tags=TAGS,
        parameters=[
            OpenApiParameter("team", str, description="The slug of an owner team"),
            OpenApiParameter("days", int, description="Opened within so many days, 90 if left out"),
            *(OpenApiParameter(name, int, description="A threshold to try") for name in THRESHOLDS),
            *(OpenApiParameter(key, int, description="A weight to try") for key in WEIGHTS),
        ],
        responses=RecordedRiskSerializer,
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params
        days = _number(asked.get("days", "90"), "days", (1, MOST_DAYS))
        numbers = {name: _number(asked[name], name, THRESHOLDS[name]) for name in THRESHOLDS if name in asked}
        weights = {key: _number(asked[key], key, WEIGHT) for key in WEIGHTS if key in asked}
        book = book_in_force().book
        try:
            other = other_risk(book, weights=weights, **numbers)
        except PolicyError as error:
            raise InvalidInput("These numbers cannot be tried.", errors=error.errors) from error
        since = database_now() - timedelta(days=days)
        found = scored(person_of(request), team=asked.get("team", "").replace("\0", ""), since=since)
        shown = {
            "requests": len(found),
            "distribution": distribution((one.risk for one in found), book.risk),
            "trial": None if other == book else tried(found, book, other),
        }
        return Response(RecordedRiskSerializer(shown).data)


def _number(text: str, name: str, bounds: tuple[int, int]) -> int:
    least, most = bounds
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else -1
    if not least <= number <= most:
        detail = f"must be a whole number from {least} to {most}"
        raise InvalidInput(f"{name} {detail}.", errors=[{"pointer": f"/{name}", "detail": detail}])
    return number


def _shown(number: int, status: int = 200) -> Response:
    return Response(RulebookProposalDetailSerializer(proposal_by(number)).data, status=status)
