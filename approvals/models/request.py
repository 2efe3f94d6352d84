"""An approval request: one gated action, bound to exactly what was asked, waiting for people."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from approvals.models.rulebook import Rulebook
from approvals.rules.duties import Part
from approvals.rules.rulebook import StepUp
from approvals.rules.workflow import RequestState, Verdict
from registry.models import Agent, PolicyRevision


class ApprovalRequest(models.Model):
    """``digest`` binds agent, action, resource, arguments, policy revision and kill epoch.

    ``view`` is the canonical document that every approver is shown; ``view_hash`` is its SHA-256 and
    travels with each decision.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="requests")
    run_id = models.UUIDField()
    session_id = models.CharField(max_length=200)
    action = models.TextField()
    resource = models.TextField()
    tool = models.CharField(max_length=200)
    arguments = models.JSONField()
    digest = models.BinaryField()
    revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, related_name="+")
    # The revisions in force above the agent when it was opened: a tightened baseline voids it as well.
    organisation_revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, null=True, related_name="+")
    team_revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, null=True, related_name="+")
    task = models.CharField(max_length=200, blank=True)
    epoch = models.BigIntegerField()
    # Every kill scope that can stop it (registry.rules.kill.keys_over): epoch is the sum of theirs.
    kill_keys = ArrayField(models.TextField(), default=list)
    # Where it would happen, as stated; empty where nothing was.
    repository = models.TextField(blank=True)
    branch = models.TextField(blank=True)
    environment = models.TextField(blank=True)
    head = models.TextField(blank=True)
    # What was known of the branch when it was opened (BranchHead): neither that nor ``head``, and the world moved.
    head_known = models.TextField(blank=True)
    initiator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="initiated_requests"
    )
    initiator_label = models.CharField(max_length=200)
    credential_id = models.UUIDField()
    credential_issuer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.TextField(
        choices=[(state.value, state.value) for state in RequestState], default=RequestState.PENDING.value
    )
    state_reason = models.TextField(blank=True)
    quorum = models.PositiveSmallIntegerField()
    # Who decides, in which order (approvals.rules.stages), by which rulebook; None: the one that is built in.
    rulebook = models.ForeignKey(Rulebook, on_delete=models.PROTECT, null=True, related_name="+")
    stages = models.JSONField(default=list)
    grant_minutes = models.PositiveSmallIntegerField(default=10)
    step_up = models.TextField(choices=[(step.value, step.value) for step in StepUp], default=StepUp.NONE.value)
    risk = models.PositiveSmallIntegerField(default=0)
    factors = models.JSONField(default=list)
    # What makes two requests alike: agent, tool, action, kind of target (approvals.rules.precedent).
    precedent = models.TextField(blank=True)
    # The request that this one was edited from.
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    escalations = models.PositiveSmallIntegerField(default=0)
    escalated_at = models.DateTimeField(null=True)
    # A planted request that ought to be denied. Who decides is not told before.
    canary = models.BooleanField(default=False)
    opened_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    view = models.BinaryField()
    view_hash = models.BinaryField()

    class Meta:
        default_permissions = ()
        ordering = ["expires_at"]
        indexes = [
            models.Index(fields=["expires_at"], name="approvals_request_pending", condition=Q(state="pending")),
            models.Index(fields=["agent", "-opened_at"], name="approvals_request_agent"),
            models.Index(fields=["run_id"], name="approvals_request_run"),
            models.Index(fields=["agent", "precedent", "-number"], name="approvals_request_precedent"),
            models.Index(
                fields=["repository", "branch"],
                name="approvals_request_head",
                condition=Q(state__in=["pending", "approved"]) & ~Q(head=""),
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(quorum__gte=1), name="approvals_request_quorum"),
            models.CheckConstraint(condition=Q(risk__lte=100), name="approvals_request_risk"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in RequestState]), name="approvals_request_state"
            ),
            # The same question asked again while it waits is the same request, also under a race.
            models.UniqueConstraint(
                fields=["agent", "digest"], condition=Q(state="pending"), name="approvals_request_one_open"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"AR-{self.number}"


class Involvement(models.Model):
    """Somebody who has a part in a request and therefore may not approve it (approvals.rules.duties).

    Written when the request is opened. A trigger refuses a review by whoever is the same natural person.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="involvements")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    part = models.TextField(choices=[(part.value, part.value) for part in Part])
    detail = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["request", "person", "part"], name="approvals_involvement_once")]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.part}"


class Review(models.Model):
    """One person's verdict on one request, on exactly the view they were shown.

    ``human`` is the natural person behind the account at that moment, so that two accounts of one person count once.
    Append-only: who takes a verdict back adds a row with the next ``turn``, and of each person the last row counts.
    ``capacity`` is the group it counts for. ``on_behalf_of`` is whose right was used, under a delegation.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="reviews")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.TextField(choices=[(verdict.value, verdict.value) for verdict in Verdict])
    human = models.UUIDField()
    turn = models.PositiveSmallIntegerField(default=1)
    on_behalf_of = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    stage = models.PositiveSmallIntegerField(default=0)
    capacity = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    view_hash = models.BinaryField()
    authority = models.JSONField()
    # How long the page stood open, by our clock; how much of that it was in sight and whether all folds were open,
    # as the browser says. None: not known.
    shown_seconds = models.PositiveIntegerField(null=True)
    visible_seconds = models.PositiveIntegerField(null=True)
    unfolded = models.BooleanField(null=True)
    # The passkey's signature over exactly this decision (portal.identity.bound_proof), for whoever checks it later.
    assertion = models.JSONField(null=True)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["at"]
        indexes = [models.Index(fields=["person", "-at"], name="approvals_review_person")]
        constraints = [
            models.UniqueConstraint(fields=["request", "human", "turn"], name="approvals_review_once"),
            models.CheckConstraint(condition=Q(turn__gte=1), name="approvals_review_turn"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.verdict}"


class Comment(models.Model):
    """What somebody said about a request, beside any verdict."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="comments")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["at"]

    def __str__(self) -> str:
        return self.text[:40]
