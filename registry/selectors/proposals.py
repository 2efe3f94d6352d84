"""Reading proposals: which a person may see, which wait for them, and why somebody may not decide one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.errors import NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of, humans_of
from portal.ledger.selectors.entries import database_now
from registry.models import Credential, IssuerTrust, PolicyProposal, ProposalState
from registry.rules.compare import Change, describe
from registry.rules.documents import nothing, stored_document
from registry.rules.levels import Level
from registry.rules.second_person import ProposalFacts, Refusal, fault_of_backtest, may_approve, may_refuse
from registry.selectors.agents import SEES_ALL, visible_agents, visible_teams
from registry.selectors.policies import (
    ORGANISATION,
    Subject,
    catalogue_in_force,
    may_change,
    may_decide,
    revision_in_force,
    who_decides,
)


def visible_proposals(person: Person) -> QuerySet[PolicyProposal]:
    """Proposals for agents and teams the person may see; those of the organisation for everyone with an account."""
    found = PolicyProposal.objects.select_related(
        "author", "agent__owner_team", "team", "based_on", "decided_by", "revision"
    )
    if not person.is_active:
        return found.none()
    if any(authority_of(person).has(role) for role in SEES_ALL):
        return found
    return found.filter(
        Q(level=Level.ORGANISATION.value)
        | Q(team__in=visible_teams(person).values("pk"))
        | Q(agent__in=visible_agents(person).values("pk"))
    )


def proposal_for(person: Person, number: int) -> PolicyProposal:
    """The proposal by its number; NotFound when the person may not see what it is about."""
    found = visible_proposals(person).filter(number=number).first()
    if found is None:
        raise NotFound("There is no such proposal, or it is not yours to see.")
    return found


def open_for(subject: Subject) -> PolicyProposal | None:
    """The proposal that waits for this subject, if any; there is never more than one."""
    found = PolicyProposal.objects.filter(**subject.columns, state=ProposalState.OPEN.value)
    return found.select_related("author").first()


def proposals_of(subject: Subject) -> QuerySet[PolicyProposal]:
    """Every proposal for a subject that the reader is known to see, newest first."""
    found = PolicyProposal.objects.filter(**subject.columns).select_related("author", "decided_by")
    return found.order_by("-number")


def waiting_for(person: Person) -> QuerySet[PolicyProposal]:
    """Open proposals of others that this person is entitled to decide; distance is judged one by one."""
    authority = authority_of(person)
    found = visible_proposals(person).filter(state=ProposalState.OPEN.value).exclude(author__human=person.human)
    if authority.has(Role.SECURITY):
        return found
    managed = {team for role, team in authority.roles if role is Role.MANAGER and authority.active}
    return found.filter(Q(agent__owner_team__in=managed) | Q(team__in=managed))


def changes_of(proposal: PolicyProposal) -> list[Change]:
    """What the proposal would change, entry by entry, against the revision it is based on."""
    level = Level(proposal.level)
    base = nothing(level) if proposal.based_on is None else stored_document(level, proposal.based_on.document)
    return describe(base, stored_document(level, proposal.document), catalogue=catalogue_in_force())


def approve_refusal(person: Person, proposal: PolicyProposal) -> Refusal | None:
    """Why this person may not approve, or None; the page and the service ask the same."""
    entitled = may_decide(authority_of(person), Subject.of(proposal))
    return may_approve(person.human, facts_of(proposal), entitled=entitled)


def refuse_refusal(person: Person, proposal: PolicyProposal) -> Refusal | None:
    """Why this person may not say no, or None."""
    entitled = may_decide(authority_of(person), Subject.of(proposal))
    return may_refuse(person.human, facts_of(proposal), entitled=entitled)


def facts_of(proposal: PolicyProposal) -> ProposalFacts:
    """What decides who may decide, read fresh: natural persons, so that nobody decides under a second account."""
    subject = Subject.of(proposal)
    return ProposalFacts(
        author_id=proposal.author.human,
        subject=subject.label,
        who=who_decides(subject),
        issuers=humans_of(_issuers(subject)),
        initiators=humans_of(UUID(str(one)) for one in proposal.backtest.get("initiators", ())),
    )


def _issuers(subject: Subject) -> frozenset[UUID]:
    """Who issued a credential that is still valid under the subject, or trusts an issuer whose tokens buy one."""
    under = Q()
    if subject.agent is not None:
        under = Q(agent=subject.agent)
    elif subject.team is not None:
        under = Q(agent__owner_team=subject.team)
    credentials = Credential.objects.filter(under, revoked_at=None, expires_at__gt=database_now())
    trusts = IssuerTrust.objects.filter(under, revoked_at=None)
    return frozenset(credentials.values_list("created_by_id", flat=True).union(trusts.values_list("created_by_id")))


def backtest_fault(proposal: PolicyProposal, *, now: datetime) -> str | None:
    """Why the backtest does not carry a decision now, or None."""
    basis = proposal.backtest.get("basis", {})
    return fault_of_backtest(backtest_at=proposal.backtest_at, now=now, basis=basis, in_force=basis_of(proposal))


def author_fault(proposal: PolicyProposal) -> str | None:
    """Why the author's half of the two no longer counts: the account is closed, or the right is gone."""
    if may_change(authority_of(proposal.author), Subject.of(proposal)):
        return None
    return f"{proposal.author.name} may no longer change this policy; somebody who may has to propose it again."


def basis_of(proposal: PolicyProposal) -> dict[str, str | None]:
    """The revisions in force that a backtest of the proposal has to rest on, by level: its own and those above."""
    subject = Subject.of(proposal)
    subjects = [ORGANISATION]
    if subject.agent is not None:
        subjects += [Subject.of_team(subject.agent.owner_team), subject]
    elif subject.team is not None:
        subjects.append(subject)
    found = {one.level.value: revision_in_force(one) for one in subjects}
    return {level: None if revision is None else str(revision.pk) for level, revision in found.items()}


@dataclass(frozen=True)
class Decider:
    """One person who is entitled to decide, and what stands in the way of approving, if anything does."""

    person: Person
    refusal: Refusal | None


def deciders_of(proposal: PolicyProposal) -> list[Decider]:
    """Everyone entitled to decide, those who may first, with the reason for each who may not."""
    subject = Subject.of(proposal)
    who = Q(role_assignments__role=Role.SECURITY.value)
    team = subject.agent.owner_team if subject.agent is not None else subject.team
    if team is not None:
        who |= Q(role_assignments__role=Role.MANAGER.value, role_assignments__team=team)
    people = Person.objects.filter(who, is_active=True).distinct().order_by("name", "email")
    facts = facts_of(proposal)
    found = [Decider(person, may_approve(person.human, facts, entitled=True)) for person in people]
    return sorted(found, key=lambda one: one.refusal is not None)
