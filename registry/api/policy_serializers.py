"""What the API of policies takes and gives: changes, proposals, any instant before, the catalogue."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry.api.serializers import PersonSerializer, RevisionSerializer, TeamSerializer
from registry.models import PolicyProposal, ProposalState
from registry.rules.actions import Reversibility
from registry.rules.compare import Direction
from registry.rules.levels import Level
from registry.rules.lifecycle import AgentState
from registry.rules.texts import MOST_TEXT
from registry.rules.tiers import Tier
from registry.selectors.proposals import changes_of

LEVELS = [level.value for level in (Level.ORGANISATION, Level.TEAM, Level.AGENT)]


class ChangeInput(serializers.Serializer[Any]):
    """A change of a policy. ``based_on`` is the revision that it was made from, 0 where nothing was in force."""

    based_on = serializers.IntegerField(min_value=0)
    document = serializers.DictField()
    reason = serializers.CharField(max_length=MOST_TEXT)


class ChangeSerializer(serializers.Serializer[Any]):
    """One entry that moved. ``pointer`` is its place in the document (RFC 6901)."""

    direction = serializers.ChoiceField(choices=[item.value for item in Direction])
    pointer = serializers.CharField()
    subject = serializers.CharField()
    sentence = serializers.CharField()


class NamedAgentSerializer(serializers.Serializer[Any]):
    """An agent by id, slug and name."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class ProposalSerializer(serializers.ModelSerializer[PolicyProposal]):
    """A widening that waits, or how it ended. ``seal`` is what an approval names; null until the backtest has run."""

    level = serializers.ChoiceField(choices=LEVELS)
    state = serializers.ChoiceField(choices=[item.value for item in ProposalState])
    agent = NamedAgentSerializer(allow_null=True)
    team = TeamSerializer(allow_null=True)
    author = PersonSerializer()
    decided_by = PersonSerializer(allow_null=True)
    based_on = serializers.IntegerField(source="based_on.number", default=0)
    revision = serializers.IntegerField(source="revision.number", allow_null=True, default=None)
    seal = serializers.SerializerMethodField()

    class Meta:
        model = PolicyProposal
        fields = [
            "number", "level", "agent", "team", "state", "based_on", "reason", "author", "proposed_at", "backtest_at",
            "seal", "decided_by", "decided_at", "decision_reason", "revision",
        ]  # fmt: skip

    def get_seal(self, proposal: PolicyProposal) -> str | None:
        return bytes(proposal.seal).hex() if proposal.seal is not None else None


class ProposalDetailSerializer(ProposalSerializer):
    """A proposal with its document, what it would change, and the counts of its backtest."""

    document = serializers.JSONField()
    changes = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()

    class Meta(ProposalSerializer.Meta):
        fields = [*ProposalSerializer.Meta.fields, "document", "changes", "counts"]

    @extend_schema_field(ChangeSerializer(many=True))
    def get_changes(self, proposal: PolicyProposal) -> Any:
        moved = [one for one in changes_of(proposal) if one.direction is not Direction.UNCHANGED]
        return ChangeSerializer(moved, many=True).data

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_counts(self, proposal: PolicyProposal) -> Any:
        return proposal.backtest.get("counts", {})


class ApprovalInput(serializers.Serializer[Any]):
    """``seal`` names exactly what was looked at: document, base revision and backtest."""

    seal = serializers.RegexField(r"\A[0-9a-f]{64}\Z")
    reason = serializers.CharField(max_length=MOST_TEXT)


class WithdrawalInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, default="")


class OwnershipThenSerializer(serializers.Serializer[Any]):
    """Who owned the agent and answered for it."""

    team = TeamSerializer()
    accountable_person = PersonSerializer()
    deputy = PersonSerializer(allow_null=True)
    since = serializers.DateTimeField()


class StopThenSerializer(serializers.Serializer[Any]):
    """A stop that was in force."""

    number = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]  # a member of that name, not the field's own label
    ordered_at = serializers.DateTimeField()
    resumed_at = serializers.DateTimeField(allow_null=True)


class AsOfSerializer(serializers.Serializer[Any]):
    """What an agent stood under at an instant. Everything is null before it was registered."""

    instant = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=[item.value for item in AgentState])
    revision = RevisionSerializer(allow_null=True)
    organisation = RevisionSerializer(allow_null=True)
    team = RevisionSerializer(allow_null=True)
    ownership = OwnershipThenSerializer(allow_null=True)
    stops = StopThenSerializer(many=True)


class ActionSerializer(serializers.Serializer[Any]):
    """One action type. ``floor`` is the tier that no policy goes below; ``own`` marks the organisation's."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a member of that name, not the field's own label
    explain = serializers.CharField()
    reversibility = serializers.ChoiceField(choices=[item.value for item in Reversibility])
    default_tier = serializers.ChoiceField(choices=[item.value for item in Tier])
    floor = serializers.ChoiceField(choices=[item.value for item in Tier])
    own = serializers.BooleanField()
