"""Policies: immutable revisions, the levels above an agent, and proposals that wait for a second person."""

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from portal.identity.models import Team
from registry.rules.levels import Level

PERSON = settings.AUTH_USER_MODEL

# Which of the two foreign keys names the subject of a policy: an agent, a team, or neither for the organisation.
_SUBJECT = (
    Q(level=Level.AGENT.value, agent__isnull=False, team__isnull=True)
    | Q(level=Level.TEAM.value, agent__isnull=True, team__isnull=False)
    | Q(level=Level.ORGANISATION.value, agent__isnull=True, team__isnull=True)
)
_LEVELS = [(level.value, level.value) for level in (Level.ORGANISATION, Level.TEAM, Level.AGENT)]


class PolicyRevision(models.Model):
    """Numbered from 1 for each subject; never changes. ``digest`` is SHA-256 over the canonical document (RFC 8785).

    The subject is an agent, a team or the organisation, as ``level`` says. ``approved_by`` is the second
    person of a widening.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    level = models.TextField(choices=_LEVELS, default=Level.AGENT.value)
    agent = models.ForeignKey("Agent", on_delete=models.PROTECT, null=True, related_name="revisions")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="policy_revisions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    digest = models.BinaryField()
    reason = models.TextField(blank=True)
    author = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=_SUBJECT, name="registry_revision_subject"),
            models.UniqueConstraint(
                fields=["agent", "team", "number"], nulls_distinct=False, name="registry_revision_number"
            ),
            # Two people: the second wrote nothing of it.
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=models.F("author")),
                name="registry_revision_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id or self.team_id or self.level} r{self.number}"


class PolicyLevel(models.Model):
    """The revision in force above the agents: ``organisation``, or ``team:<uuid>``. No row restricts nothing."""

    key = models.TextField(primary_key=True)
    revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.key


class ProposalState(StrEnum):
    """A proposal is open until somebody else decides, its author withdraws it, or another revision overtakes it."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    OVERTAKEN = "overtaken"


class PolicyProposal(models.Model):
    """A widening that waits for a second person, with the backtest that this person sees and seals.

    ``backtest`` is empty until it has run. ``seal`` is SHA-256 over the canonical document, the number it is
    based on and the backtest: what the second person was shown, and what the decision is bound to.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    level = models.TextField(choices=_LEVELS, default=Level.AGENT.value)
    agent = models.ForeignKey("Agent", on_delete=models.PROTECT, null=True, related_name="proposals")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="policy_proposals")
    based_on = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, null=True, related_name="+")
    document = models.JSONField()
    digest = models.BinaryField()
    reason = models.TextField()
    author = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(db_default=Now(), editable=False)
    state = models.TextField(
        choices=[(state.value, state.value) for state in ProposalState], default=ProposalState.OPEN.value
    )
    backtest = models.JSONField(default=dict)
    backtest_at = models.DateTimeField(null=True)
    progress = models.PositiveIntegerField(default=0)  # recorded checks replayed so far, for the page
    seal = models.BinaryField(null=True)
    decided_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)
    revision = models.OneToOneField(PolicyRevision, on_delete=models.PROTECT, null=True, related_name="proposal")

    class Meta:
        default_permissions = ()
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=_SUBJECT, name="registry_proposal_subject"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ProposalState]), name="registry_proposal_state"
            ),
            # Two people: the second wrote nothing of it.
            models.CheckConstraint(
                condition=~Q(state=ProposalState.APPROVED.value)
                | (Q(decided_by__isnull=False) & ~Q(decided_by=models.F("author"))),
                name="registry_proposal_second_person",
            ),
            models.UniqueConstraint(
                fields=["agent", "team"],
                condition=Q(state=ProposalState.OPEN.value),
                nulls_distinct=False,
                name="registry_proposal_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"PP-{self.number}"

    @property
    def label(self) -> str:
        return f"PP-{self.number}"
