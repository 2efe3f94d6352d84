"""Reading an agent's papers without their bytes, and which must be looked at again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from portal.errors import NotFound
from registry.models import Agent, AgentDocument
from registry.rules.papers import NOTICE, PaperStatus, status_of


@dataclass(frozen=True)
class Paper:
    """A paper of an agent: its newest version, how that stands today, and the versions before it."""

    newest: AgentDocument
    status: PaperStatus
    earlier: list[AgentDocument]


def documents_of(agent: Agent) -> QuerySet[AgentDocument]:
    """Every version of every paper, by name and newest first; the bytes stay in the database."""
    found = AgentDocument.objects.filter(agent=agent).defer("content").select_related("added_by")
    return found.order_by("name", "-version")


def papers_of(agent: Agent, *, today: date) -> list[Paper]:
    """The agent's papers by name, each with its versions: one query."""
    papers: dict[str, list[AgentDocument]] = {}
    for version in documents_of(agent):
        papers.setdefault(version.name, []).append(version)
    return [Paper(newest, status_of(newest.expires_on, today), earlier) for newest, *earlier in papers.values()]


def document_for(agent: Agent, document_id: UUID) -> AgentDocument:
    """One version with its bytes; NotFound unless it is this agent's."""
    found = AgentDocument.objects.filter(agent=agent, pk=document_id).first()
    if found is None:
        raise NotFound("This agent has no such document.")
    return found


def running_out(agents: Iterable[UUID] | QuerySet[Any, Any], *, today: date) -> list[AgentDocument]:
    """The newest versions of the agents' papers that have run out or soon will: one query."""
    newest = (
        AgentDocument.objects.filter(agent__in=agents)
        .defer("content")
        .select_related("agent", "agent__owner_team")
        .order_by("agent_id", "name", "-version")
        .distinct("agent_id", "name")
    )
    return [one for one in newest if one.expires_on is not None and one.expires_on - NOTICE <= today]
