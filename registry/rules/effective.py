"""Everything that counts for one agent: its policy, the levels above it, its task types, ready to be asked.

Each level is asked by itself and the strictest answer counts, so no level can loosen another. A level that says
nothing about something is not asked about it. Pure: the same documents give the same, and the caller may keep it
by the revisions it was made from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from registry.rules.catalogue import BUILT_IN, Catalogue
from registry.rules.composition import fingerprint
from registry.rules.levels import Level
from registry.rules.modes import Mode
from registry.rules.numbers import ApprovalRule, Limits, strictest_approval, strictest_limits
from registry.rules.policy import Policy
from registry.rules.restriction import Baseline, Restriction
from registry.rules.scope import CompiledScope, compile_lists, compile_scope
from registry.rules.tiers import Tier, strictest

__all__ = ["CompiledLayer", "Effective", "compile_effective", "compile_narrowing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledLayer:
    """One level, ready to be asked. ``whole`` marks the agent's own: what it does not list is not allowed.

    ``tiers`` holds every action of the catalogue in the agent's own layer, elsewhere those that were written.
    """

    level: Level
    scope: CompiledScope
    tiers: Mapping[str, Tier]
    limits: Mapping[str, int]
    approval: Mapping[str, int]
    modes: Mapping[str, Mode]
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """What counts for one agent. Holds no state, so one instance serves every thread."""

    policy: Policy
    catalogue: Catalogue
    layers: tuple[CompiledLayer, ...]
    tasks: Mapping[str, CompiledLayer]
    fingerprint: str | None
    floors: Mapping[str, Tier] = field(repr=False)

    @property
    def own(self) -> CompiledLayer:
        """Return the agent's own level."""
        return self.layers[-1]

    @property
    def scope(self) -> CompiledScope:
        """Return the agent's own scope."""
        return self.own.scope

    def with_task(self, task: str | None) -> tuple[CompiledLayer, ...]:
        """Return the levels that count for work of this task type, from the organisation down."""
        layer = None if task is None else self.tasks.get(task)
        return self.layers if layer is None else (*self.layers, layer)

    def names_pinned_to(self, name: str | None, host_id: str) -> frozenset[str]:
        """Return the names by which any level knows the repository that has this id at its host."""
        lists = (layer.scope.repositories for layer in (*self.layers, *self.tasks.values()))
        return frozenset[str]().union(*(one.names_pinned_to(name, host_id) for one in lists if one is not None))

    def tier(self, key: str, task: str | None = None) -> Tier:
        """Return the tier of an action over all levels; a key not known counts as ``unknown``."""
        return self.tier_of(key, task)[0]

    def tier_of(self, key: str, task: str | None = None) -> tuple[Tier, Level]:
        """Return the tier of an action, and the highest level that makes it as strict as it is."""
        known = self.catalogue.action_type(key).key
        tier = self.floors[known]
        level = Level.AGENT if tier is Tier.FREE else Level.ORGANISATION
        for layer in self.layers_saying(known, task):
            if layer.tiers[known].rank > tier.rank:
                tier, level = layer.tiers[known], layer.level
        return tier, level

    def layers_saying(self, key: str, task: str | None = None) -> Iterator[CompiledLayer]:
        """Return the levels that say something about an action's tier."""
        return (layer for layer in self.with_task(task) if key in layer.tiers)

    def approval(self, task: str | None = None) -> ApprovalRule:
        """Return the strictest approval rule over all levels."""
        return strictest_approval(self.policy.approval, (layer.approval for layer in self.with_task(task)))

    def limits(self, task: str | None = None) -> Limits:
        """Return the strictest limits over all levels."""
        return strictest_limits(self.policy.limits, (layer.limits for layer in self.with_task(task)))


def compile_effective(
    policy: Policy, *, organisation: Baseline | None = None, team: Restriction | None = None
) -> Effective:
    """Compile the agent's policy with the levels above it; settles the tier of every action."""
    catalogue = organisation.catalogue if organisation is not None and organisation.actions else BUILT_IN
    above = [
        _restricting(restriction, level)
        for restriction, level in ((organisation, Level.ORGANISATION), (team, Level.TEAM))
        if restriction is not None and restriction.to_document().keys() - {"actions"}
    ]
    own = CompiledLayer(
        level=Level.AGENT,
        scope=compile_scope(policy.scope),
        tiers=MappingProxyType({key: _tier(policy, key, catalogue) for key in catalogue}),
        limits=MappingProxyType({"files": policy.limits.files, "lines": policy.limits.lines}),
        approval=MappingProxyType({}),
        modes=policy.modes,
        whole=True,
    )
    pinned = policy.composition.pinned
    return Effective(
        policy=policy,
        catalogue=catalogue,
        layers=(*above, own),
        tasks=MappingProxyType({name: _restricting(task, Level.TASK) for name, task in policy.tasks.items()}),
        fingerprint=fingerprint(pinned) if pinned else None,
        floors=catalogue.floors,
    )


def compile_narrowing(document: object) -> CompiledLayer | None:
    """Compile what narrows a credential (``Credential.scope``); None when it narrows nothing."""
    restriction = Restriction.stored(document)
    return _restricting(restriction, Level.CREDENTIAL) if restriction.to_document() else None


def _tier(policy: Policy, key: str, catalogue: Catalogue) -> Tier:
    return strictest(policy.tiers.get(key, catalogue[key].default_tier), catalogue.floors[key])


def _restricting(restriction: Restriction, level: Level) -> CompiledLayer:
    return CompiledLayer(
        level=level,
        scope=compile_lists(restriction.scope),
        tiers=restriction.tiers,
        limits=restriction.limits,
        approval=restriction.approval,
        modes=restriction.modes,
    )
