"""A team, who is in it, and who holds which role."""

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from portal.identity.models.person import Person
from portal.identity.rules.roles import TEAM_ROLES, Role


class Team(models.Model):
    """Owns agents. ``group`` carries the object permissions that its members hold through guardian."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    group = models.OneToOneField(Group, on_delete=models.PROTECT, related_name="team")
    on_call = models.CharField(max_length=200, blank=True)  # how to reach whoever answers now: a number, a rota
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person is in a team."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="memberships")
    since = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "team"], name="identity_membership_once")]

    def __str__(self) -> str:
        return f"{self.person} in {self.team}"


class RoleAssignment(models.Model):
    """A person holds a role: manager and approver in one team, the others in the whole organisation."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="role_assignments")
    role = models.TextField(choices=[(role.value, role.value) for role in Role])
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="role_assignments")
    since = models.DateTimeField(db_default=Now(), editable=False)
    # Null for what the portal itself gave: nobody chose them.
    given_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["person", "role", "team"], nulls_distinct=False, name="identity_role_once"),
            models.CheckConstraint(
                condition=Q(role__in=sorted(TEAM_ROLES), team__isnull=False)
                | Q(role__in=sorted(set(Role) - TEAM_ROLES), team__isnull=True),
                name="identity_role_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.role}"
