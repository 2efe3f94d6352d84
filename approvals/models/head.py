"""The newest commit that is known of a branch."""

from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7


class BranchHead(models.Model):
    """``repository`` is in small letters; ``commit`` is a full object name. An approval for another one is dead."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    repository = models.TextField()
    branch = models.TextField()
    commit = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["repository", "branch"], name="approvals_head_once")]

    def __str__(self) -> str:
        return f"{self.repository} {self.branch}"
