"""What the registry's API takes and gives. A token is given once; its digest never."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from registry.models import Agent, Credential, CredentialKind, PolicyRevision
from registry.rules.levels import Level
from registry.rules.lifecycle import AgentState, Criticality, HumanPosition, Platform, Trigger
from registry.rules.texts import MOST_NAME, MOST_TEXT, MOST_URL
from registry.selectors.charters import charter_of
from registry.services.credential import LONGEST_DAYS


def page_of(name: str, rows: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """One page of a list, for the schema: ``next`` and ``previous`` are addresses or null."""
    return inline_serializer(
        name=name,
        fields={
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": rows(many=True),
        },
    )


class PersonSerializer(serializers.Serializer[Any]):
    """A person by id and name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class TeamSerializer(serializers.Serializer[Any]):
    """A team by id, slug and name."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class LinkSerializer(serializers.Serializer[Any]):
    """A page of the web about the agent, and the words that lead to it."""

    label = serializers.CharField(max_length=MOST_NAME)  # type: ignore[assignment]  # a member, not DRF's own label
    url = serializers.CharField(max_length=MOST_URL)


class AgentSerializer(serializers.ModelSerializer[Agent]):
    """An agent as it stands. ``stopped`` is whether a stop is in force over it."""

    owner_team = TeamSerializer()
    accountable_person = PersonSerializer(allow_null=True)
    deputy = PersonSerializer(allow_null=True)
    links = LinkSerializer(many=True)
    charter = serializers.SerializerMethodField()
    stopped = serializers.SerializerMethodField()
    revision = serializers.IntegerField(source="revision.number", allow_null=True, default=None)
    state = serializers.ChoiceField(choices=[item.value for item in AgentState])

    class Meta:
        model = Agent
        fields = [
            "id", "slug", "name", "purpose", "platform", "trigger", "human_position", "criticality", "data_touched",
            "links", "owner_team", "accountable_person", "deputy", "state", "state_reason", "stopped", "revision",
            "charter", "created_at", "registered_at", "last_seen_at",
        ]  # fmt: skip

    def get_charter(self, agent: Agent) -> str:
        known: dict[UUID, str] = self.context.get("charters", {})
        return known.get(agent.pk) or charter_of(agent)

    def get_stopped(self, agent: Agent) -> bool:
        return agent.pk in self.context.get("stopped", ())


class DraftInput(serializers.Serializer[Any]):
    """A new draft. ``team`` is a slug; ``accountable_person`` the id of a member; ``policy`` a document."""

    name = serializers.CharField(max_length=MOST_NAME)
    team = serializers.SlugField()
    platform = serializers.ChoiceField(choices=[item.value for item in Platform])
    purpose = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, default="")
    trigger = serializers.ChoiceField(choices=[item.value for item in Trigger], default=Trigger.PERSON.value)
    human_position = serializers.ChoiceField(
        choices=[item.value for item in HumanPosition], default=HumanPosition.ON_LOOP.value
    )
    criticality = serializers.ChoiceField(
        choices=[item.value for item in Criticality], default=Criticality.MEDIUM.value
    )
    data_touched = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, default="")
    accountable_person = serializers.UUIDField(allow_null=True, default=None)
    deputy = serializers.UUIDField(allow_null=True, default=None)
    links = LinkSerializer(many=True, default=list)
    policy = serializers.DictField(required=False)


class CredentialSerializer(serializers.ModelSerializer[Credential]):
    """A credential without its token. ``scope`` narrows it; ``replaces`` is the one that it was rotated from."""

    created_by = PersonSerializer()
    kind = serializers.ChoiceField(choices=[item.value for item in CredentialKind])
    scope = serializers.DictField()
    claims = serializers.DictField(child=serializers.CharField())
    trust = serializers.UUIDField(source="trust_id", allow_null=True)
    replaces = serializers.UUIDField(source="replaces_id", allow_null=True)

    class Meta:
        model = Credential
        fields = [
            "id", "name", "kind", "prefix", "scope", "trust", "claims", "replaces", "created_at", "created_by",
            "expires_at", "revoked_at", "last_used_at",
        ]  # fmt: skip


class IssuedSerializer(CredentialSerializer):
    """A new credential with its token, which no later answer holds."""

    token = serializers.CharField(help_text="Shown in this answer only; it is stored nowhere.")

    class Meta(CredentialSerializer.Meta):
        fields = [*CredentialSerializer.Meta.fields, "token"]


class CredentialInput(serializers.Serializer[Any]):
    """``scope`` is a restriction: what it names narrows the agent's own policy, what it leaves out stays."""

    name = serializers.CharField(max_length=MOST_NAME)
    days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, default=30)
    scope = serializers.DictField(required=False)


class RevisionSerializer(serializers.ModelSerializer[PolicyRevision]):
    """A policy revision. ``digest`` is the hex SHA-256 of the document's canonical JSON.

    ``approved_by`` is the second person of a widening.
    """

    level = serializers.ChoiceField(choices=[level.value for level in (Level.ORGANISATION, Level.TEAM, Level.AGENT)])
    author = PersonSerializer()
    approved_by = PersonSerializer(allow_null=True)
    digest = serializers.SerializerMethodField()
    document = serializers.JSONField()

    class Meta:
        model = PolicyRevision
        fields = [
            "id", "level", "number", "digest", "reason", "author", "approved_by", "created_at", "document",
        ]  # fmt: skip

    def get_digest(self, revision: PolicyRevision) -> str:
        return bytes(revision.digest).hex()


class RevisionInput(serializers.Serializer[Any]):
    """A tighter policy. ``based_on`` is the number of the revision that it was made from."""

    based_on = serializers.IntegerField(min_value=1)
    document = serializers.DictField()
    reason = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, default="")


class ReasonInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=MOST_TEXT)
