"""Decides one question under one policy: allow, deny or review, with the rules that determined it.

Total: there is an answer for every question, and an error is a denial. A rule that forbids wins over one that gates,
which wins over one that allows; an action that no rule allows is denied.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from approvals.rules.classify.actions import Action
from registry.rules.actions import CATALOGUE, action_type
from registry.rules.kill import ScopeKind
from registry.rules.lifecycle import AgentState
from registry.rules.policy import CompiledPolicy
from registry.rules.scope import (
    Found,
    Match,
    match_branch,
    match_environment,
    match_host,
    match_model,
    match_path,
    match_repository,
)
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
    """A rule that counted: a stable id for machines, its effect, and a sentence for people."""

    id: str
    effect: Effect
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. None means "not stated", which is never read as "any"."""

    actions: tuple[Action, ...]
    repository: str | None = None
    branch: str | None = None
    environment: str | None = None
    model: str | None = None
    cwd: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the agent may ask at all, read fresh. ``stopped_by`` holds the keys of kill orders in force."""

    agent_state: str
    credential_ok: bool
    stopped_by: tuple[str, ...] = ()
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, its tier, the rules with the deciding effect, and one sentence that explains it."""

    outcome: Outcome
    tier: Tier
    rules: tuple[Rule, ...]
    sentence: str
    errors: tuple[str, ...] = ()

    @property
    def stopped(self) -> bool:
        """Whether a kill order is why, so that the agent should end its session and not just this call."""
        return any(rule.id.startswith("standing.stopped") for rule in self.rules)


# These work on the copy in front of the agent and need no repository to be named before their tier decides.
_LOCAL = frozenset({"read", "search", "test", "lint", "build"})
_ON_BRANCH = frozenset({"push.branch", "branch.create", "push.protected"})
_WITH_HOST = frozenset({"network.fetch", "network.write"})
_TIER_EFFECT = {Tier.FREE: Effect.ALLOW, Tier.GATED: Effect.GATE, Tier.FORBIDDEN: Effect.FORBID}
_EFFECT_TIER = {Effect.ALLOW: Tier.FREE, Effect.GATE: Tier.GATED, Effect.FORBID: Tier.FORBIDDEN}


def authorize(question: Question, policy: CompiledPolicy, standing: Standing) -> Decision:
    """Answer the question. Never raises."""
    try:
        return _decide(question, policy, standing)
    except Exception as error:  # noqa: BLE001  whatever fails while deciding, the answer is a denial
        name = type(error).__name__
        rule = Rule("error", Effect.FORBID, f"The question could not be decided ({name}).")
        return Decision(Outcome.DENY, Tier.FORBIDDEN, (rule,), f"Denied: {rule.text}", (name,))


def _decide(question: Question, policy: CompiledPolicy, standing: Standing) -> Decision:
    refused = _standing(standing)
    if refused:
        return _concluded(refused)
    if not question.actions:
        return _concluded([Rule("default.deny", Effect.FORBID, "The question names no action.")])
    rules: list[Rule] = []
    _repository(rules, question, policy)
    for action in question.actions:
        _paths(rules, action, policy)
        _branch(rules, action, question, policy)
        _environment(rules, action, question, policy)
        _tier(rules, action, policy)
    if question.model is not None:
        _model(rules, question.model, policy)
    return _concluded(rules)


def _standing(standing: Standing) -> list[Rule]:
    rules = [Rule(f"standing.stopped.{key}", Effect.FORBID, _stopped(key)) for key in standing.stopped_by]
    if standing.credential_ok is not True:
        rules.append(Rule("standing.credential", Effect.FORBID, "The credential is not valid."))
    if standing.agent_state != AgentState.ACTIVE:
        rules.append(Rule("standing.agent", Effect.FORBID, f"The agent is {standing.agent_state} and not active."))
    return rules


def _stopped(key: str) -> str:
    kind = key.partition(":")[0]
    if kind == ScopeKind.ALL:
        return "A kill order has stopped all agents."
    whose = "this agent's team" if kind == ScopeKind.TEAM else "this agent"
    return f"A kill order has stopped {whose}."


def _repository(rules: list[Rule], question: Question, policy: CompiledPolicy) -> None:
    if question.repository is None:
        if any(action.type not in _LOCAL for action in question.actions):
            rules.append(Rule("scope.repository.not-stated", Effect.GATE, "The repository was not stated."))
    elif not match_repository(policy.scope, question.repository).allowed:
        text = f"{question.repository} is not a repository in this agent's scope."
        rules.append(Rule("scope.repository.outside", Effect.FORBID, text))


def _paths(rules: list[Rule], action: Action, policy: CompiledPolicy) -> None:
    if action.type == "outside.repository":
        return
    for path in action.paths:
        if path.startswith("/") and action.type in _LOCAL:
            continue  # the classifier lets a read leave the working copy only for scratch files and devices
        found = match_path(policy.scope, path)
        if found.match is Match.BLOCKED:
            rules.append(Rule("scope.path.blocked", Effect.FORBID, f"{path} is on the list of blocked paths."))
        elif not found.allowed:
            rules.append(
                Rule("scope.path.outside", Effect.GATE, _because(f"{path} is not on the list of allowed paths", found))
            )


def _branch(rules: list[Rule], action: Action, question: Question, policy: CompiledPolicy) -> None:
    if action.type == "commit":
        if question.branch is not None and match_branch(policy.scope, question.branch).match is Match.BLOCKED:
            rules.append(Rule("scope.branch.protected", Effect.GATE, f"{question.branch} is a protected branch."))
        return
    if action.type not in _ON_BRANCH:
        return
    branch = action.branch if action.branch is not None else question.branch
    if branch is None:
        rules.append(Rule("scope.branch.not-stated", Effect.GATE, "The branch was not stated."))
        return
    found = match_branch(policy.scope, branch)
    if found.match is Match.BLOCKED:
        effect = _stricter(Effect.GATE, _TIER_EFFECT[policy.tier("push.protected")])
        rules.append(Rule("scope.branch.protected", effect, f"{branch} is a protected branch."))
    elif not found.allowed:
        rules.append(
            Rule("scope.branch.outside", Effect.GATE, _because(f"{branch} is not on the list of branches", found))
        )


def _environment(rules: list[Rule], action: Action, question: Question, policy: CompiledPolicy) -> None:
    environment = action.environment or question.environment
    if environment is None or action.type in _LOCAL:
        return
    if not match_environment(policy.scope, environment).allowed:
        text = f"{environment} is not an environment in this agent's scope."
        rules.append(Rule("scope.environment.outside", Effect.FORBID, text))


def _model(rules: list[Rule], model: str, policy: CompiledPolicy) -> None:
    if not match_model(policy.scope, model).allowed:
        rules.append(Rule("scope.model.outside", Effect.GATE, f"{model} is not a model in this agent's scope."))


def _tier(rules: list[Rule], action: Action, policy: CompiledPolicy) -> None:
    key = action.type if action.type in CATALOGUE else "unknown"
    effect = _TIER_EFFECT[policy.tier(key)]
    if key == "unknown" and effect is Effect.ALLOW:
        effect = Effect.GATE  # whatever a policy says, what is not understood is never free
    if key in _WITH_HOST:
        listed = action.host is not None and match_host(policy.scope, action.host).allowed
        if not listed:
            host = action.host or "The host"
            rules.append(
                Rule("scope.host.outside", _stricter(effect, Effect.GATE), f"{host} is not on the network list.")
            )
            return
        if key == "network.fetch" and effect is Effect.GATE:
            rules.append(Rule("scope.host.listed", Effect.ALLOW, f"{action.host} is on the network list."))
            return
    if effect is Effect.ALLOW:
        rules.append(_FREE[key])
        return
    subject = f" ({action.resource})" if action.resource else ""
    word = "gated" if effect is Effect.GATE else "forbidden"
    why = f" {action.detail}" if key == "unknown" and action.detail else ""
    rules.append(Rule(f"tier.{key}", effect, f"{action_type(key).label}{subject}: {word} for this agent.{why}"))


_FREE = {
    key: Rule(f"tier.{key}", Effect.ALLOW, f"{kind.label}: free for this agent.") for key, kind in CATALOGUE.items()
}


def _because(text: str, found: Found) -> str:
    return f"{text}: {found.reason}" if found.reason else f"{text}."


_STRENGTH: Callable[[Effect], int] = (Effect.ALLOW, Effect.GATE, Effect.FORBID).index


def _stricter(first: Effect, second: Effect) -> Effect:
    return first if _STRENGTH(first) >= _STRENGTH(second) else second


def _concluded(rules: Sequence[Rule]) -> Decision:
    effects = {rule.effect for rule in rules}
    effect = Effect.FORBID
    if Effect.FORBID not in effects:
        effect = Effect.GATE if Effect.GATE in effects else Effect.ALLOW
    deciding = tuple(dict.fromkeys(rule for rule in rules if rule.effect is effect))
    if not deciding:
        return Decision(Outcome.DENY, Tier.FORBIDDEN, (), "Denied: no rule allows it.")
    outcome, opening = _SAID[effect]
    more = f" (and {len(deciding) - 1} more)" if len(deciding) > 1 else ""
    return Decision(outcome, _EFFECT_TIER[effect], deciding, f"{opening}: {deciding[0].text}{more}")


_SAID = {
    Effect.ALLOW: (Outcome.ALLOW, "Allowed"),
    Effect.GATE: (Outcome.REVIEW, "Needs approval"),
    Effect.FORBID: (Outcome.DENY, "Denied"),
}
