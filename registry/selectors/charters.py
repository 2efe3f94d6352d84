"""The charter of an agent as it stands: facts read from the rows, the sentence made by the rules."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from registry.models import Agent, PolicyLevel, PolicyRevision
from registry.rules.catalogue import BUILT_IN, Catalogue
from registry.rules.charter import CharterFacts, charter
from registry.rules.levels import Level
from registry.rules.lifecycle import HumanPosition, Platform, Trigger
from registry.rules.policy import Policy, PolicyError
from registry.rules.restriction import Baseline, Restriction

_MOST_READ = 2_000
_read: dict[UUID, Policy] = {}


def charter_of(agent: Agent) -> str:
    """The sentence for an agent; a draft's policy counts as far as it can be read."""
    return charters_of([agent])[agent.pk]


def charters_of(agents: Iterable[Agent]) -> dict[UUID, str]:
    """The sentences of a page of agents whose teams, people and revisions are loaded: one query for all of them."""
    page = list(agents)
    keys = {_ORGANISATION, *(f"{Level.TEAM}:{agent.owner_team_id}" for agent in page)}
    rows = PolicyLevel.objects.filter(key__in=keys).values_list("key", "revision__document")
    above = {key: (Baseline if key == _ORGANISATION else Restriction).stored(document) for key, document in rows}
    organisation = above.get(_ORGANISATION)
    catalogue = organisation.catalogue if isinstance(organisation, Baseline) else BUILT_IN
    return {agent.pk: _charter(agent, above, catalogue) for agent in page}


_ORGANISATION = Level.ORGANISATION.value


def _charter(agent: Agent, above: Mapping[str, Restriction], catalogue: Catalogue) -> str:
    keys = (_ORGANISATION, f"{Level.TEAM}:{agent.owner_team_id}")
    return charter(
        CharterFacts.of(
            policy_of(agent),
            above=[above[key] for key in keys if key in above],
            catalogue=catalogue,
            name=agent.name or "This agent",
            platform=Platform(agent.platform),
            trigger=Trigger(agent.trigger),
            human_position=HumanPosition(agent.human_position),
            team=agent.owner_team.name,
            accountable=agent.accountable_person.name if agent.accountable_person else "",
        )
    )


def policy_of(agent: Agent) -> Policy:
    """The policy in force, or what can be read of a draft's."""
    if agent.revision is not None:
        return _stored(agent.revision)
    return readable(agent.draft)


def _stored(revision: PolicyRevision) -> Policy:
    """A revision never changes, so it is read once in a process: reading is most of what a long list costs."""
    known = _read.get(revision.pk)
    if known is None:
        if len(_read) >= _MOST_READ:
            _read.clear()
        known = _read[revision.pk] = Policy.stored(revision.document)
    return known


def readable(document: dict[str, Any]) -> Policy:
    """The policy of a document without the entries that are at fault. Only for showing a draft, never for deciding.

    The organisation's own actions stay, whether or not they are in its catalogue now.
    """
    kept = copy.deepcopy(document)
    # A second time for what cannot be read because of something else that is missing: its whole member goes.
    for whole in (False, True):
        try:
            return Policy.stored(kept)
        except PolicyError as error:
            # From the end, so that taking out one entry does not move the others.
            for fault in sorted(error.errors, key=_place, reverse=True):
                _take_out(kept, fault["pointer"].split("/")[1:2] if whole else fault["pointer"].split("/")[1:])
    try:
        return Policy.stored(kept)
    except PolicyError:
        return Policy()


def _place(fault: dict[str, str]) -> tuple[str, int]:
    parent, _, last = fault["pointer"].rpartition("/")
    return (parent, int(last)) if last.isdecimal() else (fault["pointer"], 0)


def _take_out(document: Any, path: list[str]) -> None:
    for part in path[:-1]:
        document = document.get(part) if isinstance(document, dict) else None
    last = path[-1] if path else ""
    if isinstance(document, list) and last.isdecimal() and int(last) < len(document):
        del document[int(last)]
    elif isinstance(document, dict):
        document.pop(last.replace("~1", "/").replace("~0", "~"), None)
