"""An agent: what it is, who owns it, who answers for it, and the policy in force."""

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase
from uuid_utils.compat import uuid7

from portal.identity.models import Team
from registry.rules.lifecycle import AgentState, Criticality, HumanPosition, Platform, Trigger


def choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """The values of a rules enum as a column's choices."""
    return [(item.value, item.value) for item in enum]


class Agent(models.Model):
    """Registered by a manager; active only with an owner team, an accountable person and a policy."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    purpose = models.TextField(blank=True)
    platform = models.TextField(choices=choices(Platform))
    trigger = models.TextField(choices=choices(Trigger), default=Trigger.PERSON.value)
    human_position = models.TextField(choices=choices(HumanPosition), default=HumanPosition.ON_LOOP.value)
    criticality = models.TextField(choices=choices(Criticality), default=Criticality.MEDIUM.value)
    data_touched = models.TextField(blank=True)
    owner_team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="agents")
    accountable_person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="answers_for"
    )
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="deputises_for"
    )
    links = models.JSONField(default=list)  # [{"label", "url"}], as registry.rules.texts.links reads them
    canary = models.BooleanField(default=False)  # drills stop it on a schedule; it may touch nothing real
    state = models.TextField(choices=choices(AgentState), default=AgentState.DRAFT.value)
    state_reason = models.TextField(blank=True)  # why it was suspended or retired
    draft = models.JSONField(default=dict)  # the policy document while the agent is a draft
    revision = models.ForeignKey("PolicyRevision", on_delete=models.PROTECT, null=True, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    registered_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        permissions = [("view_agent", "Can see the agent and its record")]
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in AgentState]), name="registry_agent_state"
            ),
            models.CheckConstraint(
                condition=Q(state=AgentState.DRAFT.value)
                | Q(accountable_person__isnull=False, revision__isnull=False, registered_at__isnull=False),
                name="registry_agent_complete_before_active",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AgentUserPermission(UserObjectPermissionBase):
    """A person's right on one agent (guardian, with a real foreign key)."""

    content_object = models.ForeignKey(Agent, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        default_permissions = ()


class AgentGroupPermission(GroupObjectPermissionBase):
    """A team's right on one agent (guardian, with a real foreign key)."""

    content_object = models.ForeignKey(Agent, on_delete=models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        default_permissions = ()
