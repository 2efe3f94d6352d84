"""Reading credentials and trusts: which live, which end soon, how long one may live."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from portal.errors import NotFound
from portal.identity.models import Person
from portal.ledger.models import Entry
from registry.models import Agent, Credential, CredentialKind, IssuerTrust
from registry.rules.narrowing import in_words
from registry.rules.trust import Issuer, read_issuers, why_refused
from registry.selectors.agents import credentials_of, visible_agents

MOST_DAYS = 90
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,80}")
SOON = timedelta(days=7)
# Exchanged credentials live for minutes and would soon bury the others.
MOST_EXCHANGED = 20
MOST_SHOWN = 200


def longest_days() -> int:
    """How many days a credential may live: 90, or what the operator lowered it to."""
    return max(1, min(MOST_DAYS, int(settings.BAILIWICK_CREDENTIAL_MAX_DAYS)))


def known_issuers() -> dict[str, Issuer]:
    """The issuers that a trust may name, by their ``iss``."""
    return {one.issuer: one for one in read_issuers(settings.BAILIWICK_OIDC_ISSUERS)}


def live_credentials(agent: Agent, now: datetime) -> QuerySet[Credential]:
    """The credentials with which the agent could ask right now."""
    return credentials_of(agent).filter(revoked_at=None, expires_at__gt=now)


def live_trusts(agent: Agent) -> QuerySet[IssuerTrust]:
    return agent.trusts.filter(revoked_at=None).select_related("created_by").order_by("-id")


def issuers_of(agent: Agent, now: datetime) -> set[UUID]:
    """The natural persons who issued what the agent can ask with now: live credentials, and the trusts that buy one."""
    issued = Q(pk__in=live_credentials(agent, now).order_by().values("created_by"))
    trusted = Q(pk__in=live_trusts(agent).order_by().values("created_by"))
    return set(Person.objects.filter(issued | trusted).values_list("human", flat=True))


def agent_referred(reference: str) -> Agent | None:
    """The agent that an outside token is presented for, by id or slug. Nobody's sight is asked: there is no person."""
    try:
        lookup: dict[str, object] = {"pk": UUID(reference)}
    except ValueError:
        # What no slug can be is not asked for: PostgreSQL would refuse a NUL in it.
        if not _SLUG.fullmatch(reference):
            return None
        lookup = {"slug": reference}
    return Agent.objects.select_related("owner_team").filter(**lookup).first()


@dataclass(frozen=True)
class CredentialRow:
    """A credential as a list shows it. ``successor`` is what a rotation put in its place."""

    credential: Credential
    state: str
    successor: Credential | None
    soon: bool

    @property
    def narrowing(self) -> list[str]:
        """What it is narrowed to, entry by entry."""
        return in_words(self.credential.scope)

    @property
    def may_rotate(self) -> bool:
        return self.state == "valid" and self.successor is None and self.credential.kind == CredentialKind.ISSUED.value


def rows_of(agent: Agent, now: datetime, *, exchanged: bool) -> list[CredentialRow]:
    """The agent's credentials of one kind, newest first: those issued by people, or those exchanged."""
    kind = CredentialKind.EXCHANGED if exchanged else CredentialKind.ISSUED
    found = credentials_of(agent).filter(kind=kind.value).select_related("created_by", "replaces", "trust")
    shown = list(found[: MOST_EXCHANGED if exchanged else MOST_SHOWN])
    successors = {one.replaces_id: one for one in shown if one.replaces_id is not None}
    return [_row(one, now, successors.get(one.pk)) for one in shown]


def _row(credential: Credential, now: datetime, successor: Credential | None) -> CredentialRow:
    state = state_of(credential, now)
    # Of one that a rotation replaced the end is wanted, and of one exchanged it is always near.
    lasting = successor is None and credential.kind == CredentialKind.ISSUED.value
    soon = state == "valid" and lasting and credential.expires_at - now <= SOON
    return CredentialRow(credential, state, successor, soon)


def state_of(credential: Credential, now: datetime) -> str:
    if credential.revoked_at is not None:
        return "revoked"
    return "expired" if credential.expires_at <= now else "valid"


def expiring_soon(agents: QuerySet[Agent], now: datetime) -> QuerySet[Credential]:
    """The credentials that end within a week with nothing in their place, soonest first."""
    ending = Q(revoked_at=None, expires_at__gt=now, expires_at__lte=now + SOON, kind=CredentialKind.ISSUED.value)
    found = Credential.objects.filter(ending, agent__in=agents, replaced_by=None)
    return found.select_related("agent").order_by("expires_at")


def expiring_for(person: Person, now: datetime) -> QuerySet[Credential]:
    """The same for every agent that the person may see."""
    return expiring_soon(visible_agents(person), now)


def exchanged_counts(agent: Agent, now: datetime, *, trust: IssuerTrust | None = None) -> dict[str, int]:
    """How many credentials were exchanged in all, and how many of them live now."""
    found = agent.credentials.filter(kind=CredentialKind.EXCHANGED.value)
    if trust is not None:
        found = found.filter(trust=trust)
    return found.aggregate(all=Count("id"), live=Count("id", filter=Q(revoked_at=None, expires_at__gt=now)))


@dataclass(frozen=True)
class RefusedExchange:
    """A refused exchange from the record: when, and why in a sentence."""

    at: datetime
    sentence: str


def refused_lately(agent: Agent, *, most: int = 5) -> list[RefusedExchange]:
    """The latest refused exchanges, newest first."""
    entries = Entry.objects.filter(agent_id=agent.pk, type="registry.token.refused").order_by("-recorded_at", "-id")
    return [RefusedExchange(entry.recorded_at, why_refused(entry.body["data"])) for entry in entries[:most]]


def credential_for(agent: Agent, credential_id: UUID) -> Credential:
    found = credentials_of(agent).filter(pk=credential_id).first()
    if found is None:
        raise NotFound("This agent has no such credential.")
    return found


def trust_for(agent: Agent, trust_id: UUID) -> IssuerTrust:
    found = agent.trusts.filter(pk=trust_id).select_related("created_by").first()
    if found is None:
        raise NotFound("This agent has no such trust.")
    return found
