"""Strategies that draw policies, restrictions and questions about the same few names, so that they often meet."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from approvals.rules.authorize import Outcome, Question, Standing
from approvals.rules.classify import Action
from registry.rules.actions import BASELINE, ActionType, Reversibility
from registry.rules.catalogue import OwnAction
from registry.rules.composition import Composition
from registry.rules.modes import RULES, Mode
from registry.rules.policy import ApprovalRule, Limits, Policy, Scope
from registry.rules.restriction import Baseline, Restriction
from registry.rules.tiers import Tier, strictest

FINE = Standing(agent_state="active", credential_ok=True)
RANK = {Outcome.ALLOW: 0, Outcome.REVIEW: 1, Outcome.DENY: 2}

_LISTS: dict[str, list[str]] = {
    "repositories": ["o/a", "o/b", "o/a*", "o/*", "o/a#1", "o/a#2", "p/z#1", "h.x/o/a", "h.x/o/a#1", "h.x/o/**"],
    "branches_allowed": ["f/**", "f/a", "f/*", "g/a*", "main"],
    "branches_protected": ["main", "f/a", "**", "F/*"],
    "paths_allowed": ["**", "src/**", "/src/a", "*.py", "src/", "docs/*"],
    "paths_blocked": ["src/b/", "*.pem", "**/b", "SRC/**", "a"],
    "environments": ["ta", "t*", "tb", "s?"],
    "hosts": ["a.x.y", "*.x.y", "b.x.y:80"],
    "models": ["*", "c-*", "p/*", "p/c-1", "c-1", "**"],
    "tools": ["Bash", "mcp__*", "mcp__g__*", "Edit", "B*"],
    "commands_allowed": ["git", "git push", "git *", "npm run *", "npm", "g* push"],
    "commands_blocked": ["git push", "git", "npm publish", "npm *", "GIT push *", "n* run"],
    "credentials": ["app", "key", "k*"],
}
_NAMED: dict[str, list[str | None]] = {
    "repository": [
        None,
        "o/a",
        "O/A",
        "o/b",
        "o/ab",
        "p/z",
        "q/r",
        "h.x/o/a",
        "h.x/o/n/m",
        "o/../a",
        "https://github.com/o/a",
    ],
    "repository_id": [None, "1", "2", "3", "x"],
    "branch": [None, "main", "f/a", "f/b/c", "g/ab", "z", "..", "refs/heads/f/a"],
    "environment": [None, "ta", "tb", "sx", "production"],
    "model": [None, "c-1", "p/c-1", "q/c-1", "d", "p/q/r", " "],
    "provider": [None, "p", "q", "P"],
    "tool": [None, "Bash", "Edit", "mcp__g__x", "mcp__h", "mсp__g__x", ""],
    "credential": [None, "app", "key", "other", "APP"],
    "task": [None, "fix", "move", "other"],
    "fingerprint": [None, "0" * 64, "1" * 64],
}
_TYPES = ["read", "edit.file", "push.branch", "push.protected", "commit", "network.fetch", "network.write", "unknown",
          "infra.change", "secret.read", "outside.repository", "acme.release", "no.such"]  # fmt: skip
_PATHS = ["src/a", "src/b/c", "src/x.pem", "a.py", "docs/a", "docs/b/a", "/src/a", "src/../a", "SRC/a", "."]
_COMMANDS: list[tuple[str | None, ...]] = [
    (), ("git",), ("git", "push"), ("git", "-C", "x", "push", "y"), ("git", "status"), ("/usr/bin/Git", "push"),
    ("npm", "run", "test"), ("npm", None, "publish"), ("npm", "--tag", None, "publish"), ("npm", "publish"),
    (None, "push"), ("git", "commit", "-m", "push"),
]  # fmt: skip

OWN = OwnAction(
    kind=ActionType("acme.release", "Release", Reversibility.HARD_TO_REVERSE, Tier.FREE, "It releases."),
    tools=("mcp__acme__release",),
    commands=("acme-release",),
)


def some(values: list[str], most: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


def _lists(names: list[str]) -> dict[str, st.SearchStrategy[tuple[str, ...]]]:
    return {name: some(_LISTS[name]) for name in names}


_LATER = ["tools", "commands_allowed"]
SCOPES = st.fixed_dictionaries(_lists([name for name in _LISTS if name not in _LATER]), optional=_lists(_LATER)).map(
    lambda lists: Scope(**lists)
)

_KEYS = [
    "read",
    "edit.file",
    "push.branch",
    "push.protected",
    "network.fetch",
    "network.write",
    "infra.change",
    "unknown",
]
TIERS = st.dictionaries(st.sampled_from([*_KEYS, "acme.release"]), st.sampled_from(Tier), max_size=4).map(
    lambda tiers: {key: strictest(tier, BASELINE.get(key, Tier.FREE)) for key, tier in tiers.items()}
)
MODES = st.dictionaries(
    st.sampled_from(
        [*RULES, "tier.read", "tier.edit.file", "tier.push.branch", "tier.network.fetch", "tier.infra.change"]
    ),
    st.sampled_from(Mode),
    max_size=4,
)


def _parts() -> dict[str, st.SearchStrategy[Any]]:
    return {
        "scope": st.fixed_dictionaries({}, optional=_lists(list(_LISTS))).map(
            lambda lists: {
                name: given
                for name, given in lists.items()
                if given or name not in {"branches_protected", "paths_blocked", "commands_blocked"}
            }
        ),
        "tiers": TIERS,
        "limits": st.fixed_dictionaries({}, optional={"files": st.integers(1, 4), "lines": st.integers(1, 4)}),
        "approval": st.fixed_dictionaries({}, optional={"quorum": st.integers(1, 3)}),
        "modes": MODES,
    }


RESTRICTIONS: st.SearchStrategy[Restriction] = st.builds(Restriction, **_parts())
BASELINES: st.SearchStrategy[Baseline] = st.builds(Baseline, **_parts(), actions=st.sampled_from([(), (OWN,)]))
COMPOSITIONS = st.sampled_from(
    [
        Composition(),
        Composition(pinned={"model": "c-1"}),
        Composition(required=True, pinned={"tools": ("Bash", "Edit")}),
    ]
)
POLICIES = st.builds(
    Policy,
    scope=SCOPES,
    tiers=TIERS,
    limits=st.builds(Limits, files=st.integers(1, 4), lines=st.integers(1, 4), lease_seconds=st.integers(5, 30)),
    approval=st.builds(ApprovalRule, quorum=st.integers(1, 2)),
    modes=MODES,
    tasks=st.dictionaries(st.sampled_from(["fix", "move"]), RESTRICTIONS, max_size=2),
    composition=COMPOSITIONS,
)
ACTIONS = st.builds(
    Action,
    st.sampled_from(_TYPES),
    paths=some(_PATHS, 2),
    branch=st.sampled_from(_NAMED["branch"]),
    host=st.sampled_from([None, "a.x.y", "c.x.y", "b.x.y:80", "evil.z"]),
    environment=st.sampled_from(_NAMED["environment"]),
    command=st.sampled_from(_COMMANDS),
    within=st.sampled_from([(), (("npm", "run"),), (("sh", "-c", None),)]),
)
QUESTIONS = st.builds(
    Question,
    st.lists(ACTIONS, min_size=1, max_size=2).map(tuple),
    **{name: st.sampled_from(values) for name, values in _NAMED.items()},
    files=st.none() | st.integers(0, 5),
    lines=st.none() | st.integers(0, 5),
)


# A scope that lets most drawn questions through, so that one list drawn at random decides.
WIDE = Scope(
    repositories=("o/*",),
    branches_allowed=("f/**", "g/a*", "main"),
    paths_allowed=("**",),
    environments=("ta", "t*", "tb", "s?"),
    hosts=("*.x.y", "b.x.y:80"),
    models=("*",),
    credentials=("app", "key", "k*"),
)
_TAME: dict[str, Any] = {**dict.fromkeys(_NAMED), "repository": "o/a", "branch": "f/a", "files": None, "lines": None}
# What of a question each part of a document is about; an action is kept where the part looks at actions.
_ABOUT: dict[str, frozenset[str]] = {
    "repositories": frozenset({"repository", "repository_id"}),
    "branches_allowed": frozenset({"branch", "actions"}),
    "branches_protected": frozenset({"branch", "actions"}),
    "models": frozenset({"model", "provider"}),
    "tools": frozenset({"tool"}),
    "credentials": frozenset({"credential"}),
    "environments": frozenset({"environment", "actions"}),
    "limits": frozenset({"files", "lines"}),
    "tasks": frozenset({"task", "files", "tool"}),
    "composition": frozenset({"fingerprint"}),
}


def about(part: str, question: Question) -> Question:
    """The question with nothing in it that another part of a document could stop it for."""
    kept = _ABOUT.get(part, frozenset({"actions"}))
    tame = {name: value for name, value in _TAME.items() if name not in kept}
    actions = question.actions if "actions" in kept else (Action("edit.file"),)
    return replace(question, actions=actions, **tame)
