"""What the API takes and gives of use and of recertification."""

from typing import Any

from rest_framework import serializers

from registry.api.serializers import PersonSerializer, TeamSerializer
from registry.models import CampaignState, ItemVerdict
from registry.rules.recertification import Standing
from registry.rules.texts import MOST_TEXT


class UseRowSerializer(serializers.Serializer[Any]):
    """One thing that the policy grants. ``count`` is null when it was not counted, which is not zero."""

    pointer = serializers.CharField(source="granted.pointer")
    entry = serializers.CharField(source="granted.entry")
    name = serializers.CharField(source="label")
    tier = serializers.CharField(help_text="Of an action; empty for an entry of a list.")
    count = serializers.IntegerField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class UseSerializer(serializers.Serializer[Any]):
    """Granted against used, over the recorded checks from ``counted_since`` to ``counted_at``."""

    counted_since = serializers.DateTimeField(allow_null=True)
    counted_at = serializers.DateTimeField(allow_null=True)
    entries = UseRowSerializer(many=True)
    actions = UseRowSerializer(many=True)


class CampaignSerializer(serializers.Serializer[Any]):
    """A recertification. ``settled`` counts the entries that wait for nobody."""

    number = serializers.IntegerField(source="campaign.number")
    team = TeamSerializer(source="campaign.team")
    state = serializers.ChoiceField(source="campaign.state", choices=[state.value for state in CampaignState])
    due_on = serializers.DateField(source="campaign.due_on")
    opened_by = PersonSerializer(source="campaign.opened_by")
    opened_at = serializers.DateTimeField(source="campaign.opened_at")
    closed_at = serializers.DateTimeField(source="campaign.closed_at", allow_null=True)
    entries = serializers.IntegerField(source="progress.total")
    settled = serializers.IntegerField(source="progress.settled")


class CampaignItemSerializer(serializers.Serializer[Any]):
    """One entry. ``used`` and ``last_used_at`` are as they were shown when the campaign began."""

    id = serializers.UUIDField(source="item.pk")
    agent = serializers.CharField(source="item.agent.slug")
    pointer = serializers.CharField(source="item.pointer")
    entry = serializers.CharField(source="item.entry")
    used = serializers.IntegerField(source="item.used", allow_null=True)
    last_used_at = serializers.DateTimeField(source="item.last_used_at", allow_null=True)
    standing = serializers.ChoiceField(choices=[standing.value for standing in Standing])
    reason = serializers.CharField(source="item.reason")
    decided_by = PersonSerializer(source="item.decided_by", allow_null=True)
    decided_at = serializers.DateTimeField(source="item.decided_at", allow_null=True)


class CampaignDetailSerializer(CampaignSerializer):
    """A recertification with its entries, by agent."""

    items = CampaignItemSerializer(many=True)


class CampaignInput(serializers.Serializer[Any]):
    """``team`` is a slug; ``due_on`` the last day on which entries can be decided."""

    team = serializers.SlugField()
    due_on = serializers.DateField()


class ItemDecisionInput(serializers.Serializer[Any]):
    """``keep`` takes up to 400 items and needs a reason; ``remove`` takes one."""

    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in ItemVerdict])
    items = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=400)
    reason = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, default="")
