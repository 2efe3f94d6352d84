"""What happens to people, teams and roles, as entries of the ledger."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from portal.ledger.events import Event


@dataclass(frozen=True, kw_only=True)
class PersonCreated(Event):
    TYPE = "identity.person.created"
    PERSONAL: ClassVar = frozenset({"email", "name"})

    person: UUID
    email: str
    name: str


@dataclass(frozen=True, kw_only=True)
class PersonDeactivated(Event):
    TYPE = "identity.person.deactivated"

    person: UUID


@dataclass(frozen=True, kw_only=True)
class TeamCreated(Event):
    TYPE = "identity.team.created"

    team: UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class MemberAdded(Event):
    TYPE = "identity.member.added"

    team: UUID
    person: UUID


@dataclass(frozen=True, kw_only=True)
class RoleAssigned(Event):
    TYPE = "identity.role.assigned"

    person: UUID
    role: str
    team: UUID | None


@dataclass(frozen=True, kw_only=True)
class RoleRemoved(Event):
    TYPE = "identity.role.removed"

    person: UUID
    role: str
    team: UUID | None


@dataclass(frozen=True, kw_only=True)
class TokenIssued(Event):
    TYPE = "identity.token.issued"

    token: UUID
    prefix: str
    expires_at: str


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(Event):
    TYPE = "identity.token.revoked"

    token: UUID
    prefix: str


@dataclass(frozen=True, kw_only=True)
class PersonReactivated(Event):
    TYPE = "identity.person.reactivated"

    person: UUID


@dataclass(frozen=True, kw_only=True)
class InvitationSent(Event):
    TYPE = "identity.invitation.sent"

    person: UUID


@dataclass(frozen=True, kw_only=True)
class MemberRemoved(Event):
    TYPE = "identity.member.removed"

    team: UUID
    person: UUID


@dataclass(frozen=True, kw_only=True)
class PersonSignedIn(Event):
    """``methods`` as in ``portal.identity.proof``: what was proved, and when."""

    TYPE = "identity.person.signed_in"

    person: UUID
    methods: list[str]


@dataclass(frozen=True, kw_only=True)
class SignInFailed(Event):
    """``person`` is None for an unknown address, which is not kept: people type passwords into that field."""

    TYPE = "identity.person.sign_in_failed"

    person: UUID | None


@dataclass(frozen=True, kw_only=True)
class SignInChanged(Event):
    """A password, authenticator or recovery code came or went; ``change`` names it, e.g. ``totp_activated``."""

    TYPE = "identity.person.sign_in_changed"

    person: UUID
    change: str


@dataclass(frozen=True, kw_only=True)
class OnCallChanged(Event):
    """How a team is reached right now; it can be a person's number, so it is committed."""

    TYPE = "identity.team.on_call_changed"
    PERSONAL: ClassVar = frozenset({"on_call"})

    team: UUID
    on_call: str


@dataclass(frozen=True, kw_only=True)
class AccountsLinked(Event):
    """These accounts are one natural person from now on. ``automatic``: their addresses reach the same mailbox."""

    TYPE = "identity.accounts.linked"
    PERSONAL: ClassVar = frozenset({"reason"})

    human: UUID
    people: list[str]
    automatic: bool
    reason: str
