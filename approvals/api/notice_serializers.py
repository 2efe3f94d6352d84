"""What the API takes and gives of notices. Addresses are taken and never given; a secret is given once."""

from typing import Any

from rest_framework import serializers

from approvals.models import Channel, Delivery, NoticeChoice
from approvals.rules.notices import CHOSEN, ChannelKind, DeliveryState, Digest, NoticeKind
from portal.outbound import MOST_URL
from registry.api.serializers import PersonSerializer
from registry.rules.texts import MOST_NAME

_CHANNEL_KINDS = [kind.value for kind in ChannelKind]
_DIGESTS = [digest.value for digest in Digest]


class ChoicesSerializer(serializers.ModelSerializer[NoticeChoice]):
    """How the caller is told by e-mail; ``kinds`` null: of everything."""

    kinds = serializers.ListField(
        source="events", child=serializers.ChoiceField(choices=[kind.value for kind in CHOSEN]), allow_null=True
    )
    quiet_from = serializers.TimeField(format="%H:%M", allow_null=True)
    quiet_to = serializers.TimeField(format="%H:%M", allow_null=True)
    digest = serializers.ChoiceField(choices=_DIGESTS)

    class Meta:
        model = NoticeChoice
        fields = ["kinds", "quiet_from", "quiet_to", "timezone", "digest"]


class ChoicesInput(serializers.Serializer[Any]):
    """Everything that is left out is as if nothing had ever been chosen."""

    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=[kind.value for kind in CHOSEN]), allow_null=True, default=None
    )
    quiet_from = serializers.TimeField(allow_null=True, default=None)
    quiet_to = serializers.TimeField(allow_null=True, default=None)
    timezone = serializers.CharField(max_length=64, default="UTC")
    digest = serializers.ChoiceField(choices=_DIGESTS, default=Digest.NONE.value)


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    """A place outside that is told. ``shown`` is what may be known of its address. Neither team nor agent: of all."""

    kind = serializers.ChoiceField(choices=_CHANNEL_KINDS)
    team = serializers.CharField(source="team.slug", allow_null=True, default=None)
    agent = serializers.CharField(source="agent.slug", allow_null=True, default=None)
    made_by = PersonSerializer()

    class Meta:
        model = Channel
        fields = ["id", "kind", "name", "team", "agent", "shown", "made_by", "made_at", "ended_at"]


class MadeChannelSerializer(ChannelSerializer):
    """A channel with its new secret, if it got one, which no later answer holds."""

    secret = serializers.CharField(allow_null=True, help_text="Given in this answer only.")

    class Meta(ChannelSerializer.Meta):
        fields = [*ChannelSerializer.Meta.fields, "secret"]


class ChannelInput(serializers.Serializer[Any]):
    """``team`` or ``agent`` (its callback: a webhook) is a slug; with neither it is told of every team."""

    kind = serializers.ChoiceField(choices=_CHANNEL_KINDS)
    name = serializers.CharField(max_length=MOST_NAME)
    address = serializers.CharField(max_length=MOST_URL)
    team = serializers.SlugField(allow_null=True, default=None)
    agent = serializers.SlugField(allow_null=True, default=None)


class ChannelChange(serializers.Serializer[Any]):
    """An empty ``address`` stays as it is. One on another host gets a new secret."""

    name = serializers.CharField(max_length=MOST_NAME)
    address = serializers.CharField(max_length=MOST_URL, allow_blank=True, default="")
    new_secret = serializers.BooleanField(default=False)


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One message to one place: how it went. ``about`` is the number of what it is about."""

    event = serializers.ChoiceField(choices=[kind.value for kind in NoticeKind])
    state = serializers.ChoiceField(choices=[state.value for state in DeliveryState])
    channel = serializers.UUIDField(source="channel_id", allow_null=True)
    person = PersonSerializer(allow_null=True)
    about = serializers.CharField(source="content.label")

    class Meta:
        model = Delivery
        fields = [
            "id", "event", "about", "channel", "person", "state", "attempts", "not_before", "made_at", "sent_at",
            "fault",
        ]  # fmt: skip


class ReplayedSerializer(serializers.Serializer[Any]):
    """How many are tried again."""

    deliveries = serializers.IntegerField()


class DroppedSerializer(ChannelSerializer):
    """An ended channel, and how many waiting messages were dropped."""

    dropped = serializers.IntegerField()

    class Meta(ChannelSerializer.Meta):
        fields = [*ChannelSerializer.Meta.fields, "dropped"]
