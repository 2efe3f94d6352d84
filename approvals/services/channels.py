"""Channels: places outside the portal that are told. Addresses and secrets are kept encrypted, and shown once."""

import base64
import os
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import transaction

from approvals import notice_events as events
from approvals.models import Channel, Delivery
from approvals.rules.notices import ChannelKind, DeliveryState
from approvals.selectors.notices import address_name, address_of, may_set_up, secret_name, standing_channels
from approvals.services.notices import queue_test
from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person, Team
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.safe import put_away
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.outbound import NotSent, read_place
from registry.models import Agent
from registry.rules.texts import MOST_NAME, fault_in
from registry.services.locking import lock_agent

MOST_CHANNELS = 20
_SECRET_BYTES = 32
_SHOWN_END = 4


@transaction.atomic(durable=True)
def add_channel(
    *, actor: Person, kind: ChannelKind, name: str, address: str, team: Team | None = None, agent: Agent | None = None
) -> tuple[Channel, str | None]:
    """A new channel of a team, of an agent (its callback) or, with neither, of everybody; with its secret, if any."""
    if agent is not None:
        agent = lock_agent(agent)  # a transfer under way is before it or after it
    owner = agent.owner_team_id if agent is not None else team.pk if team is not None else None
    _require(actor, owner)
    if agent is not None and kind is not ChannelKind.WEBHOOK:
        raise InvalidInput(
            "An agent is called back by a signed webhook. Nothing was added.",
            errors=[{"pointer": "/kind", "detail": "must be webhook"}],
        )
    name, address = name.strip(), address.strip()
    _check(kind, name, address)
    team = None if agent is not None else team
    if standing_channels().filter(team=team, agent=agent, ended_at=None).count() >= MOST_CHANNELS:
        raise Conflict(f"There are {MOST_CHANNELS} channels already. End one first. Nothing was added.")
    now = database_now()
    channel = Channel(kind=kind.value, team=team, agent=agent, name=name, made_by=actor, made_at=now)
    secret = _give_address(channel, kind, address, new_secret=True)
    channel.save(force_insert=True)
    event = events.ChannelAdded(
        channel=channel.pk, kind=kind.value, team=team.pk if team else None, name=name, shown=channel.shown
    )
    append(event, actor=actor_for(actor), at=now, agent_id=agent.pk if agent else None)
    return channel, secret


@transaction.atomic(durable=True)
def change_channel(
    *, actor: Person, channel: Channel, name: str, address: str = "", new_secret: bool = False
) -> tuple[Channel, str | None]:
    """Another name or address; an empty address stays. What moves to another host gets another secret."""
    channel = _locked(actor, channel)
    kind = ChannelKind(channel.kind)
    name, address = name.strip(), address.strip()
    before = address_of(channel)
    _check(kind, name, address or before)
    moved = bool(address) and _host(address) != _host(before)
    channel.name = name
    # The old secret is never used towards another host: whoever redirects a channel must not learn what signs it.
    secret = _give_address(channel, kind, address or before, new_secret=new_secret or moved)
    channel.save(update_fields=["name", "address", "shown", "secret"])
    event = events.ChannelChanged(channel=channel.pk, new_secret=secret is not None, name=name, shown=channel.shown)
    append(event, actor=actor_for(actor), at=database_now(), agent_id=channel.agent_id)
    return channel, secret


@transaction.atomic(durable=True)
def end_channel(*, actor: Person, channel: Channel) -> int:
    """Tell it nothing more, and forget address and secret; returns how many waiting messages were dropped."""
    channel = _locked(actor, channel)
    now = database_now()
    channel.ended_at = now
    channel.address, channel.secret = b"", None
    channel.save(update_fields=["ended_at", "address", "secret"])
    waiting = channel.deliveries.filter(state=DeliveryState.WAITING.value)
    dropped = waiting.update(state=DeliveryState.DROPPED.value, fault="The channel was ended.")
    append(
        events.ChannelEnded(channel=channel.pk, dropped=dropped),
        actor=actor_for(actor),
        at=now,
        agent_id=channel.agent_id,
    )
    return dropped


@transaction.atomic(durable=True)
def try_channel(*, actor: Person, channel: Channel) -> Delivery:
    """Queue a test message, which goes the way of all others."""
    return queue_test(channel=_locked(actor, channel))


def _locked(actor: Person, channel: Channel) -> Channel:
    found = standing_channels().select_for_update(of=("self",)).select_related("agent").filter(pk=channel.pk).first()
    if found is None:
        raise NotFound("There is no such channel.")
    _require(actor, found.agent.owner_team_id if found.agent is not None else found.team_id)
    if found.ended_at is not None:
        raise Conflict("The channel was ended. Add another one. Nothing was done.")
    return found


def _require(actor: Person, team_id: UUID | None) -> None:
    if not may_set_up(authority_of(actor), team_id):
        who = "Security and the team's managers set" if team_id is not None else "Security sets"
        raise NotAllowed(f"{who} this channel up. Nothing was done.")


def _check(kind: ChannelKind, name: str, address: str) -> None:
    fault = fault_in(name, most=MOST_NAME)
    faults = [{"pointer": "/name", "detail": fault}] if fault else []
    wrong = _wrong_mail(address) if kind is ChannelKind.EMAIL else _wrong_place(address)
    if wrong:
        faults.append({"pointer": "/address", "detail": wrong})
    if faults:
        raise InvalidInput("The channel cannot be taken as it is. Nothing was saved.", errors=faults)


def _wrong_mail(address: str) -> str | None:
    try:
        EmailValidator()(address)
    except ValidationError:
        return "must be one e-mail address"
    return None if address.isascii() and len(address) <= 200 else "must be one e-mail address"


def _wrong_place(address: str) -> str | None:
    try:
        read_place(address)
    except NotSent as refused:
        return f"cannot be used: {str(refused).removesuffix('.')}"
    return None


def _give_address(channel: Channel, kind: ChannelKind, address: str, *, new_secret: bool) -> str | None:
    """Put the address in, and for a signed webhook a new secret when asked; returns that secret."""
    channel.address = put_away(address, of=address_name(channel.pk))
    channel.shown = shown(kind, address)
    if kind is not ChannelKind.WEBHOOK or not new_secret:
        return None
    secret = f"whsec_{base64.b64encode(os.urandom(_SECRET_BYTES)).decode()}"
    channel.secret = put_away(secret, of=secret_name(channel.pk))
    return secret


def shown(kind: ChannelKind, address: str) -> str:
    """What pages show: a mail address whole; of the others the host and the last signs, for the path is the key."""
    if kind is ChannelKind.EMAIL:
        return address[:200]
    parts = urlsplit(address)
    rest = f"{parts.path}?{parts.query}" if parts.query else parts.path
    end = rest[-_SHOWN_END:] if len(rest) >= 4 * _SHOWN_END else ""
    return f"{parts.hostname}{f':{parts.port}' if parts.port else ''}/…{end}"[:200]


def _host(address: str) -> tuple[str, int | None, str]:
    if "://" not in address:
        return address.rpartition("@")[2].lower(), None, ""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port, parts.scheme
