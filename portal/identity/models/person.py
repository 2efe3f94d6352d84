"""A person who signs in: never an agent."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Now
from uuid_utils.compat import uuid7


class PersonManager(BaseUserManager["Person"]):
    """Creates people; e-mail addresses are compared without regard to case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        person = self.model(email=self.normalize_email(email).lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.get(email__iexact=username)


class Person(AbstractBaseUser, PermissionsMixin):
    """Identified for ever by ``id``; the e-mail address may change hands and decides nothing."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    # The natural person behind the account: two accounts of one person have the same, and count once.
    human = models.UUIDField(default=uuid7)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    is_staff = False

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        verbose_name_plural = "people"
        default_permissions = ()
        constraints = [models.UniqueConstraint(Lower("email"), name="identity_person_email")]

    def __str__(self) -> str:
        return self.name or self.email
