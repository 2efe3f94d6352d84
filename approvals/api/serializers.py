"""What the API of approvals takes and gives."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.models import ApprovalRequest, Comment, Grant, Review
from approvals.rules.rulebook import StepUp
from approvals.rules.workflow import GrantOutcome, GrantState, RequestState, Verdict
from approvals.selectors.as_of import AsOf, all_as_of, as_of
from approvals.selectors.deciding import view_of
from approvals.selectors.grants import status_of
from approvals.selectors.replaced import replacement_of
from portal.ledger.selectors.entries import database_now
from registry.rules.texts import MOST_TEXT


def choices_of(values: type[StrEnum]) -> list[tuple[str, str]]:
    """As the schema's ENUM_NAME_OVERRIDES write an enum, so that its values carry its name."""
    return [(item.value, item.name) for item in values]


class AskingAgent(serializers.Serializer[Any]):
    """The agent that asks, by id, slug and name."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class RequestsAsOfNow(serializers.ListSerializer[Any]):
    """Finds out for all together how each stands now."""

    def to_representation(self, data: Any) -> Any:
        rows = list(data)
        self.child.known = all_as_of(rows, now=database_now())  # type: ignore[union-attr]  # a RequestSerializer
        return super().to_representation(rows)


class RequestSerializer(serializers.ModelSerializer[ApprovalRequest]):
    """A request in a list. ``state`` is as of now: what the world has overtaken has ended.

    Until that is written down, within seconds, a list says of why no more than that something has changed.
    """

    known: Mapping[UUID, AsOf]  # how each request that is told of stands now

    number = serializers.CharField(source="label")
    agent = AskingAgent()
    state = serializers.ChoiceField(choices=choices_of(RequestState))
    revision = serializers.IntegerField(source="revision.number")
    initiator = serializers.CharField(source="initiator_label")
    blocked = serializers.SerializerMethodField()

    class Meta:
        model = ApprovalRequest
        list_serializer_class = RequestsAsOfNow
        fields = [
            "number", "agent", "action", "resource", "tool", "initiator", "state", "state_reason", "quorum",
            "revision", "epoch", "run_id", "opened_at", "expires_at", "resolved_at", "blocked",
        ]  # fmt: skip

    def to_representation(self, instance: ApprovalRequest) -> dict[str, Any]:
        known = self.known[instance.pk]
        return super().to_representation(instance) | {"state": known.state, "state_reason": known.because}

    @extend_schema_field(
        {
            "type": "string",
            "nullable": True,
            "description": "Why too few people are left to complete it while it waits; else null.",
        }
    )
    def get_blocked(self, asked: ApprovalRequest) -> str | None:
        return self.known[asked.pk].blocked


class ReviewSerializer(serializers.ModelSerializer[Review]):
    """One turn of one person: of each person the last counts, and ``retract`` takes the one before back."""

    person = serializers.CharField(source="person.name")
    verdict = serializers.ChoiceField(choices=choices_of(Verdict))
    on_behalf_of = serializers.CharField(source="on_behalf_of.name", default=None, allow_null=True)

    class Meta:
        model = Review
        fields = ["person", "verdict", "reason", "at", "turn", "stage", "capacity", "on_behalf_of"]


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """What somebody said about a request, beside any verdict."""

    person = serializers.CharField(source="person.name")

    class Meta:
        model = Comment
        fields = ["person", "text", "at"]


class GrantSerializer(serializers.ModelSerializer[Grant]):
    """What an approval gave; it dies with its time, a stop, a new revision or a reviewer's right."""

    state = serializers.ChoiceField(choices=choices_of(GrantState))
    outcome = serializers.ChoiceField(choices=choices_of(GrantOutcome), allow_blank=True)

    class Meta:
        model = Grant
        fields = ["id", "state", "issued_at", "expires_at", "redeemed_at", "outcome", "outcome_at"]


class RequestDetail(RequestSerializer):
    """A request with what a person needs to decide it: the sealed view, and the hash that a review must carry.

    ``state``, ``state_reason`` and the grant's state are as of now, as the pages say them: what the world has
    overtaken has ended, whether or not the sweep has written it down.
    """

    view = serializers.SerializerMethodField()
    view_hash = serializers.SerializerMethodField()
    digest = serializers.SerializerMethodField()
    reviews = ReviewSerializer(many=True)
    comments = CommentSerializer(many=True)
    replaces = serializers.CharField(source="replaces.label", default=None, allow_null=True)
    replaced_by = serializers.SerializerMethodField()
    step_up = serializers.ChoiceField(choices=choices_of(StepUp))
    grant = GrantSerializer(allow_null=True, default=None)

    class Meta(RequestSerializer.Meta):
        fields = [
            *RequestSerializer.Meta.fields, "digest", "view", "view_hash", "step_up", "reviews", "comments", "grant",
            "replaces", "replaced_by",
        ]  # fmt: skip

    def to_representation(self, instance: ApprovalRequest) -> dict[str, Any]:
        now = database_now()
        self.known = {instance.pk: as_of(instance, now=now)}
        told = super().to_representation(instance)
        grant = getattr(instance, "grant", None)
        if grant is not None:
            told["grant"]["state"] = status_of(grant, instance, now=now).state.value
        return told

    @extend_schema_field({"type": "object", "additionalProperties": True, "description": "The sealed view, parsed."})
    def get_view(self, asked: ApprovalRequest) -> dict[str, Any]:
        return view_of(asked)

    @extend_schema_field({"type": "string", "description": "SHA-256 of the sealed view, hex."})
    def get_view_hash(self, asked: ApprovalRequest) -> str:
        return bytes(asked.view_hash).hex()

    @extend_schema_field({"type": "string", "nullable": True, "description": "What took its place when it was edited."})
    def get_replaced_by(self, asked: ApprovalRequest) -> str | None:
        other = replacement_of(asked)
        return other.label if other else None

    @extend_schema_field({"type": "string", "description": "What a grant is bound to, hex."})
    def get_digest(self, asked: ApprovalRequest) -> str:
        return bytes(asked.digest).hex()


# The verdicts that are given; one is taken back by undoing it.
GIVEN = [item.value for item in Verdict if item is not Verdict.RETRACT]


class ReviewInput(serializers.Serializer[Any]):
    """A verdict on exactly the view that ``view_hash`` names; ``on_behalf_of``: whose right is used, if delegated."""

    verdict = serializers.ChoiceField(choices=GIVEN)
    reason = serializers.CharField(max_length=MOST_TEXT, min_length=3)
    view_hash = serializers.RegexField(r"^[0-9a-f]{64}$")
    on_behalf_of = serializers.UUIDField(required=False, allow_null=True, default=None)


class CommentInput(serializers.Serializer[Any]):
    """What is to be said about a request."""

    text = serializers.CharField(max_length=MOST_TEXT)


class EditInput(serializers.Serializer[Any]):
    """The whole input that the call should have instead, of the same tool, on exactly the view that was looked at."""

    tool_input = serializers.DictField()
    reason = serializers.CharField(max_length=MOST_TEXT, min_length=3)
    view_hash = serializers.RegexField(r"^[0-9a-f]{64}$")


class BatchItemInput(serializers.Serializer[Any]):
    """One request of a batch with the hash of its view."""

    number = serializers.RegexField(r"^AR-[1-9][0-9]{0,8}$")
    view_hash = serializers.RegexField(r"^[0-9a-f]{64}$")


class BatchInput(serializers.Serializer[Any]):
    """One verdict on several requests, each bound to its own view: all are recorded or none."""

    items = serializers.ListField(child=BatchItemInput(), min_length=1, max_length=50)
    verdict = serializers.ChoiceField(choices=GIVEN)
    reason = serializers.CharField(max_length=MOST_TEXT, min_length=3)
