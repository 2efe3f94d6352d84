"""What the API takes and gives about stops and leases."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry.api.serializers import PersonSerializer
from registry.models import KillOrder, PointKind
from registry.rules.kill import RESUME_QUORUM, ScopeKind, StopStatus
from registry.rules.texts import MOST_TEXT
from registry.selectors.points import progress_for, promise_for
from registry.services.lease import MOST_POINT

MOST_REPOSITORY = 255
# Drills are ordered by the service of drills alone.
ORDERED_KINDS = [item.value for item in ScopeKind if item is not ScopeKind.DRILL]


class AgreementSerializer(serializers.Serializer[Any]):
    """One person's agreement that a stop may end."""

    person = PersonSerializer()
    reason = serializers.CharField()
    at = serializers.DateTimeField()


class ToldSerializer(serializers.Serializer[Any]):
    """An enforcement point that has heard of the stop, or whose lease ended without a word (``by_expiry``)."""

    point = serializers.CharField()
    kind = serializers.ChoiceField(choices=[item.value for item in PointKind])
    agent = serializers.CharField()
    at = serializers.DateTimeField()
    after_ms = serializers.IntegerField(help_text="Milliseconds after the order.")
    by_expiry = serializers.BooleanField()


class StillOutSerializer(serializers.Serializer[Any]):
    """An enforcement point that has not heard of the stop and may go on until its lease ends."""

    point = serializers.CharField()
    kind = serializers.ChoiceField(choices=[item.value for item in PointKind])
    agent = serializers.CharField()
    lease_expires_at = serializers.DateTimeField()


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a stop has come: ``stopping`` until every lease in scope was acknowledged or has ended.

    ``elsewhere`` counts points of agents that the caller may not see; they are in neither list.
    """

    status = serializers.ChoiceField(choices=[item.value for item in StopStatus])
    stopped_at = serializers.DateTimeField(allow_null=True)
    told = ToldSerializer(many=True)
    out = StillOutSerializer(many=True)
    elsewhere = serializers.IntegerField()


class KillSerializer(serializers.ModelSerializer[KillOrder]):
    """A stop, how fast it was promised to work, and who has agreed so far that it may end.

    ``recorded`` is false while its ledger entry could not be written: the stop works all the same.
    """

    kind = serializers.ChoiceField(choices=[item.value for item in ScopeKind])
    ordered_by = PersonSerializer(allow_null=True, help_text="Null for a drill of the schedule.")
    agreements = serializers.SerializerMethodField()
    needed = serializers.SerializerMethodField()
    worst_because = serializers.SerializerMethodField()

    class Meta:
        model = KillOrder
        fields = [
            "number", "kind", "key", "label", "state", "reason", "epoch", "ordered_by", "ordered_at", "resumed_at",
            "worst_seconds", "worst_because", "credentials_revoked", "recorded", "agreements", "needed",
        ]  # fmt: skip

    @extend_schema_field(AgreementSerializer(many=True))
    def get_agreements(self, order: KillOrder) -> Any:
        return AgreementSerializer(order.agreements.all(), many=True).data

    def get_needed(self, order: KillOrder) -> int:
        return RESUME_QUORUM

    def get_worst_because(self, order: KillOrder) -> str:
        return promise_for(self.context["person"], order)


class KillDetailSerializer(KillSerializer):
    """A stop with how far it has come, read fresh."""

    progress = serializers.SerializerMethodField()

    class Meta(KillSerializer.Meta):
        fields = [*KillSerializer.Meta.fields, "progress"]

    @extend_schema_field(ProgressSerializer())
    def get_progress(self, order: KillOrder) -> Any:
        return ProgressSerializer(progress_for(self.context["person"], order)).data


class KillInput(serializers.Serializer[Any]):
    """``target`` names what is stopped: left out for everything, else the slug of the team, the slug or id of the
    agent, the id of the run, the key of the action type, or the name of the repository.

    ``revoke_credentials`` also ends every credential in scope, for everything, a team or an agent.
    """

    kind = serializers.ChoiceField(choices=ORDERED_KINDS)
    target = serializers.CharField(max_length=MOST_REPOSITORY, required=False)
    reason = serializers.CharField(max_length=MOST_TEXT)
    revoke_credentials = serializers.BooleanField(default=False)


class LeaseInput(serializers.Serializer[Any]):
    """``point`` is the name that the enforcement point keeps for good, one for each agent. ``session`` or ``run``
    binds it to one run, ``repository`` to where it works; a stop of either then stops it. ``working`` says that
    something still runs under the lease: told of a stop, the point ends it, and asks once more without to
    acknowledge."""

    point = serializers.CharField(max_length=MOST_POINT)
    kind = serializers.ChoiceField(choices=[item.value for item in PointKind])
    session = serializers.CharField(max_length=200, required=False)
    run = serializers.UUIDField(required=False)
    repository = serializers.CharField(max_length=MOST_REPOSITORY, required=False)
    working = serializers.BooleanField(required=False)


class LeaseStopSerializer(serializers.ModelSerializer[KillOrder]):
    """A stop in force as an enforcement point is told of it: without its reason, which is people's own."""

    kind = serializers.ChoiceField(choices=[item.value for item in ScopeKind])

    class Meta:
        model = KillOrder
        fields = ["number", "kind", "key", "ordered_at"]


class LeaseSerializer(serializers.Serializer[Any]):
    """Go on until ``expires_at``, or stop now. ``stops`` also names the stops of a part of the agent's work."""

    point = serializers.CharField()
    stopped = serializers.BooleanField()
    stopped_by = serializers.ListField(child=serializers.CharField())
    epoch = serializers.IntegerField()
    lease_seconds = serializers.IntegerField(help_text="0 when no lease was given.")
    expires_at = serializers.DateTimeField(allow_null=True)
    stops = LeaseStopSerializer(many=True)
    sentence = serializers.CharField()


class LeaseReleaseInput(serializers.Serializer[Any]):
    point = serializers.CharField(max_length=MOST_POINT)
