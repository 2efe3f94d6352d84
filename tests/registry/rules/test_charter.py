# ruff: noqa: E501, ISC004 - golden sentences are easier to read whole
"""The charter as a sentence: golden ones word for word, and the grammar over every combination."""

import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from registry.rules.actions import CATALOGUE, ActionType, Reversibility
from registry.rules.catalogue import Catalogue, OwnAction
from registry.rules.charter import CharterFacts, charter, joined
from registry.rules.lifecycle import HumanPosition, Platform, Trigger
from registry.rules.modes import Mode
from registry.rules.policy import Policy, Scope, template
from registry.rules.restriction import Restriction
from registry.rules.tiers import Tier

GOLDEN = Path(__file__).parents[2] / "data" / "charters.txt"

FREE = ["read", "test", "edit.file", "commit", "lint"]
GATED = ["push.force", "pr.merge", "dependency.change", "ci.change", "tag.push"]
NEVER = ["secret.read", "deploy.production", "access.change", "policy.change", "outside.repository"]
REPOSITORIES = ("acme/checkout", "acme/web", "acme/api", "acme/app", "acme/infra")
BRANCHES = ("feature/**", "fix/**", "agent/**", "chore/**", "docs/**")


TASKS = ("refactor", "upgrade", "migration", "incident", "docs")


def facts(
    free: int = 2,
    gated: int = 2,
    never: int = 2,
    repositories: int = 1,
    branches: int = 1,
    *,
    tasks: int = 0,
    **other: Any,
) -> str:
    tiers = dict.fromkeys(FREE[:free], Tier.FREE)
    tiers |= dict.fromkeys(GATED[:gated], Tier.GATED)
    tiers |= dict.fromkeys(NEVER[:never], Tier.FORBIDDEN)
    given: dict[str, Any] = {
        "name": "Checkout Fixer",
        "platform": Platform.CLAUDE_CODE,
        "trigger": Trigger.PERSON,
        "team": "Payments",
        "accountable": "Mara Lind",
        "repositories": REPOSITORIES[:repositories],
        "branches": BRANCHES[:branches],
        "tasks": TASKS[:tasks],
        "tiers": tiers,
    }
    return charter(CharterFacts(**given | other))


START = "Checkout Fixer is a Claude Code agent of team Payments, answered for by Mara Lind; it works when a person starts it"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (
            {},
            ", may read files and run tests in acme/checkout on branch feature/**, needs an approval to force-push or "
            "merge pull requests, and may never read secrets or deploy to production.",
        ),
        (
            {"free": 3, "gated": 3, "never": 1, "repositories": 2, "branches": 3},
            ", may read files, run tests and edit files in acme/checkout and acme/web on branches feature/**, fix/** "
            "and agent/**, needs an approval to force-push, merge pull requests or change dependencies, and may never "
            "read secrets.",
        ),
        (
            {"free": 5, "gated": 5, "never": 4, "repositories": 5, "branches": 5},
            ", may read files, run tests, edit files and take 2 more free actions in acme/checkout, acme/web, "
            "acme/api and 2 more repositories on branches feature/**, fix/**, agent/** and 2 more, needs an approval "
            "to force-push, merge pull requests, change dependencies or take 2 more gated actions, and may never read "
            "secrets, deploy to production, change access or change policies.",
        ),
        (
            {"free": 0, "gated": 1, "never": 0},
            ", may do nothing without an approval in acme/checkout on branch feature/**, and needs an approval to "
            "force-push.",
        ),
        ({"free": 1, "gated": 0, "never": 0}, " and may read files in acme/checkout on branch feature/**."),
        (
            {"free": 1, "gated": 0, "never": 0, "branches": 0},
            " and may read files in acme/checkout on no branch.",
        ),
        ({"repositories": 0}, " and may do nothing yet because no repository is in its scope."),
    ],
)
def test_golden_sentences(counts: dict[str, int], expected: str) -> None:
    assert facts(**counts) == START + expected


def test_golden_for_the_template() -> None:
    policy = Policy(scope=Scope(repositories=("acme/checkout",), branches_allowed=("fix/**",)), tiers=template().tiers)
    sentence = charter(
        CharterFacts.of(
            policy,
            name="Nightly",
            platform=Platform.OTHER,
            trigger=Trigger.SCHEDULE,
            team="Team Rocket",
            human_position=HumanPosition.OFF_LOOP,
        )
    )
    assert sentence == (
        "Nightly is an agent of Team Rocket, answered for by nobody yet; it works on a schedule with nobody watching, "
        "may read files, run tests, edit files and take 7 more free actions in acme/checkout on branch fix/**, needs "
        "an approval to force-push, merge pull requests, change dependencies or take 13 more gated actions, and may "
        "never read secrets, deploy to production, change access or take 2 more forbidden actions."
    )


COUNTS = (0, 1, 2, 4, 5)


@pytest.mark.parametrize(("free", "gated", "never"), list(product(COUNTS, repeat=3)))
def test_the_grammar_holds(free: int, gated: int, never: int) -> None:
    for repositories, branches, tasks in product(COUNTS, COUNTS, (0, 1, 4, 5)):
        sentence = facts(free, gated, never, repositories, branches, tasks=tasks)
        assert sentence.endswith(".")
        assert sentence.count(".") == 1
        assert sentence == sentence.strip()
        assert not re.search(r"  |,,|, ,|, and ,|and and|or or|, or |,\.| \.| ,|and \.|\b1 more\b|None", sentence)
        assert sentence.count(";") == 1
        assert sentence.count(", and ") <= 1
        assert sentence == facts(free, gated, never, repositories, branches, tasks=tasks)


def test_counts_are_true() -> None:
    for number in range(len(CATALOGUE)):
        tiers = dict.fromkeys(list(CATALOGUE)[:number], Tier.FREE)
        sentence = facts(tiers=tiers)
        said = re.search(r"take (\d+) more free actions", sentence)
        assert (int(said[1]) + 3 if said else number) == number
        assert bool(said) == (number > 4)


@pytest.mark.parametrize(("platform", "trigger", "position"), list(product(Platform, Trigger, [None, *HumanPosition])))
def test_every_kind_of_agent_has_words(platform: Platform, trigger: Trigger, position: HumanPosition | None) -> None:
    sentence = facts(platform=platform, trigger=trigger, human_position=position)
    assert re.search(r" is an? ([A-Z][\w ]+ )?agent of team ", sentence)
    assert "; it works " in sentence


@pytest.mark.parametrize(
    "name", ["", "  ", "A.", "A; rm", "Fixer\nis harmless", "x\u202ey", "a\u200bb", "Fix  er", ", and ,"]
)
def test_names_cannot_break_the_sentence(name: str) -> None:
    for sentence in (facts(name=name), facts(team=name), facts(accountable=name)):
        assert sentence.endswith(".")
        assert sentence.isprintable()
        assert "  " not in sentence
        assert ". is" not in sentence
        assert not sentence.startswith((" ", ","))


def golden() -> list[str]:
    """Each dimension over all its values with the others at rest, and then all of them turning at once."""
    turning: list[dict[str, Any]] = [
        {name: count} for name in ("free", "gated", "never", "repositories", "branches", "tasks") for count in range(6)
    ]
    turning += [
        {"platform": platform, "trigger": trigger, "human_position": position}
        for platform, trigger, position in product(Platform, Trigger, [None, *HumanPosition])
    ]
    turning += [{"name": name, "team": team, "accountable": who} for name, team, who in product(["", "A"], repeat=3)]
    turning += [
        {
            "free": step % 6,
            "gated": step // 6 % 6,
            "never": step // 2 % 6,
            "repositories": step // 3 % 6,
            "branches": step // 5 % 6,
            "tasks": step // 7 % 6,
            "platform": list(Platform)[step % len(Platform)],
            "trigger": list(Trigger)[step // 4 % 3],
            "human_position": list(HumanPosition)[step // 11 % 3],
        }
        for step in range(144)
    ]
    return [f"{_key(given)} | {facts(**given)}" for given in turning]


def _key(given: dict[str, Any]) -> str:
    return " ".join(f"{name}={value or '-'}" for name, value in given.items())


def test_the_golden_file() -> None:
    """Written anew by ``python -m tests.registry.rules.test_charter``; then read it before committing it."""
    assert golden() == GOLDEN.read_text(encoding="utf-8").splitlines()
    assert len(set(golden())) > 200


def test_task_types_are_named() -> None:
    assert "it works when a person starts it, takes on only refactor tasks, may read files" in facts(tasks=1)
    assert "takes on only refactor, upgrade, migration and incident tasks" in facts(tasks=4)
    assert "takes on only refactor, upgrade, migration and 2 more types of task" in facts(tasks=5)


def test_the_levels_above_count_and_a_pin_is_not_read_out() -> None:
    policy = replace(template(), scope=Scope(repositories=("acme/checkout#7",), branches_allowed=("fix/**",)))
    given: dict[str, Any] = {"name": "Nightly", "platform": Platform.OTHER, "trigger": Trigger.PERSON}
    above = Restriction(tiers=dict.fromkeys(CATALOGUE, Tier.FORBIDDEN))
    assert "in acme/checkout on branch" in charter(CharterFacts.of(policy, **given))
    assert "may do nothing in acme/checkout" in charter(CharterFacts.of(policy, above=[Restriction(), above], **given))


def test_no_team_and_nobody_are_said() -> None:
    assert "of no team yet, answered for by nobody yet; it" in facts(team=" ", accountable="")
    assert facts(name="").startswith("This agent is a Claude Code agent")


def test_joined() -> None:
    assert [joined("abc"[:n], "or") for n in (1, 2, 3)] == ["a", "a or b", "a, b or c"]


if __name__ == "__main__":
    GOLDEN.write_text("\n".join(golden()) + "\n", encoding="utf-8")


def test_a_gate_that_is_only_watched_is_not_called_an_approval() -> None:
    tiers = {**dict.fromkeys(CATALOGUE, Tier.FORBIDDEN), "read": Tier.FREE, "test": Tier.GATED, "lint": Tier.GATED}
    policy = Policy(
        scope=Scope(repositories=("acme/checkout",), branches_allowed=("fix/**",)),
        tiers=tiers,
        modes={"tier.test": Mode.OBSERVE, "limits.files": Mode.WARN, "limits.lines": Mode.ENFORCE},
    )
    given: dict[str, Any] = {"name": "Nightly", "platform": Platform.OTHER, "trigger": Trigger.SCHEDULE}
    assert ", ".join(charter(CharterFacts.of(policy, **given)).split(", ")[2:6]) == (
        "may read files in acme/checkout on branch fix/**, may for now run tests without the approval its policy "
        "names, needs an approval to run linters, is only watched by 1 rule of its scope and limits"
    )
    # A level above that gates the same and enforces it is what counts.
    above = [Restriction(tiers={"test": Tier.GATED})]
    sentence = charter(CharterFacts.of(policy, above=above, **given))
    assert "needs an approval to run tests or run linters" in sentence
    assert "for now" not in sentence
    only = replace(policy, tiers={**tiers, "read": Tier.GATED}, modes={"tier.read": Mode.WARN})
    assert "may for now read files in acme/checkout on branch fix/** without the approval" in charter(
        CharterFacts.of(only, **given)
    )


def test_the_organisations_own_actions_count() -> None:
    kind = ActionType(
        "acme.release", "Release a service", Reversibility.IRREVERSIBLE, Tier.GATED, "It replaces what runs."
    )
    policy = Policy(scope=Scope(repositories=("acme/checkout",)), tiers=dict.fromkeys(CATALOGUE, Tier.FORBIDDEN))
    sentence = charter(
        CharterFacts.of(
            policy,
            name="Nightly",
            platform=Platform.OTHER,
            trigger=Trigger.SCHEDULE,
            catalogue=Catalogue([OwnAction(kind=kind)]),
        )
    )
    assert "needs an approval to release a service" in sentence
