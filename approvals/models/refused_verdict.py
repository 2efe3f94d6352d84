"""A verdict that was refused because of who tried it."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from approvals.models.request import ApprovalRequest
from approvals.rules.workflow import Verdict


class RefusedVerdict(models.Model):
    """That somebody tried to decide a request and a rule refused it. Append-only; nothing follows from it.

    The first try of each person by each rule, and no more: whoever tries a thousand times makes one row and one entry.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="refused_verdicts")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    verdict = models.TextField(choices=[(verdict.value, verdict.value) for verdict in Verdict])
    rule = models.TextField()
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(fields=["request", "person", "rule"], name="approvals_refusedverdict_once")
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.rule}"
