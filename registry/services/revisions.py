"""What every change of a policy shares: the lock on its subject, reading the document, and the new revision itself."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from portal.errors import Conflict, InvalidInput
from portal.identity.models import Person, Team
from portal.identity.selectors.people import actor_for
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.name_lock import hold_name
from registry import events
from registry.models import Agent, PolicyLevel, PolicyProposal, PolicyRevision
from registry.rules.compare import Change, Direction, describe
from registry.rules.documents import Document, digest_of, nothing, read_document, stored_document
from registry.rules.lifecycle import AgentState
from registry.rules.policy import PolicyError
from registry.rules.texts import MOST_TEXT, fault_in
from registry.selectors.policies import Subject, catalogue_in_force, revision_in_force


@dataclass(frozen=True)
class Held:
    """A subject whose policy nobody else can change until the transaction ends, and what is in force for it."""

    subject: Subject
    revision: PolicyRevision | None

    @property
    def number(self) -> int:
        return self.revision.number if self.revision is not None else 0

    @property
    def document(self) -> Document:
        level = self.subject.level
        return nothing(level) if self.revision is None else stored_document(level, self.revision.document)


def hold(subject: Subject) -> Held:
    """Lock the subject. Every change of its policy and every decision on a proposal begins here."""
    if subject.agent is not None:
        agent = Agent.objects.select_for_update(of=("self",)).select_related("owner_team").get(pk=subject.agent.pk)
        subject = replace(subject, agent=agent)
    else:
        # There is no row of the organisation to lock, nor one of a level that says nothing yet.
        hold_name(f"policy {subject.key}")
    return Held(subject, revision_in_force(subject))


def refuse_unless_alive(held: Held) -> None:
    """Drafts have no policy in force to change, and a retired agent's is history."""
    agent = held.subject.agent
    if agent is None:
        return
    if agent.state == AgentState.DRAFT.value or held.revision is None:
        raise Conflict("The agent is still a draft; register it first. Nothing was changed.")
    if agent.state == AgentState.RETIRED.value:
        raise Conflict("The agent is retired; its policy is history. Nothing was changed.")


def refuse_reason(reason: str, *, required: bool = True) -> None:
    """A reason that cannot be stored, or none where one is needed."""
    fault = fault_in(reason, most=MOST_TEXT, required=required, lines=True)
    if fault:
        raise InvalidInput(
            f"The reason {fault}. Nothing was changed.", errors=[{"pointer": "/reason", "detail": fault}]
        )


def read_or_refuse(subject: Subject, document: dict[str, Any]) -> Document:
    """The document as a value; InvalidInput names every fault with its place."""
    try:
        return read_document(subject.level, document, catalogue_in_force())
    except PolicyError as error:
        raise InvalidInput("This is not a policy. Nothing was changed.", errors=error.errors) from error


def refuse_if_moved(held: Held, based_on: int) -> None:
    """Somebody else's revision came in between: 409 with what it changed."""
    if held.number == based_on:
        return
    edited = f"revision {based_on}" if based_on else "a policy that said nothing"
    raise Conflict(
        f"You edited {edited}, but revision {held.number} is in force. Nothing was changed.",
        revision=held.number,
    )


def put_in_force(
    held: Held,
    document: Document,
    *,
    author: Person,
    reason: str,
    changes: Iterable[Change],
    proposal: PolicyProposal | None = None,
    approved_by: Person | None = None,
) -> PolicyRevision:
    """Store the next revision, make it the one that counts, and enter it. The caller holds the subject."""
    subject = held.subject
    digest = digest_of(document)
    revision = PolicyRevision.objects.create(
        **subject.columns,
        number=held.number + 1,
        document=document.to_document(),
        digest=bytes.fromhex(digest),
        author=author,
        reason=reason.strip(),
        approved_by=approved_by,
    )
    if subject.agent is not None:
        subject.agent.revision = revision
        subject.agent.save(update_fields=["revision"])
    else:
        PolicyLevel.objects.update_or_create(key=subject.key, defaults={"revision": revision})
    moved = [change for change in changes if change.direction is not Direction.UNCHANGED]
    event = events.PolicyRevised(
        revision=revision.number,
        revision_id=revision.pk,
        digest=digest,
        document=revision.document,
        widened=any(change.direction is Direction.WIDENED for change in moved),
        level=subject.level.value,
        team=team_id_of(subject),
        approved_by=approved_by.pk if approved_by is not None else None,
        proposal=proposal.number if proposal is not None else None,
        switched=[change.sentence for change in moved if "/modes/" in change.pointer],
        reason=revision.reason,
    )
    actor = approved_by if approved_by is not None else author
    append(event, actor=actor_for(actor), at=database_now(), agent_id=agent_id_of(subject))
    return revision


def changes_between(held: Held, document: Document) -> list[Change]:
    """Every entry of the policy in force and of the new one, with its direction."""
    return describe(held.document, document, catalogue=catalogue_in_force())


def agent_id_of(subject: Subject) -> Any:
    """For the entry's own column; None above agents."""
    return subject.agent.pk if subject.agent is not None else None


def team_id_of(subject: Subject) -> Any:
    """The team of a team's policy, None for the others."""
    team: Team | None = subject.team
    return team.pk if team is not None else None
