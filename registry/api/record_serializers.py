"""What the API takes and gives about an agent's record: owners, offers, papers, findings."""

from typing import Any

from rest_framework import serializers

from registry.api.serializers import LinkSerializer, PersonSerializer, TeamSerializer
from registry.models import AgentDocument, DocumentKind, Ownership, OwnershipTransfer, TransferState
from registry.rules.lifecycle import Criticality, HumanPosition, Platform, Trigger
from registry.rules.noticed import NoticedKind
from registry.rules.texts import MOST_NAME, MOST_TEXT


class AgentChange(serializers.Serializer[Any]):
    """What changes about a registered agent; what is left out stays. ``reason`` goes into the record."""

    reason = serializers.CharField(max_length=MOST_TEXT)
    name = serializers.CharField(max_length=MOST_NAME, required=False)
    platform = serializers.ChoiceField(choices=[item.value for item in Platform], required=False)
    purpose = serializers.CharField(max_length=MOST_TEXT, required=False)
    trigger = serializers.ChoiceField(choices=[item.value for item in Trigger], required=False)
    human_position = serializers.ChoiceField(choices=[item.value for item in HumanPosition], required=False)
    criticality = serializers.ChoiceField(choices=[item.value for item in Criticality], required=False)
    data_touched = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, required=False)
    links = LinkSerializer(many=True, required=False)


class PeopleInput(serializers.Serializer[Any]):
    """Who answers for an agent and who stands in: ids of active members of its team."""

    accountable_person = serializers.UUIDField()
    deputy = serializers.UUIDField(allow_null=True, default=None)
    reason = serializers.CharField(max_length=MOST_TEXT)


class OwnershipSerializer(serializers.ModelSerializer[Ownership]):
    """Who owned the agent and answered for it from ``since`` until the next one."""

    team = TeamSerializer()
    accountable_person = PersonSerializer()
    deputy = PersonSerializer(allow_null=True)
    by = PersonSerializer(allow_null=True)

    class Meta:
        model = Ownership
        fields = ["since", "team", "accountable_person", "deputy", "by"]


class OfferInput(serializers.Serializer[Any]):
    """``to_team`` is the slug of the team that shall have the agent; any team of the organisation."""

    to_team = serializers.SlugField()
    reason = serializers.CharField(max_length=MOST_TEXT)


class AcceptInput(serializers.Serializer[Any]):
    """Who answers for the agent from now on, and who stands in: ids of active members of the receiving team."""

    accountable_person = serializers.UUIDField()
    deputy = serializers.UUIDField(allow_null=True, default=None)


class TransferSerializer(serializers.ModelSerializer[OwnershipTransfer]):
    """An offer of an agent to another team."""

    agent = serializers.CharField(source="agent.slug")
    from_team = TeamSerializer()
    to_team = TeamSerializer()
    offered_by = PersonSerializer()
    answered_by = PersonSerializer(allow_null=True)
    state = serializers.ChoiceField(choices=[item.value for item in TransferState])

    class Meta:
        model = OwnershipTransfer
        fields = [
            "id", "agent", "from_team", "to_team", "reason", "offered_by", "offered_at", "state", "answered_by",
            "answered_at",
        ]  # fmt: skip


class DocumentSerializer(serializers.ModelSerializer[AgentDocument]):
    """One version of a paper. ``sha256`` is over its bytes and stands in the ledger, too."""

    kind = serializers.ChoiceField(choices=[item.value for item in DocumentKind])
    sha256 = serializers.SerializerMethodField()
    added_by = PersonSerializer()

    class Meta:
        model = AgentDocument
        fields = [
            "id", "name", "kind", "version", "file_name", "media_type", "size", "sha256", "expires_on", "added_by",
            "added_at",
        ]  # fmt: skip

    def get_sha256(self, document: AgentDocument) -> str:
        return bytes(document.sha256).hex()


class DocumentQuery(serializers.Serializer[Any]):
    """What stands in the address of an upload; the body is the file itself."""

    name = serializers.CharField(max_length=MOST_NAME)
    kind = serializers.ChoiceField(choices=[item.value for item in DocumentKind])
    file_name = serializers.CharField(max_length=200)
    expires_on = serializers.DateField(required=False)


class NoticedSerializer(serializers.Serializer[Any]):
    """Something that needs somebody. ``id`` is set for a recorded finding, which a person closes."""

    id = serializers.UUIDField(source="finding.pk", allow_null=True, default=None)
    kind = serializers.ChoiceField(choices=[item.value for item in NoticedKind])
    sentence = serializers.CharField()
    agent = serializers.CharField(source="agent.slug", allow_null=True, default=None)
    team = serializers.CharField(source="team.slug", allow_null=True, default=None)
    noticed_at = serializers.DateTimeField(source="since", allow_null=True)
    closed_at = serializers.DateTimeField(source="finding.closed_at", allow_null=True, default=None)
    close_reason = serializers.CharField(source="finding.close_reason", allow_blank=True, default="")


class FindingList(serializers.Serializer[Any]):
    """What is open now, the gravest first."""

    results = NoticedSerializer(many=True)


class OnCallInput(serializers.Serializer[Any]):
    on_call = serializers.CharField(max_length=200, allow_blank=True)
