"""The charter: one sentence, made from facts, that says what an agent is, who answers, and what it may do.

The same facts give the same sentence. Long lists are cut to the most telling entries and a true count of
the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from registry.rules.actions import CATALOGUE
from registry.rules.catalogue import BUILT_IN, Catalogue
from registry.rules.lifecycle import HumanPosition, Platform, Trigger
from registry.rules.modes import RULES, Mode
from registry.rules.patterns import split_pin
from registry.rules.policy import Policy
from registry.rules.restriction import Restriction
from registry.rules.tiers import Tier, strictest

MOST_ACTIONS = 3
MOST_PLACES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterFacts:
    """What the sentence is made from. ``team`` and ``accountable`` are names, empty while there is none.

    ``watched`` are gated actions whose gate is only observed or warned about, ``loose`` is how many other rules of
    the agent's own policy are; ``labels`` are those of the organisation's own actions.
    """

    name: str
    platform: Platform
    trigger: Trigger
    team: str = ""
    accountable: str = ""
    human_position: HumanPosition | None = None
    repositories: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    tiers: Mapping[str, Tier]
    watched: frozenset[str] = frozenset()
    loose: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        policy: Policy,
        *,
        name: str,
        platform: Platform,
        trigger: Trigger,
        team: str = "",
        accountable: str = "",
        human_position: HumanPosition | None = None,
        above: Iterable[Restriction] = (),
        catalogue: Catalogue = BUILT_IN,
    ) -> "CharterFacts":
        """Return the facts of an agent held to ``policy`` under the levels ``above``, with the tiers that count."""
        levels = tuple(above)
        own = {
            key: strictest(policy.tiers.get(key, kind.default_tier), catalogue.floors[key])
            for key, kind in catalogue.items()
        }
        said = [(own, policy.modes), *((one.tiers, one.modes) for one in levels)]
        tiers = {key: strictest(*(level[key] for level, _ in said if key in level)) for key in catalogue}
        return cls(
            name=name,
            platform=platform,
            trigger=trigger,
            team=team,
            accountable=accountable,
            human_position=human_position,
            repositories=tuple(dict.fromkeys(split_pin(name)[0] for name in policy.scope.repositories)),
            branches=policy.scope.branches_allowed,
            tasks=tuple(policy.tasks),
            tiers=tiers,
            watched=frozenset(
                key
                for key, tier in tiers.items()
                if tier is Tier.GATED and catalogue.floors[key] is Tier.FREE and not _enforced(key, said)
            ),
            loose=sum(policy.modes.get(rule, Mode.ENFORCE) is not Mode.ENFORCE for rule in RULES),
            labels={one.kind.key: one.kind.label for one in catalogue.own},
        )


def _enforced(key: str, said: Iterable[tuple[Mapping[str, Tier], Mapping[str, Mode]]]) -> bool:
    """Whether any level that gates the action enforces it: a mode belongs to the document of its rule."""
    modes = [modes.get(f"tier.{key}", Mode.ENFORCE) for tiers, modes in said if tiers.get(key) is Tier.GATED]
    return not modes or Mode.ENFORCE in modes


_PLATFORM = {
    Platform.CLAUDE_CODE: "a Claude Code agent",
    Platform.CODEX: "a Codex agent",
    Platform.COPILOT: "a GitHub Copilot agent",
    Platform.CURSOR: "a Cursor agent",
    Platform.GEMINI: "a Gemini agent",
    Platform.DROID: "a Droid agent",
    Platform.OTHER: "an agent",
}
_TRIGGER = {
    Trigger.PERSON: "works when a person starts it",
    Trigger.SCHEDULE: "works on a schedule",
    Trigger.WEBHOOK: "works when a webhook calls it",
}
_POSITION = {
    HumanPosition.IN_LOOP: " with a person at each step",
    HumanPosition.ON_LOOP: " with a person watching",
    HumanPosition.OFF_LOOP: " with nobody watching",
}
# What a reader most needs to know comes first; the rest follows in the catalogue's order.
_TELLING = (
    "push.force",
    "pr.merge",
    "secret.read",
    "deploy.production",
    "access.change",
    "dependency.change",
    "read",
    "test",
    "edit.file",
)


def charter(agent_facts: CharterFacts) -> str:
    """Return the sentence. It is plain text: whoever shows it escapes it."""
    facts = agent_facts
    who = f"{_name(facts.name) or 'This agent'} is {_PLATFORM[facts.platform]} of {_team(facts.team)}"
    answer = f"answered for by {_name(facts.accountable) or 'nobody yet'}"
    works = _TRIGGER[facts.trigger] + (_POSITION[facts.human_position] if facts.human_position else "")
    return f"{who}, {answer}; it {_clauses([works, *_tasks(facts.tasks), *_powers(facts)])}."


def _tasks(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    if len(names) <= MOST_PLACES + 1:
        return [f"takes on only {joined(names, 'and')} tasks"]
    rest = f"{len(names) - MOST_PLACES} more"
    return [f"takes on only {joined([*names[:MOST_PLACES], rest], 'and')} types of task"]


def _powers(facts: CharterFacts) -> list[str]:
    if not facts.repositories:
        return ["may do nothing yet because no repository is in its scope"]
    free, gated, forbidden = (_verbs(facts, tier) for tier in (Tier.FREE, Tier.GATED, Tier.FORBIDDEN))
    watched = _verbs(facts, Tier.GATED, watched=True)
    where = f"in {_places(facts.repositories, 'repository', 'repositories')} {_branches(facts.branches)}"
    powers = []
    if free:
        powers.append(f"may {_shortened(free, 'and', 'free')} {where}")
    elif not watched:
        powers.append(f"may do nothing without an approval {where}" if gated else f"may do nothing {where}")
    if watched:
        place = "" if free else f" {where}"
        powers.append(f"may for now {_shortened(watched, 'and', 'gated')}{place} without the approval its policy names")
    if gated:
        powers.append(f"needs an approval to {_shortened(gated, 'or', 'gated')}")
    if facts.loose:
        rules = "1 rule" if facts.loose == 1 else f"{facts.loose} rules"
        powers.append(f"is only watched by {rules} of its scope and limits")
    if forbidden:
        powers.append(f"may never {_shortened(forbidden, 'or', 'forbidden')}")
    return powers


def _clauses(clauses: Sequence[str]) -> str:
    # A comma stands before the last "and" because the clauses hold lists of their own.
    return clauses[0] + " and " + clauses[1] if len(clauses) == 2 else ", ".join(clauses[:-1]) + ", and " + clauses[-1]


def _verbs(facts: CharterFacts, tier: Tier, *, watched: bool = False) -> list[str]:
    """What is of this tier, of the gated either what waits (the usual) or what is only watched."""
    known = [*CATALOGUE, *facts.labels]
    keys = [key for key in known if facts.tiers.get(key) is tier and (key in facts.watched) is watched]
    ordered = [key for key in _TELLING if key in keys] + [key for key in keys if key not in _TELLING]
    return [_lower(_name(facts.labels.get(key) or CATALOGUE[key].label)) for key in ordered]


def _lower(label: str) -> str:
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _shortened(verbs: Sequence[str], word: str, tier: str) -> str:
    # One left over is named: "1 more" would be as long and say less.
    if len(verbs) <= MOST_ACTIONS + 1:
        return joined(verbs, word)
    rest = len(verbs) - MOST_ACTIONS
    return joined([*verbs[:MOST_ACTIONS], f"take {rest} more {tier} actions"], word)


def _branches(patterns: Sequence[str]) -> str:
    return f"on {_places(patterns, 'branch', 'branches')}" if patterns else "on no branch"


def _places(names: Sequence[str], one: str, many: str) -> str:
    if len(names) <= MOST_PLACES + 1:
        return (
            joined(names, "and")
            if one == "repository"
            else f"{one if len(names) == 1 else many} {joined(names, 'and')}"
        )
    rest = f"{len(names) - MOST_PLACES} more"
    if one == "repository":
        return joined([*names[:MOST_PLACES], f"{rest} {many}"], "and")
    return f"{many} {joined([*names[:MOST_PLACES], rest], 'and')}"


def joined(items: Iterable[str], word: str) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    *most, last = items
    return f"{', '.join(most)} {word} {last}" if most else last


def _team(name: str) -> str:
    cleaned = _name(name)
    if not cleaned:
        return "no team yet"
    return cleaned if cleaned.lower().startswith("team ") else f"team {cleaned}"


def _name(text: str) -> str:
    """Return a name in one line, without unseen characters or signs that would end the sentence."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split()).strip(" .;,")
