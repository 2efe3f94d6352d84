"""What is asked and what is answered: the question of an agent, its standing, and the decision with its rules."""

from dataclasses import dataclass
from enum import StrEnum

from approvals.rules.classify.actions import Action, Classified
from registry.rules.levels import Level
from registry.rules.tiers import Tier


class Outcome(StrEnum):
    """The answer: go on, do not, or wait for people to approve."""

    ALLOW = "allow"
    DENY = "deny"
    REVIEW = "review"


class Effect(StrEnum):
    """What one rule does to one action."""

    ALLOW = "allow"
    GATE = "gate"
    FORBID = "forbid"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that counted: a stable id for machines, its effect, a sentence for people, and the level it is from.

    ``level`` is None for what no policy says: standing, stops, grants and errors.
    """

    id: str
    effect: Effect
    text: str
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. None means "not stated", which is never read as "any".

    ``credential`` is the kind of credential the action uses; ``files`` and ``lines`` are the size of the change
    (``sizes`` joins what is stated with what the call shows).
    """

    actions: tuple[Action, ...]
    repository: str | None = None
    branch: str | None = None
    environment: str | None = None
    model: str | None = None
    cwd: str = ""
    task: str | None = None
    provider: str | None = None
    repository_id: str | None = None
    credential: str | None = None
    fingerprint: str | None = None
    files: int | None = None
    lines: int | None = None
    tool: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the agent may ask at all, read fresh. ``stopped_by`` holds the keys of kill orders in force.

    ``debt`` is the number of an exception whose use nobody looked at in time, which makes every tier one stricter.
    """

    agent_state: str
    credential_ok: bool
    stopped_by: tuple[str, ...] = ()
    epoch: int = 0
    debt: int | None = None


_STOPPED = "standing.stopped."
_OF_ACTION = f"{_STOPPED}action:"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, its tier, the rules with the deciding effect, and one sentence that explains it.

    ``observed`` are rules that would have counted were they not in a looser mode; ``warnings`` are the sentences
    of those that the agent is told of.
    """

    outcome: Outcome
    tier: Tier
    rules: tuple[Rule, ...]
    sentence: str
    errors: tuple[str, ...] = ()
    observed: tuple[Rule, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def stopped(self) -> bool:
        """Whether a kill order is why, so that the agent should end its session and not just this call.

        A stop of one kind of action refuses the call; the agent may go on with other work.
        """
        return any(rule.id.startswith(_STOPPED) and not rule.id.startswith(_OF_ACTION) for rule in self.rules)


def sizes(understood: Classified, files: int | None, lines: int | None) -> tuple[int | None, int | None]:
    """Return the size to judge: the larger of what is stated and what the call itself shows."""
    return (
        max(files or 0, understood.files) if files is not None or understood.files else None,
        max(lines or 0, understood.lines) if lines is not None or understood.lines else None,
    )
