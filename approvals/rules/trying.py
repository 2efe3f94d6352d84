"""Trying an action: what the answer to a call, or to an action picked from the catalogue, would be. Asks nobody."""

from collections.abc import Mapping
from dataclasses import dataclass

from approvals.rules.authorize import authorize
from approvals.rules.classify import classify
from approvals.rules.classify.actions import Action, Classified, classified
from approvals.rules.decision import Decision, Question, Standing, sizes
from registry.rules.effective import CompiledLayer, Effective
from registry.rules.lifecycle import AgentState

# Judged as if the agent were at work: the question is what the policy says, not whether it is stopped.
_AT_WORK = Standing(agent_state=AgentState.ACTIVE.value, credential_ok=True)
# Where the tried call is thought to happen: relative paths mean the working copy.
WORKING_COPY = "/workspace"


@dataclass(frozen=True, kw_only=True)
class Around:
    """What is said around a tried action; None where nothing is."""

    task: str | None = None
    repository: str | None = None
    branch: str | None = None
    environment: str | None = None
    files: int | None = None
    lines: int | None = None


@dataclass(frozen=True)
class Tried:
    """What it amounts to, and the answer."""

    understood: Classified
    decision: Decision


def try_call(
    effective: Effective,
    tool: str,
    tool_input: Mapping[str, object],
    around: Around,
    narrowing: CompiledLayer | None = None,
) -> Tried:
    """The answer to a tool call."""
    understood = classify(tool, tool_input, cwd=WORKING_COPY, catalogue=effective.catalogue)
    return _answered(effective, understood, tool, around, narrowing)


def try_action(
    effective: Effective,
    key: str,
    around: Around,
    *,
    path: str = "",
    host: str | None = None,
    narrowing: CompiledLayer | None = None,
) -> Tried:
    """The answer to an action that is named rather than worked out of a call; it names no tool."""
    action = Action(
        key,
        path or host or "",
        "It was picked from the catalogue.",
        (path,) if path else (),
        around.branch,
        host,
        around.environment,
    )
    # Nothing says with which tool it would be done; a list of tools gates what does not say so.
    return _answered(effective, classified([action]), None, around, narrowing)


def _answered(
    effective: Effective, understood: Classified, tool: str | None, around: Around, narrowing: CompiledLayer | None
) -> Tried:
    files, lines = sizes(understood, around.files, around.lines)
    question = Question(
        actions=understood.actions,
        tool=tool,
        repository=around.repository,
        branch=around.branch,
        environment=around.environment,
        task=around.task,
        fingerprint=effective.fingerprint,  # thought of as the agent that was approved
        files=files,
        lines=lines,
        cwd=WORKING_COPY,
    )
    return Tried(understood, authorize(question, effective, _AT_WORK, narrowing))
