"""An agent's credentials: issued once registration is complete, shown once, rotated with overlap, revoked at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person
from portal.identity.rules.tokens import mint
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, Actor, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import Draft, append, append_many
from registry import events
from registry.models import Agent, Credential, CredentialKind, FindingKind, IssuerTrust, KillState
from registry.rules.kill import keys_over
from registry.rules.lifecycle import AgentState, may_act
from registry.rules.policy import PolicyError
from registry.rules.restriction import Restriction
from registry.rules.texts import MOST_NAME, fault_in
from registry.selectors.agents import may_manage
from registry.selectors.credentials import MOST_DAYS, live_credentials, live_trusts, longest_days, state_of
from registry.selectors.kills import KillStanding, standing_of
from registry.selectors.policies import catalogue_in_force
from registry.services.findings import flag

LONGEST_DAYS = MOST_DAYS
LONGEST_OVERLAP_HOURS = 7 * 24


class AgentHalted(Conflict):
    """The agent may not get a token now: it is stopped, suspended or retired. Asking for one is noticed."""

    def __init__(self, agent: Agent, why: str, key: str) -> None:
        super().__init__(f"{agent.name} {why}. Nothing was issued.")
        self.agent, self.why, self.key = agent, why, key


def issue_credential(
    *, actor: Person, agent: Agent, name: str, days: int, scope: dict[str, Any] | None = None
) -> tuple[Credential, str]:
    """A new credential and its token, which is not stored and cannot be shown again.

    ``scope`` narrows what the agent may do with it; it can never widen that.
    """
    try:
        made = _issue(actor=actor, agent=agent, name=name, days=days, scope=scope or {})
        refuse_if_stopped_meanwhile(made[0])
    except AgentHalted as halted:
        _notice(actor, halted)
        raise
    return made


@transaction.atomic(durable=True)
def _issue(*, actor: Person, agent: Agent, name: str, days: int, scope: dict[str, Any]) -> tuple[Credential, str]:
    agent = lock_manageable(actor, agent, "issues its credentials. Nothing was issued")
    refuse_unless_acting(agent)
    faults = _days_fault(days) + _name_fault(name)
    try:
        # Kept in the one normal form, so that equal narrowings are equal documents.
        scope = Restriction.from_document(scope, catalogue=catalogue_in_force()).to_document() if scope else {}
    except PolicyError as error:
        faults += [{"pointer": f"/scope{fault['pointer']}", "detail": fault["detail"]} for fault in error.errors]
    if faults:
        raise InvalidInput(f"{_sentence(faults[0])} Nothing was issued.", errors=faults)
    now = database_now()
    credential, token = make_credential(
        agent=agent, actor=actor, name=name.strip(), at=now, until=now + timedelta(days=days), scope=scope
    )
    event = events.CredentialIssued(
        credential=credential.pk,
        name=credential.name,
        prefix=credential.prefix,
        expires_at=instant(credential.expires_at),
        kind=credential.kind,
        scope=credential.scope,
    )
    append(event, actor=actor_for(actor), at=now, agent_id=agent.pk)
    return credential, token


def make_credential(
    *, agent: Agent, actor: Person, name: str, at: datetime, until: datetime, scope: dict[str, Any], **more: Any
) -> tuple[Credential, str]:
    """The row and its token; whoever calls has judged that the agent may have it, and records it."""
    minted = mint("a")
    credential = Credential.objects.create(
        agent=agent,
        name=name,
        prefix=minted.prefix,
        digest=minted.digest,
        scope=scope,
        created_by=actor,
        created_at=at,
        expires_at=until,
        **more,
    )
    return credential, minted.token


def lock_manageable(actor: Person, agent: Agent, act: str) -> Agent:
    """The agent, locked and read fresh, when ``actor`` manages it."""
    agent = Agent.objects.select_for_update(of=("self",)).select_related("owner_team").get(pk=agent.pk)
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} {act}.")
    return agent


def refuse_unless_acting(agent: Agent) -> None:
    """Raise unless the agent is registered, active, and nothing stops it."""
    state = AgentState(agent.state)
    if state is AgentState.DRAFT:
        raise Conflict(f"{agent.name} is a draft; it gets no token before its registration is complete.")
    standing = standing_of(agent)
    if standing.stopped_by:
        raise AgentHalted(agent, "is stopped; it gets no token until it is resumed", f"epoch-{standing.epoch}")
    if not may_act(state):
        raise AgentHalted(agent, f"is {agent.state}; only an active agent gets a token", agent.state)


def refuse_if_stopped_meanwhile(credential: Credential) -> None:
    """After a credential was committed: revoke it and raise when a stop came in between.

    A stop that revokes what it finds cannot find a credential that is not committed yet, and the issuing cannot see
    a stop that is not. Whichever is first, this waits for a stop under way and then sees it. No stop ever waits for
    more than this one look: nothing is locked while the credential is made.
    """
    halted = _withdraw_if_stopped(credential)
    if halted is not None:
        raise halted


@transaction.atomic(durable=True)
def _withdraw_if_stopped(credential: Credential) -> AgentHalted | None:
    agent = credential.agent
    standing = standing_after_stops(agent)
    if not standing.stopped_by:
        return None
    locked = Credential.objects.select_for_update().filter(pk=credential.pk, revoked_at=None)
    end_credentials(list(locked), actor=SYSTEM, at=database_now())
    return AgentHalted(
        agent, "was stopped at that moment; it gets no token until it is resumed", f"epoch-{standing.epoch}"
    )


def standing_after_stops(agent: Agent) -> KillStanding:
    """The agent's kill standing once every stop that is being ordered now has been committed or given up."""
    keys = sorted(keys_over(agent_id=agent.pk, team_id=agent.owner_team_id))
    # A first stop makes its row: this waits for that too, where a plain lock would find nothing to wait for.
    KillState.objects.bulk_create([KillState(key=key) for key in keys], ignore_conflicts=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM registry_killstate WHERE key = ANY(%s) ORDER BY key FOR SHARE", [keys])
    return standing_of(agent)


def _notice(actor: Person, halted: AgentHalted) -> None:
    """In a transaction of its own: that of the refused issuing has been rolled back."""
    agent = halted.agent
    flag(
        kind=FindingKind.TOKEN_WHILE_STOPPED,
        key=f"token:{agent.pk}:{actor.pk}:{halted.key}",
        sentence=f"A manager asked for a new credential of {agent.name} while it could not have one: it {halted.why}.",
        agent=agent,
        caused_by=actor,
    )


def rotate_credential(
    *, actor: Person, agent: Agent, credential_id: UUID, days: int, overlap_hours: int
) -> tuple[Credential, str]:
    """A new credential in the place of one that goes on working for some hours, then ends by itself."""
    try:
        made = _rotate(actor=actor, agent=agent, credential_id=credential_id, days=days, overlap_hours=overlap_hours)
        refuse_if_stopped_meanwhile(made[0])
    except AgentHalted as halted:
        _notice(actor, halted)
        raise
    return made


@transaction.atomic(durable=True)
def _rotate(
    *, actor: Person, agent: Agent, credential_id: UUID, days: int, overlap_hours: int
) -> tuple[Credential, str]:
    agent = lock_manageable(actor, agent, "rotates its credentials. Nothing was changed")
    refuse_unless_acting(agent)
    faults = _days_fault(days)
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        faults.append({"pointer": "/overlap_hours", "detail": f"must be between 0 and {LONGEST_OVERLAP_HOURS}"})
    if faults:
        raise InvalidInput(f"{_sentence(faults[0])} Nothing was changed.", errors=faults)
    now = database_now()
    old = _rotatable(agent, credential_id, now)
    old.expires_at = min(old.expires_at, now + timedelta(hours=overlap_hours))
    old.save(update_fields=["expires_at"])
    new, token = make_credential(
        agent=agent, actor=actor, name=old.name, at=now, until=now + timedelta(days=days), scope=old.scope, replaces=old
    )
    event = events.CredentialRotated(
        credential=new.pk,
        name=new.name,
        prefix=new.prefix,
        expires_at=instant(new.expires_at),
        scope=new.scope,
        replaced=old.pk,
        replaced_prefix=old.prefix,
        replaced_ends_at=instant(old.expires_at),
    )
    append(event, actor=actor_for(actor), at=now, agent_id=agent.pk)
    return new, token


def _rotatable(agent: Agent, credential_id: UUID, now: datetime) -> Credential:
    old = Credential.objects.select_for_update().filter(pk=credential_id, agent=agent).first()
    if old is None:
        raise NotFound("This agent has no such credential.")
    if old.kind != CredentialKind.ISSUED.value:
        raise Conflict("An exchanged credential lives for minutes and is not rotated. Nothing was changed.")
    if (state := state_of(old, now)) != "valid":
        raise Conflict(f"The credential {old.name} is {state} already. Issue a new one. Nothing was changed.")
    if old.replaced_by.exists():
        raise Conflict(f"{old.name} has been rotated already; rotate the newer credential. Nothing was changed.")
    return old


@transaction.atomic(durable=True)
def revoke_credential(*, actor: Person, agent: Agent, credential_id: UUID) -> Credential:
    """End a credential now; the very next check with it is refused."""
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed("Only a manager of the owner team revokes its credentials. Nothing was changed.")
    credential = Credential.objects.select_for_update().filter(pk=credential_id, agent=agent).first()
    if credential is None:
        raise NotFound("This agent has no such credential.")
    if credential.revoked_at is None:
        end_credentials([credential], actor=actor_for(actor), at=database_now())
    return credential


@transaction.atomic(durable=True)
def revoke_all(*, actor: Person, agent: Agent, trusts: bool = False) -> tuple[int, int]:
    """End every credential of the agent, and its trusts too if asked; returns how many of each."""
    agent = lock_manageable(actor, agent, "revokes its credentials. Nothing was changed")
    now, who = database_now(), actor_for(actor)
    ended = list(live_credentials(agent, now).order_by("pk").select_for_update(of=("self",)))
    trusted = list(live_trusts(agent).order_by("pk").select_for_update(of=("self",))) if trusts else []
    end_trusts(trusted, actor=who, at=now)
    end_credentials(ended, actor=who, at=now)
    return len(ended), len(trusted)


def end_credentials(credentials: Sequence[Credential], *, actor: Actor, at: datetime) -> None:
    """Revoke these rows, which the caller has locked in its transaction, with an entry for each."""
    drafts = []
    for one in credentials:
        one.revoked_at = at
        event = events.CredentialRevoked(credential=one.pk, name=one.name, prefix=one.prefix)
        drafts.append(Draft(event=event, actor=actor, at=at, agent_id=one.agent_id))
    Credential.objects.bulk_update(credentials, ["revoked_at"])
    append_many(drafts)


def end_trusts(trusts: Sequence[IssuerTrust], *, actor: Actor, at: datetime) -> None:
    """Revoke these trusts, which the caller has locked in its transaction, with an entry for each."""
    drafts = []
    for one in trusts:
        one.revoked_at = at
        event = events.TrustRevoked(trust=one.pk, name=one.name, issuer=one.issuer)
        drafts.append(Draft(event=event, actor=actor, at=at, agent_id=one.agent_id))
    IssuerTrust.objects.bulk_update(trusts, ["revoked_at"])
    append_many(drafts)


def _days_fault(days: int) -> list[dict[str, str]]:
    most = longest_days()
    return [] if 1 <= days <= most else [{"pointer": "/days", "detail": f"must be between 1 and {most}"}]


def _name_fault(name: str) -> list[dict[str, str]]:
    fault = fault_in(name, most=MOST_NAME)
    return [{"pointer": "/name", "detail": fault}] if fault else []


def _sentence(fault: dict[str, str]) -> str:
    """The first fault, for those who read no list."""
    match fault["pointer"].split("/")[1]:
        case "days":
            return f"The number of days {fault['detail']}."
        case "overlap_hours":
            return f"The hours of overlap {fault['detail']}."
        case "name":
            return f"The credential's name {fault['detail']}."
    return "The narrowing cannot be read."
