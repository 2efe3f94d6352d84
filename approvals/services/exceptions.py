"""Exceptions and break-glass: asked for, granted by another person, used, ended and closed."""

from collections.abc import Sequence

from approvals.models import GateException
from approvals.rules.exceptions import ExceptionKind
from portal.identity.models import Person
from registry.models import Agent


def ask(
    *,
    actor: Person,
    agent: Agent,
    kind: ExceptionKind,
    actions: Sequence[str],
    minutes: int,
    reason: str,
    owner: Person | None = None,
    repository: str = "",
    environment: str = "",
) -> GateException:
    """Ask for an exception; opens nothing until another person grants it."""
    raise NotImplementedError


def grant(*, actor: Person, exception: GateException, reason: str) -> GateException:
    raise NotImplementedError


def refuse(*, actor: Person, exception: GateException, reason: str) -> GateException:
    raise NotImplementedError


def withdraw(*, actor: Person, exception: GateException) -> GateException:
    raise NotImplementedError


def revoke(*, actor: Person, exception: GateException, reason: str) -> GateException:
    raise NotImplementedError


def close(*, actor: Person, exception: GateException, note: str) -> GateException:
    raise NotImplementedError
