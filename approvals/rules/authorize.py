"""Decides one question under everything that counts for an agent: allow, deny or review, with the deciding rules.

Total: there is an answer for every question, and an error is a denial. A rule that forbids wins over one that gates,
which wins over one that allows; an action that no rule allows is denied. Each level of policy is asked by itself and
only the agent's own level allows anything, so a level more is never a right more.
"""

from collections.abc import Callable, Sequence

from approvals.rules.classify.actions import Action
from approvals.rules.decision import Decision, Effect, Outcome, Question, Rule, Standing, sizes
from registry.rules.actions import CATALOGUE
from registry.rules.commands import Blocked
from registry.rules.effective import CompiledLayer, Effective
from registry.rules.kill import ScopeKind
from registry.rules.levels import Level
from registry.rules.lifecycle import AgentState
from registry.rules.modes import Mode
from registry.rules.scope import (
    Found,
    Match,
    match_branch,
    match_command,
    match_credential,
    match_environment,
    match_host,
    match_model,
    match_path,
    match_repository,
    match_tool,
)
from registry.rules.tiers import Tier

__all__ = ["Decision", "Effect", "Outcome", "Question", "Rule", "Standing", "authorize", "sizes"]

# These work on the copy in front of the agent and need no repository to be named before their tier decides.
_LOCAL = frozenset({"read", "search", "test", "lint", "build"})
_ON_BRANCH = frozenset({"push.branch", "branch.create", "push.protected"})
_WITH_HOST = frozenset({"network.fetch", "network.write"})
_TIER_EFFECT = {Tier.FREE: Effect.ALLOW, Tier.GATED: Effect.GATE, Tier.FORBIDDEN: Effect.FORBID}
_EFFECT_TIER = {Effect.ALLOW: Tier.FREE, Effect.GATE: Tier.GATED, Effect.FORBID: Tier.FORBIDDEN}
# Whose list it is, in the sentences of the levels.
_WHOSE = {
    Level.ORGANISATION: "the organisation's baseline",
    Level.TEAM: "the team's baseline",
    Level.AGENT: "this agent's scope",
    Level.TASK: "this task type's scope",
    Level.CREDENTIAL: "this credential's scope",
}
_FOR = {
    Level.ORGANISATION: "the organisation's agents",
    Level.TEAM: "the team's agents",
    Level.AGENT: "this agent",
    Level.TASK: "this task type",
    Level.CREDENTIAL: "this credential",
}


def authorize(
    question: Question,
    effective: Effective,
    standing: Standing,
    narrowing: CompiledLayer | None = None,
) -> Decision:
    """Answer the question; ``narrowing`` is what the credential takes away. Never raises."""
    try:
        return _decide(question, effective, standing, narrowing)
    except Exception as error:  # noqa: BLE001  whatever fails while deciding, the answer is a denial
        name = type(error).__name__
        rule = Rule("error", Effect.FORBID, f"The question could not be decided ({name}).")
        return Decision(Outcome.DENY, Tier.FORBIDDEN, (rule,), f"Denied: {rule.text}", (name,))


class _Case:
    """One question being decided: the rules so far that count, and those that are only observed."""

    __slots__ = ("effective", "observed", "question", "rules", "warnings")

    def __init__(self, question: Question, effective: Effective) -> None:
        self.question = question
        self.effective = effective
        self.rules: list[Rule] = []
        self.observed: list[Rule] = []
        self.warnings: list[str] = []

    def put(self, layer: CompiledLayer, rule_id: str, effect: Effect, text: str) -> None:
        """Add a rule that counts, whatever the mode."""
        self.rules.append(Rule(rule_id, effect, text, layer.level))

    def gate(self, layer: CompiledLayer, rule_id: str, text: str, *, firm: bool = False) -> bool:
        """Add a gate in the mode that its own level gives it; returns whether it counts. ``firm`` has no mode."""
        rule = Rule(rule_id, Effect.GATE, text, layer.level)
        mode = Mode.ENFORCE if firm or not layer.modes else layer.modes.get(rule_id, Mode.ENFORCE)
        if mode is Mode.ENFORCE:
            self.rules.append(rule)
            return True
        self.observed.append(rule)
        if mode is Mode.WARN:
            self.warnings.append(f"{text} This is a warning; it will need an approval once the rule is enforced.")
        return False

    def concluded(self) -> Decision:
        """Return the answer of the rules so far."""
        return _concluded(self.rules, tuple(dict.fromkeys(self.observed)), tuple(dict.fromkeys(self.warnings)))


def _decide(question: Question, effective: Effective, standing: Standing, narrowing: CompiledLayer | None) -> Decision:
    layers = effective.layers
    refused = _standing(standing)
    if refused:
        return _concluded(refused)
    if not question.actions:
        return _concluded([Rule("default.deny", Effect.FORBID, "The question names no action.")])
    case = _Case(question, effective)
    if effective.policy.composition.pinned:
        _composition(case, layers[-1])
    if effective.tasks:
        _task(case, layers[-1])
        layers = effective.with_task(question.task)
    if narrowing is not None:
        layers = (*layers, narrowing)
    for layer in layers:
        _stated(case, layer)
    for action in question.actions:
        for layer in layers:
            if action.paths and action.type != "outside.repository":
                _paths(case, layer, action)
            if action.type in _ON_BRANCH or action.type == "commit":
                _branch(case, layer, action)
            if action.command:
                _command(case, layer, action)
            _environment(case, layer, action)
            _tier(case, layer, action)
    return case.concluded() if standing.debt is None else _in_debt(case, standing.debt)


def _in_debt(case: _Case, number: int) -> Decision:
    """One tier stricter than the policy says: what is free is gated, what is gated is forbidden."""
    tier = case.concluded().tier
    if tier is not Tier.FORBIDDEN:
        effect = Effect.GATE if tier is Tier.FREE else Effect.FORBID
        case.rules.insert(0, Rule("standing.debt", effect, _debt(number)))
    return case.concluded()


def _debt(number: int) -> str:
    return (
        f"The use of EX-{number} was not looked at in time, so every tier is one stricter until a manager or an "
        "approver of the team, or security, who had no part in it, closes it."
    )


def _standing(standing: Standing) -> list[Rule]:
    rules = [Rule(f"standing.stopped.{key}", Effect.FORBID, _stopped(key)) for key in standing.stopped_by]
    if standing.credential_ok is not True:
        rules.append(Rule("standing.credential", Effect.FORBID, "The credential is not valid."))
    if standing.agent_state != AgentState.ACTIVE:
        rules.append(Rule("standing.agent", Effect.FORBID, f"The agent is {standing.agent_state} and not active."))
    return rules


def _stopped(key: str) -> str:
    kind, _, what = key.partition(":")
    match kind:
        case ScopeKind.ALL:
            return "A kill order has stopped all agents."
        case ScopeKind.TEAM:
            return "A kill order has stopped this agent's team."
        case ScopeKind.RUN:
            return "A kill order has stopped this run."
        case ScopeKind.ACTION:
            return f"A kill order has stopped every action of the kind {what}."
        case ScopeKind.REPOSITORY:
            return f"A kill order has stopped all work in {what}."
        case ScopeKind.DRILL:
            return "A drill has stopped this agent."
        case _:
            return "A kill order has stopped this agent."


def _composition(case: _Case, layer: CompiledLayer) -> None:
    said = case.question.fingerprint
    if said is None:
        if case.effective.policy.composition.required:
            text = "What the agent is made of was not stated. This may not be the agent that was approved."
            case.put(layer, "composition.not-stated", Effect.GATE, text)
    elif said.lower() != case.effective.fingerprint:
        case.put(layer, "composition.other", Effect.GATE, "This is not the agent that was approved.")


def _task(case: _Case, layer: CompiledLayer) -> None:
    task = case.question.task
    if task is None:
        case.gate(layer, "task.not-stated", "The task type was not stated.")
    elif task not in case.effective.tasks:
        case.put(layer, "task.unknown", Effect.FORBID, f"{task} is not a task type of this agent.")


def _stated(case: _Case, layer: CompiledLayer) -> None:
    """What is said about the call as a whole: repository, model, tool, kind of credential, size."""
    question, scope = case.question, layer.scope
    if scope.repositories is not None:
        _repository(case, layer)
    if question.model is not None and scope.models is not None:
        found = match_model(scope, question.model, question.provider)
        if not found.allowed:
            name = question.model if question.provider is None else f"{question.model} of {question.provider}"
            text = f"{name} is not a model in {_WHOSE[layer.level]}."
            case.gate(layer, "scope.model.outside", text, firm=found.match is Match.REFUSED)
    if scope.tools is not None:
        _tool(case, layer)
    kind = question.credential
    if kind is not None and scope.credentials is not None and not match_credential(scope, kind).allowed:
        text = f"{kind} is not a kind of credential in {_WHOSE[layer.level]}."
        case.put(layer, "scope.credential.outside", Effect.FORBID, text)
    for name, size in (("files", question.files), ("lines", question.lines)):
        if size is not None and (most := layer.limits.get(name)) is not None and not 0 <= size <= most:
            case.gate(
                layer, f"limits.{name}", f"The change is of {size} {name}; {_FOR[layer.level]} may change {most}."
            )


def _repository(case: _Case, layer: CompiledLayer) -> None:
    question = case.question
    if question.repository is None:
        if any(action.type not in _LOCAL for action in question.actions):
            case.gate(layer, "scope.repository.not-stated", "The repository was not stated.")
        return
    found = match_repository(layer.scope, question.repository, question.repository_id)
    if not found.allowed:
        text = f"{question.repository} is not a repository in {_WHOSE[layer.level]}"
        case.put(layer, "scope.repository.outside", Effect.FORBID, _because(text, found))


def _tool(case: _Case, layer: CompiledLayer) -> None:
    tool = case.question.tool
    if tool is None:
        case.gate(layer, "scope.tool.not-stated", "The tool was not stated.")
        return
    found = match_tool(layer.scope, tool)
    if not found.allowed:
        text = _because(f"{tool} is not a tool in {_WHOSE[layer.level]}", found)
        case.gate(layer, "scope.tool.outside", text, firm=found.match is Match.REFUSED)


def _paths(case: _Case, layer: CompiledLayer, action: Action) -> None:
    scope = layer.scope
    if scope.paths_allowed is None and scope.paths_blocked is None:
        return
    listed = "on the list of" if layer.whole else f"in {_WHOSE[layer.level]} among the"
    for path in action.paths:
        if path.startswith("/") and action.type in _LOCAL:
            continue  # the classifier lets a read leave the working copy only for scratch files and devices
        found = match_path(scope, path)
        if found.match is Match.BLOCKED:
            case.put(layer, "scope.path.blocked", Effect.FORBID, f"{path} is {listed} blocked paths.")
        elif not found.allowed:
            text = _because(f"{path} is not {listed} allowed paths", found)
            case.gate(layer, "scope.path.outside", text, firm=found.match is Match.REFUSED)


def _branch(case: _Case, layer: CompiledLayer, action: Action) -> None:
    scope, stated = layer.scope, case.question.branch
    if scope.branches_allowed is None and scope.branches_protected is None:
        return
    if action.type == "commit":
        if stated is not None and match_branch(scope, stated).match is Match.BLOCKED:
            case.put(layer, "scope.branch.protected", Effect.GATE, f"{stated} is a protected branch.")
        return
    branch = action.branch if action.branch is not None else stated
    if branch is None:
        case.gate(layer, "scope.branch.not-stated", "The branch was not stated.")
        return
    found = match_branch(scope, branch)
    if found.match is Match.BLOCKED:
        effect = _stricter(Effect.GATE, _TIER_EFFECT[layer.tiers.get("push.protected", Tier.GATED)])
        case.put(layer, "scope.branch.protected", effect, f"{branch} is a protected branch.")
    elif not found.allowed:
        listed = "on the list of branches" if layer.whole else f"a branch in {_WHOSE[layer.level]}"
        text = _because(f"{branch} is not {listed}", found)
        case.gate(layer, "scope.branch.outside", text, firm=found.match is Match.REFUSED)


def _command(case: _Case, layer: CompiledLayer, action: Action) -> None:
    if layer.scope.commands_blocked is None and layer.scope.commands_allowed is None:
        return
    blocked, allowed = match_command(layer.scope, action.command)
    said = " ".join("…" if word is None else word for word in action.command[:4])[:_MOST_SAID]
    if action.within and layer.scope.commands_blocked is not None:
        blocked = max(blocked, *map(layer.scope.commands_blocked.blocks, action.within), key=_SURE)
    if blocked is Blocked.YES:
        text = f"{said} is a blocked command in {_WHOSE[layer.level]}."
        case.put(layer, "scope.command.blocked", Effect.FORBID, text)
    elif blocked is Blocked.MAYBE:
        text = f"{said} may be a blocked command: a word of it is only known when it runs."
        case.put(layer, "scope.command.unclear", Effect.GATE, text)
    if not allowed:
        case.gate(layer, "scope.command.outside", f"{said} is not an allowed command in {_WHOSE[layer.level]}.")


def _environment(case: _Case, layer: CompiledLayer, action: Action) -> None:
    environment = action.environment or case.question.environment
    if environment is None or layer.scope.environments is None or action.type in _LOCAL:
        return
    if not match_environment(layer.scope, environment).allowed:
        text = f"{environment} is not an environment in {_WHOSE[layer.level]}."
        case.put(layer, "scope.environment.outside", Effect.FORBID, text)


def _tier(case: _Case, layer: CompiledLayer, action: Action) -> None:
    kind = case.effective.catalogue.action_type(action.type)
    key = kind.key
    effect = _TIER_EFFECT[layer.tiers[key]] if key in layer.tiers else Effect.ALLOW
    if key == "unknown" and effect is Effect.ALLOW and layer.whole:
        effect = Effect.GATE  # whatever a policy says, what is not understood is never free
    if key in _WITH_HOST and layer.scope.hosts is not None:
        listed = action.host is not None and match_host(layer.scope, action.host).allowed
        if not listed:
            text = f"{action.host or 'The host'} is not on the network list."
            if effect is Effect.FORBID:
                case.put(layer, "scope.host.outside", effect, text)
                return
            if case.gate(layer, "scope.host.outside", text):
                return
        # Only the agent's own list lifts a gate; in the other levels a list takes away and gives nothing. What
        # only sends is gated for what it is, not for where it goes.
        if layer.whole and key == "network.fetch" and effect is Effect.GATE:
            if listed:
                case.put(layer, "scope.host.listed", Effect.ALLOW, f"{action.host} is on the network list.")
                return
            effect = Effect.ALLOW
    if effect is Effect.ALLOW:
        if layer.whole:
            case.rules.append(_FREE.get(key) or _free(key, kind.label))
        return
    subject = f" ({action.resource})" if action.resource else ""
    word = "gated" if effect is Effect.GATE else "forbidden"
    why = f" {action.detail}" if key == "unknown" and action.detail else ""
    text = f"{kind.label}{subject}: {word} for {_FOR[layer.level]}.{why}"
    if effect is Effect.FORBID or case.effective.floors[key] is not Tier.FREE:
        case.put(layer, f"tier.{key}", effect, text)
    elif not case.gate(layer, f"tier.{key}", text) and layer.whole:
        case.rules.append(_FREE.get(key) or _free(key, kind.label))


def _free(key: str, label: str) -> Rule:
    return Rule(f"tier.{key}", Effect.ALLOW, f"{label}: free for this agent.", Level.AGENT)


_FREE = {key: _free(key, kind.label) for key, kind in CATALOGUE.items()}


def _because(text: str, found: Found) -> str:
    return f"{text}: {found.reason}" if found.reason else f"{text}."


_MOST_SAID = 200
_SURE: Callable[[Blocked], int] = (Blocked.NO, Blocked.MAYBE, Blocked.YES).index
_STRENGTH: Callable[[Effect], int] = (Effect.ALLOW, Effect.GATE, Effect.FORBID).index


def _stricter(first: Effect, second: Effect) -> Effect:
    return first if _STRENGTH(first) >= _STRENGTH(second) else second


def _concluded(rules: Sequence[Rule], observed: tuple[Rule, ...] = (), warnings: tuple[str, ...] = ()) -> Decision:
    effects = {rule.effect for rule in rules}
    effect = Effect.FORBID
    if Effect.FORBID not in effects:
        effect = Effect.GATE if Effect.GATE in effects else Effect.ALLOW
    deciding = tuple(dict.fromkeys(rule for rule in rules if rule.effect is effect))
    if not deciding:
        text = "Denied: no rule allows it."
        return Decision(Outcome.DENY, Tier.FORBIDDEN, (), text, observed=observed, warnings=warnings)
    outcome, opening = _SAID[effect]
    more = f" (and {len(deciding) - 1} more)" if len(deciding) > 1 else ""
    sentence = f"{opening}: {deciding[0].text}{more}"
    return Decision(outcome, _EFFECT_TIER[effect], deciding, sentence, (), observed, warnings)


_SAID = {
    Effect.ALLOW: (Outcome.ALLOW, "Allowed"),
    Effect.GATE: (Outcome.REVIEW, "Needs approval"),
    Effect.FORBID: (Outcome.DENY, "Denied"),
}
