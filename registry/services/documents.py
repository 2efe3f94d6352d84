"""Attaching papers to an agent: every version is kept, hashed and entered in the record."""

import hashlib
from datetime import date

from django.db import transaction
from django.db.models import Max

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import record_events as events
from registry.models import Agent, AgentDocument, DocumentKind
from registry.rules.lifecycle import AgentState
from registry.rules.papers import MEDIA_TYPES, fault_in_content, media_type_of, safe_file_name
from registry.rules.texts import MOST_NAME, fault_in
from registry.selectors.agents import may_manage
from registry.services.locking import lock_agent


@transaction.atomic(durable=True)
def add_document(
    *,
    actor: Person,
    agent: Agent,
    kind: DocumentKind,
    name: str,
    file_name: str,
    content: bytes,
    expires_on: date | None = None,
) -> AgentDocument:
    """Attach a paper; one with the name of another becomes its next version. Nothing is ever overwritten."""
    agent = lock_agent(agent)
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} attaches documents. Nothing was saved.")
    if agent.state in (AgentState.DRAFT.value, AgentState.RETIRED.value):
        raise Conflict(f"{agent.name} is {agent.state}; documents belong to a registered agent. Nothing was saved.")
    now = database_now()
    name, file_name = name.strip(), safe_file_name(file_name)
    media_type = media_type_of(file_name)
    faults = _faults(name, media_type, content, expires_on, now.date())
    if faults or media_type is None:
        raise InvalidInput("The document cannot be kept. Nothing was saved.", errors=faults)
    newest = agent.documents.filter(name=name).aggregate(newest=Max("version"))["newest"] or 0
    document = AgentDocument.objects.create(
        agent=agent,
        kind=kind.value,
        name=name,
        version=newest + 1,
        file_name=file_name,
        media_type=media_type,
        size=len(content),
        content=content,
        sha256=hashlib.sha256(content).digest(),
        expires_on=expires_on,
        added_by=actor,
        added_at=now,
    )
    added = events.DocumentAdded(
        document=document.pk,
        kind=kind.value,
        name=name,
        version=document.version,
        size=document.size,
        sha256=document.sha256.hex(),
        expires_on=None if expires_on is None else expires_on.isoformat(),
        file_name=file_name,
    )
    append(added, actor=actor_for(actor), at=now, agent_id=agent.pk)
    return document


def _faults(
    name: str, media_type: str | None, content: bytes, expires_on: date | None, today: date
) -> list[dict[str, str]]:
    faults = []
    fault = fault_in(name, most=MOST_NAME)
    if fault:
        faults.append({"pointer": "/name", "detail": fault})
    if media_type is None:
        faults.append({"pointer": "/file", "detail": f"must end in {', '.join(f'.{one}' for one in MEDIA_TYPES)}"})
    elif content_fault := fault_in_content(content, media_type):
        faults.append({"pointer": "/file", "detail": content_fault})
    if expires_on is not None and expires_on <= today:
        faults.append({"pointer": "/expires_on", "detail": "must be after today"})
    return faults
