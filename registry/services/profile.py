"""What is said about an agent: checked in one place for drafts, and changed with a reason once it is registered."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Membership, Person, Team
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.rules.canonical import canonicalize
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import record_events as events
from registry.models import Agent
from registry.rules.lifecycle import AgentState, Criticality, HumanPosition, Platform, Trigger
from registry.rules.texts import MOST_NAME, MOST_TEXT, fault_in, faults_in_links
from registry.selectors.agents import may_manage
from registry.services.locking import lock_agent

# Pages of the registry live at these places under /agents/.
RESERVED_SLUGS = frozenset({"register", "import"})
_ENUMS: dict[str, type[StrEnum]] = {
    "platform": Platform,
    "trigger": Trigger,
    "human_position": HumanPosition,
    "criticality": Criticality,
}
# What an edit of a registered agent changes; who answers for it is changed by services.ownership.
EDITED = (
    "name", "platform", "purpose", "trigger", "human_position", "criticality", "data_touched", "links",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a manager says about an agent; everything but the platform may be missing in a draft."""

    name: str
    platform: str
    purpose: str = ""
    trigger: str = "person"
    human_position: str = "on_loop"
    criticality: str = "medium"
    data_touched: str = ""
    links: list[dict[str, str]] = field(default_factory=list)
    accountable_person: Person | None = None
    deputy: Person | None = None

    @classmethod
    def of(cls, agent: Agent) -> "Profile":
        """What is stored about the agent now, to change a part of it."""
        return cls(**{one.name: getattr(agent, one.name) for one in fields(cls)})

    @property
    def edited(self) -> dict[str, Any]:
        """The part that an edit changes, JSON-safe."""
        return {name: getattr(self, name) for name in EDITED}

    @property
    def digest(self) -> str:
        """Says whether somebody else changed the agent while a form was open."""
        return hashlib.sha256(canonicalize(self.edited)).hexdigest()

    def columns(self) -> dict[str, Any]:
        """The values of the agent's columns."""
        return {one.name: getattr(self, one.name) for one in fields(self)} | {"name": self.name.strip()}


@transaction.atomic(durable=True)
def change_profile(
    *, actor: Person, agent: Agent, changes: Mapping[str, Any], reason: str, based_on: str | None = None
) -> Agent:
    """Change what is said about a registered agent. Its address stays, so that links to it go on working.

    ``based_on`` is the digest of what the editor started from: Conflict when another edit came in between.
    """
    agent = lock_agent(agent)
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} changes {agent.name}. Nothing was changed.")
    if agent.state == AgentState.DRAFT.value:
        raise Conflict(f"{agent.name} is a draft; go on registering it. Nothing was changed.")
    if agent.state == AgentState.RETIRED.value:
        raise Conflict(f"{agent.name} is retired; its record is history. Nothing was changed.")
    refuse_reason(reason, "changed")
    before = Profile.of(agent)
    if based_on is not None and based_on != before.digest:
        raise Conflict(
            f"Somebody changed {agent.name} while you were editing. Nothing was changed; look at what it says now."
        )
    after = Profile(**{**vars(before), **changes})
    slug = validated(after)
    if not after.purpose.strip():
        raise InvalidInput(
            "A registered agent has a purpose. Nothing was changed.",
            errors=[{"pointer": "/purpose", "detail": "must not be empty"}],
        )
    changed = [name for name in EDITED if before.edited[name] != after.columns()[name]]
    if not changed:
        raise InvalidInput(f"Nothing in it differs from what {agent.name} says now. Nothing was changed.")
    if Agent.objects.filter(slug=slug).exclude(pk=agent.pk).exists():
        raise name_taken(after.name)
    for name in changed:
        setattr(agent, name, after.columns()[name])
    save_unless_taken(agent)
    event = events.AgentChanged(
        fields=changed,
        before={name: before.edited[name] for name in changed},
        after={name: after.columns()[name] for name in changed},
        reason=reason.strip(),
    )
    append(event, actor=actor_for(actor), at=database_now(), agent_id=agent.pk)
    return agent


def validated(profile: Profile) -> str:
    """The slug of a profile that can be stored; raises InvalidInput with everything that is wrong in it."""
    texts = {
        "name": fault_in(profile.name, most=MOST_NAME),
        "purpose": fault_in(profile.purpose, most=MOST_TEXT, required=False, lines=True),
        "data_touched": fault_in(profile.data_touched, most=MOST_TEXT, required=False, lines=True),
    }
    errors = [{"pointer": f"/{name}", "detail": fault} for name, fault in texts.items() if fault]
    errors += [{"pointer": "/links", "detail": fault} for fault in faults_in_links(profile.links)]
    for name, enum in _ENUMS.items():
        if getattr(profile, name) not in {item.value for item in enum}:
            errors.append({"pointer": f"/{name}", "detail": f"must be one of {', '.join(enum)}"})
    slug = slugify(profile.name)
    if not texts["name"] and not slug:
        errors.append({"pointer": "/name", "detail": "needs at least one letter from a to z or a digit"})
    if slug in RESERVED_SLUGS:
        errors.append({"pointer": "/name", "detail": f"{slug} is the address of a page; choose another name"})
    if errors:
        raise InvalidInput("The agent's description is not valid. Nothing was saved.", errors=errors)
    return slug


def save_unless_taken(agent: Agent) -> None:
    """Store the agent; Conflict when its name or address is another's."""
    try:
        with transaction.atomic():
            agent.save()
    except IntegrityError as error:
        raise name_taken(agent.name) from error


def name_taken(name: str) -> Conflict:
    # Names that differ only in signs share an address, so the slug counts as the name here.
    return Conflict(
        f"An agent called {name}, or by nearly that name, exists already. Nothing was saved.",
        errors=[{"pointer": "/name", "detail": "is taken"}],
    )


def faults_of_people(*, team: Team, accountable_person: Person | None, deputy: Person | None) -> list[dict[str, str]]:
    """What is wrong with who shall answer for an agent: people, active, in the team, and two of them."""
    faults = []
    if accountable_person is None:
        faults.append({"pointer": "/accountable_person", "detail": "name the person who answers for it"})
    elif not _active_in(team, accountable_person):
        faults.append({"pointer": "/accountable_person", "detail": "must be an active member of the owner team"})
    if deputy is not None and deputy == accountable_person:
        faults.append({"pointer": "/deputy", "detail": "must be somebody else than the accountable person"})
    elif deputy is not None and not _active_in(team, deputy):
        faults.append({"pointer": "/deputy", "detail": "must be an active member of the owner team"})
    return faults


def refuse_reason(reason: str, done: str) -> None:
    """Every act on a registered agent has a reason that can be stored and shown."""
    fault = fault_in(reason, most=MOST_TEXT, lines=True)
    if fault:
        raise InvalidInput(f"The reason {fault}. Nothing was {done}.", errors=[{"pointer": "/reason", "detail": fault}])


def _active_in(team: Team, person: Person) -> bool:
    return Membership.objects.filter(person=person, team=team, person__is_active=True).exists()
