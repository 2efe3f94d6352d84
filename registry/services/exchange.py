"""Exchange: the token of a CI job or cloud agent becomes a credential of fifteen minutes, and no secret is stored.

The outside token is checked first and without a transaction, because its issuer's keys may have to be read. Then one
transaction judges the agent, marks the token as used and makes the credential. What is refused is recorded after
that, in a transaction of its own: a refusal takes everything of its own transaction with it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction

from portal.errors import NotAllowed
from portal.ledger.events import Actor, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import events
from registry.models import Agent, Credential, CredentialKind, ExchangedToken, FindingKind, IssuerTrust
from registry.rules import trust as rules
from registry.rules.names import Refused
from registry.rules.policy import PolicyError
from registry.rules.restriction import Restriction
from registry.rules.texts import MOST_NAME
from registry.selectors.credentials import agent_referred
from registry.services.credential import AgentHalted, make_credential, refuse_if_stopped_meanwhile, refuse_unless_acting
from registry.services.findings import flag
from registry.services.outside_token import (
    LEEWAY_SECONDS,
    OLDEST_SECONDS,
    OutsideToken,
    TokenRefused,
    read_token,
    verify,
)

MINUTES = 15
# An unsigned refusal can be caused by anyone who knows the agent's name, so it is written once in a while only.
_UNVERIFIED_EVERY = 60
_NO_TRUST = "No trust of this agent matches the token."


def exchange(*, agent_reference: str, token: str) -> tuple[Credential, str]:
    """The credential for a token that one of the agent's trusts matches, and the credential's own token.

    Raises TokenRefused, AgentHalted, or Unavailable when the issuer's keys cannot be read.
    """
    if not settings.BAILIWICK_OIDC_EXCHANGE:
        raise NotAllowed("This portal exchanges no tokens. Nothing was issued.", error="unauthorized_client")
    outside = read_token(token)
    agent = agent_referred(agent_reference)
    trusts = [] if agent is None else list(agent.trusts.filter(issuer=outside.issuer.issuer))
    if agent is None or not trusts:
        # Said before the token is checked, so that no request goes out for an agent that trusts nobody.
        raise TokenRefused("no-trust", _NO_TRUST)
    try:
        verify(outside)
        trust = _matching(trusts, outside)
        made = _exchange(trust_id=trust.pk, agent_id=agent.pk, outside=outside)
        refuse_if_stopped_meanwhile(made[0])
    except TokenRefused as refusal:
        _record_refusal(agent, outside, refusal)
        raise
    except AgentHalted as halted:
        entry = _record_refusal(agent, outside, TokenRefused("halted", halted.why, verified=True, trust=trust))
        _notice(halted, entry)
        raise
    return made


def _matching(trusts: list[IssuerTrust], outside: OutsideToken) -> IssuerTrust:
    """The trust that the token satisfies, one in force before a revoked one."""
    audience = rules.audience_of(outside.claims)
    meant = [one for one in trusts if one.audience == audience]
    if not meant:
        raise TokenRefused("audience", _NO_TRUST, verified=True)
    judged = [(rules.differing(one.claims, outside.claims), one) for one in meant]
    differing, nearest = min(judged, key=lambda pair: (len(pair[0]), pair[1].revoked_at is not None))
    if differing:
        raise TokenRefused("claims-differ", _NO_TRUST, verified=True, trust=nearest, differing=differing)
    return nearest


@transaction.atomic(durable=True)
def _exchange(*, trust_id: UUID, agent_id: UUID, outside: OutsideToken) -> tuple[Credential, str]:
    # The agent first, as everywhere: two that wait for each other would both be ended by the database.
    agent = Agent.objects.select_for_update(of=("self",)).select_related("owner_team").get(pk=agent_id)
    trust = IssuerTrust.objects.select_for_update(of=("self",)).select_related("created_by").get(pk=trust_id)
    # First, so that a token for an agent that was retired, and its trusts with it, is noticed too.
    refuse_unless_acting(agent)
    if trust.revoked_at is not None:
        raise TokenRefused("revoked", "The trust for this token has been revoked.", verified=True, trust=trust)
    scope = _narrowing(outside, trust)
    remembered = _use_up(outside, trust)
    now = database_now()
    trust.last_used_at = now
    trust.save(update_fields=["last_used_at"])
    claims = rules.kept(outside.claims)
    credential, token = make_credential(
        agent=agent,
        actor=trust.created_by,
        name=trust.name[:MOST_NAME],
        at=now,
        until=now + timedelta(minutes=MINUTES),
        scope=scope,
        kind=CredentialKind.EXCHANGED.value,
        trust=trust,
        claims=claims,
    )
    event = events.TokenExchanged(
        trust=trust.pk,
        issuer=trust.issuer,
        credential=credential.pk,
        prefix=credential.prefix,
        expires_at=instant(credential.expires_at),
        scope=scope,
        token=remembered,
        claims=rules.in_clear(claims),
        personal_claims=rules.of_a_person(claims),
    )
    append(event, actor=_presenter(agent), at=now, agent_id=agent.pk)
    return credential, token


def _narrowing(outside: OutsideToken, trust: IssuerTrust) -> dict[str, Any]:
    try:
        document = rules.narrowing_of(outside.issuer, outside.claims)
        return dict(Restriction.from_document(document).to_document()) if document else {}
    except (Refused, PolicyError) as fault:
        raise TokenRefused(
            "repository", "The token's repository cannot be read.", verified=True, trust=trust
        ) from fault


def _use_up(outside: OutsideToken, trust: IssuerTrust) -> str:
    """Mark the token as used. Of two at once one waits here for the other, and is then refused."""
    remembered = rules.token_id(outside.claims, outside.text)
    # After this it would be refused as too old or expired, whatever is remembered.
    ends = min(outside.claims["exp"], outside.claims["iat"] + OLDEST_SECONDS) + 2 * LEEWAY_SECONDS
    until = datetime.fromtimestamp(ends, UTC)
    try:
        with transaction.atomic():
            ExchangedToken.objects.create(issuer=trust.issuer, jti=remembered, expires_at=until)
    except IntegrityError as taken:
        raise TokenRefused("replayed", "The token was exchanged before.", verified=True, trust=trust) from taken
    return remembered


@transaction.atomic(durable=True)
def _record_refusal(agent: Agent, outside: OutsideToken, refusal: TokenRefused) -> UUID | None:
    """The entry of a refused exchange. One that the issuer did not sign says nothing of its claims."""
    if not refusal.verified and not cache.add(f"exchange-refused:{agent.pk}:{refusal.reason}", 1, _UNVERIFIED_EVERY):
        return None
    claims = rules.kept(outside.claims) if refusal.verified else {}
    event = events.ExchangeRefused(
        trust=None if refusal.trust is None else refusal.trust.pk,
        issuer=outside.issuer.issuer,
        reason=refusal.reason,
        verified=refusal.verified,
        differing=list(refusal.differing),
        claims=rules.in_clear(claims),
        personal_claims=rules.of_a_person(claims),
    )
    return append(event, actor=_presenter(agent), at=database_now(), agent_id=agent.pk).id


def _notice(halted: AgentHalted, entry: UUID | None) -> None:
    agent = halted.agent
    flag(
        kind=FindingKind.EXCHANGE_WHILE_STOPPED,
        key=f"exchange:{agent.pk}:{halted.key}",
        sentence=f"An outside token was presented for {agent.name} while it could get none: it {halted.why}.",
        agent=agent,
        entry_id=entry,
    )


def _presenter(agent: Agent) -> Actor:
    """Who presents a token: the agent's own machine, as far as anyone can say."""
    return Actor("agent", str(agent.pk), agent.name)


@transaction.atomic(durable=True)
def forget_expired() -> int:
    """Forget the used tokens that could not be exchanged again anyway; returns how many."""
    gone, _ = ExchangedToken.objects.filter(expires_at__lt=database_now()).delete()
    return gone
