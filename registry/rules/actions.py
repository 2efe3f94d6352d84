"""The catalogue of action types: what each is called, how far it can be undone, and its default tier.

A check names one or more of these keys. A key that is not in the catalogue is treated as ``unknown``,
which is never free.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from registry.rules.tiers import Tier, strictest


class Reversibility(StrEnum):
    """How far an action can be undone after it has happened."""

    READ_ONLY = "read_only"
    REVERSIBLE = "reversible"
    HARD_TO_REVERSE = "hard_to_reverse"
    IRREVERSIBLE = "irreversible"


@dataclass(frozen=True, slots=True)
class ActionType:
    """One kind of action. ``label`` is a verb phrase; ``explain`` is one sentence shown to approvers."""

    key: str
    label: str
    reversibility: Reversibility
    default_tier: Tier
    explain: str


UNKNOWN = "unknown"

_READ = Reversibility.READ_ONLY
_EASY = Reversibility.REVERSIBLE
_HARD = Reversibility.HARD_TO_REVERSE
_NEVER = Reversibility.IRREVERSIBLE

_ROWS: tuple[tuple[str, str, Reversibility, Tier, str], ...] = (
    ("read", "Read files", _READ, Tier.FREE, "It reads files and changes nothing."),
    ("search", "Search the code", _READ, Tier.FREE, "It searches files and changes nothing."),
    ("test", "Run tests", _EASY, Tier.FREE, "It runs the repository's own tests on the agent's machine."),
    ("lint", "Run linters", _EASY, Tier.FREE, "It runs linters or formatters over the working copy."),
    ("build", "Build", _EASY, Tier.FREE, "It runs the repository's own build on the agent's machine."),
    ("edit.file", "Edit files", _EASY, Tier.FREE, "It changes a file in the working copy."),
    (
        "commit",
        "Commit",
        _EASY,
        Tier.FREE,
        "It records changes in the local history; nothing leaves the machine.",
    ),
    ("branch.create", "Create branches", _EASY, Tier.FREE, "It creates a branch that can be deleted again."),
    (
        "push.branch",
        "Push feature branches",
        _EASY,
        Tier.FREE,
        "It publishes commits on a branch that is not protected.",
    ),
    (
        "pr.draft",
        "Open draft pull requests",
        _EASY,
        Tier.FREE,
        "It opens a draft that nobody is asked to review yet.",
    ),
    (
        "pr.open",
        "Open pull requests",
        _EASY,
        Tier.GATED,
        "It asks people to review a change and can be closed again.",
    ),
    (
        "pr.merge",
        "Merge pull requests",
        _HARD,
        Tier.GATED,
        "It puts the change into a branch that others build on.",
    ),
    (
        "push.protected",
        "Push to protected branches",
        _HARD,
        Tier.GATED,
        "It changes a protected branch without a pull request.",
    ),
    (
        "push.force",
        "Force-push",
        _NEVER,
        Tier.GATED,
        "It rewrites published history; commits of others can be lost.",
    ),
    (
        "tag.push",
        "Push tags",
        _HARD,
        Tier.GATED,
        "It publishes a tag, which release machinery often acts on.",
    ),
    (
        "dependency.change",
        "Change dependencies",
        _EASY,
        Tier.GATED,
        "It brings other people's code into the build.",
    ),
    (
        "ci.change",
        "Change CI",
        _HARD,
        Tier.GATED,
        "It changes what the build runs, with the build's own credentials.",
    ),
    (
        "infra.change",
        "Change infrastructure",
        _HARD,
        Tier.GATED,
        "It changes infrastructure or its definition.",
    ),
    (
        "migration.change",
        "Change migrations",
        _HARD,
        Tier.GATED,
        "It changes how stored data is transformed; data can be lost.",
    ),
    (
        "deploy.staging",
        "Deploy to staging",
        _HARD,
        Tier.GATED,
        "It replaces what runs in an environment before production.",
    ),
    (
        "deploy.production",
        "Deploy to production",
        _NEVER,
        Tier.FORBIDDEN,
        "It changes what customers use, at once.",
    ),
    (
        "network.fetch",
        "Fetch from the network",
        _HARD,
        Tier.GATED,
        "It reads from another host, which learns of the request.",
    ),
    (
        "network.write",
        "Send data to the network",
        _NEVER,
        Tier.GATED,
        "It sends data to another host and cannot be recalled.",
    ),
    (
        "package.publish",
        "Publish packages",
        _NEVER,
        Tier.GATED,
        "It publishes an artefact that others may already have taken.",
    ),
    (
        "secret.read",
        "Read secrets",
        _NEVER,
        Tier.FORBIDDEN,
        "It shows a secret in plain text; the secret must then be replaced.",
    ),
    (
        "access.change",
        "Change access",
        _NEVER,
        Tier.FORBIDDEN,
        "It changes who may do what, perhaps for the agent itself.",
    ),
    (
        "policy.change",
        "Change policies",
        _NEVER,
        Tier.FORBIDDEN,
        "It changes the rules that agents are held to.",
    ),
    (
        "process.kill",
        "Stop processes",
        _HARD,
        Tier.GATED,
        "It stops a running process; work in progress can be lost.",
    ),
    (
        "file.delete",
        "Delete files",
        _HARD,
        Tier.GATED,
        "It deletes files; those never committed cannot be restored.",
    ),
    (
        "outside.repository",
        "Act outside the repository",
        _NEVER,
        Tier.FORBIDDEN,
        "It touches something no repository in scope holds.",
    ),
    (
        UNKNOWN,
        "Do what could not be understood",
        _NEVER,
        Tier.GATED,
        "The portal could not tell what this does, so a person must.",
    ),
)

CATALOGUE: Mapping[str, ActionType] = MappingProxyType({row[0]: ActionType(*row) for row in _ROWS})

# The organisation's floor: a policy may be stricter than this and never looser. What cannot be undone is
# never free, because an approval after the fact would be worth nothing.
BASELINE: Mapping[str, Tier] = MappingProxyType(
    {
        key: strictest(
            action.default_tier if action.default_tier is Tier.FORBIDDEN else Tier.FREE,
            Tier.GATED if action.reversibility is Reversibility.IRREVERSIBLE else Tier.FREE,
        )
        for key, action in CATALOGUE.items()
    }
)


def action_type(key: str) -> ActionType:
    """Return the catalogue's entry for ``key``, or that of ``unknown`` when there is none."""
    return CATALOGUE.get(key, CATALOGUE[UNKNOWN])
