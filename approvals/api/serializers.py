"""What the API of approvals takes and gives."""

from enum import StrEnum
from typing import Any

import orjson
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules.workflow import GrantState, RequestState, Verdict
from registry.rules.texts import MOST_TEXT


def choices_of(values: type[StrEnum]) -> list[tuple[str, str]]:
    """As the schema's ENUM_NAME_OVERRIDES write an enum, so that its values carry its name."""
    return [(item.value, item.name) for item in values]


class AskingAgent(serializers.Serializer[Any]):
    """The agent that asks, by id, slug and name."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class RequestSerializer(serializers.ModelSerializer[ApprovalRequest]):
    """A request in a list. ``state`` is the stored one; the sweep ends what was overtaken within seconds."""

    number = serializers.CharField(source="label")
    agent = AskingAgent()
    state = serializers.ChoiceField(choices=choices_of(RequestState))
    revision = serializers.IntegerField(source="revision.number")
    initiator = serializers.CharField(source="initiator_label")

    class Meta:
        model = ApprovalRequest
        fields = [
            "number", "agent", "action", "resource", "tool", "initiator", "state", "state_reason", "quorum",
            "revision", "epoch", "run_id", "opened_at", "expires_at", "resolved_at",
        ]  # fmt: skip


class ReviewSerializer(serializers.ModelSerializer[Review]):
    """One person's verdict."""

    person = serializers.CharField(source="person.name")
    verdict = serializers.ChoiceField(choices=choices_of(Verdict))

    class Meta:
        model = Review
        fields = ["person", "verdict", "reason", "at"]


class GrantSerializer(serializers.ModelSerializer[Grant]):
    """What an approval gave, as stored; it also dies with a stop, a new revision or a reviewer's right."""

    state = serializers.ChoiceField(choices=choices_of(GrantState))

    class Meta:
        model = Grant
        fields = ["state", "issued_at", "expires_at", "redeemed_at"]


class RequestDetail(RequestSerializer):
    """A request with what a person needs to decide it: the sealed view, and the hash that a review must carry."""

    view = serializers.SerializerMethodField()
    view_hash = serializers.SerializerMethodField()
    digest = serializers.SerializerMethodField()
    reviews = ReviewSerializer(many=True)
    grant = GrantSerializer(allow_null=True, default=None)

    class Meta(RequestSerializer.Meta):
        fields = [*RequestSerializer.Meta.fields, "digest", "view", "view_hash", "reviews", "grant"]

    @extend_schema_field({"type": "object", "additionalProperties": True, "description": "The sealed view, parsed."})
    def get_view(self, asked: ApprovalRequest) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(bytes(asked.view))
        return document

    @extend_schema_field({"type": "string", "description": "SHA-256 of the sealed view, hex."})
    def get_view_hash(self, asked: ApprovalRequest) -> str:
        return bytes(asked.view_hash).hex()

    @extend_schema_field({"type": "string", "description": "What a grant is bound to, hex."})
    def get_digest(self, asked: ApprovalRequest) -> str:
        return bytes(asked.digest).hex()


class ReviewInput(serializers.Serializer[Any]):
    """A verdict on exactly the view that ``view_hash`` names."""

    verdict = serializers.ChoiceField(choices=choices_of(Verdict))
    reason = serializers.CharField(max_length=MOST_TEXT, min_length=3)
    view_hash = serializers.RegexField(r"^[0-9a-f]{64}$")


class AgentsRequest(serializers.Serializer[Any]):
    """What an agent is told of its own request while it waits."""

    number = serializers.CharField()
    state = serializers.ChoiceField(choices=choices_of(RequestState))
    reason = serializers.CharField(allow_blank=True)
    expires_at = serializers.DateTimeField()
    usable_until = serializers.DateTimeField(allow_null=True)
