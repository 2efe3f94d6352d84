"""One question: a call, what it does in the organisation's words, how it is judged, and what an approval of it binds.

Nothing here is recorded or answered: ``services.check`` does that, and whoever judges a call that is not asked yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from approvals.rules.authorize import Decision, Effect, Outcome, Question, Rule, Standing, authorize, sizes
from approvals.rules.binding import bound_arguments, digest
from approvals.rules.classify import classify
from approvals.rules.classify.actions import Action, Classified
from approvals.rules.heads import plain_branch, repositories_in
from approvals.selectors.requests import known_head
from approvals.selectors.standing import CallerStanding, Holder, effective_policy
from approvals.services.request import Asked
from registry.rules.catalogue import BUILT_IN, Catalogue
from registry.rules.kill import keys_over
from registry.rules.runs import run_id
from registry.rules.tiers import Tier


@dataclass(frozen=True, kw_only=True)
class Call:
    """What an agent is about to do, in its own words, and what its enforcement point says around it.

    ``credential`` is the kind of credential that the action uses, ``fingerprint`` what the agent is made of;
    ``files`` and ``lines`` are the size of the change, where the call itself does not show it. ``head`` is the commit
    that the branch stood at, ``diff`` the whole change as stated; ``prompt_author`` and ``co_authors`` are e-mail
    addresses of people who have a part in it.
    """

    tool: str
    tool_input: Mapping[str, Any]
    session_id: str
    cwd: str
    tool_use_id: str | None = None
    repository: str | None = None
    repository_id: str | None = None
    branch: str | None = None
    environment: str | None = None
    model: str | None = None
    provider: str | None = None
    credential: str | None = None
    fingerprint: str | None = None
    initiator: str | None = None
    task: str | None = None
    files: int | None = None
    lines: int | None = None
    head: str | None = None
    diff: str | None = None
    prompt_author: str | None = None
    co_authors: tuple[str, ...] = ()


class AskedCall:
    """A call, and what is read off it once however often the world moves while it is decided."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._read: tuple[Catalogue, Classified] | None = None
        self._arguments: dict[str, Any] | None = None
        self.lapsed = False  # what was approved of it no longer is: put it before people

    def understood(self, holder: Holder) -> Classified:
        """What the call does, in the words of the catalogue that the organisation has in force."""
        policies = holder.policies
        catalogue = BUILT_IN if policies is None else policies.effective.catalogue
        if self._read is None or self._read[0] is not catalogue:
            call = self.call
            self._read = catalogue, classify(call.tool, call.tool_input, cwd=call.cwd, catalogue=catalogue)
        return self._read[1]

    @property
    def arguments(self) -> dict[str, Any]:
        """What an approval binds and the entry keeps of the call."""
        if self._arguments is None:
            self._arguments = bound_arguments(self.call.tool, self.call.tool_input, cwd=self.call.cwd)
        return self._arguments

    @property
    def stated(self) -> dict[str, Any]:
        """What was said of the call beside where it happens; what was not said is left out."""
        call = self.call
        return _said(
            {
                "model": call.model,
                "provider": call.provider,
                "repository_id": call.repository_id,
                "credential": call.credential,
                "files": call.files,
                "lines": call.lines,
                "head": call.head,
            }
        )

    def keys_of(self, holder: Holder) -> tuple[str, ...]:
        """Every kill scope that could stop this very call."""
        call, policies = self.call, holder.policies
        actions = tuple(action.type for action in self.understood(holder).actions)
        pinned = frozenset[str]()
        if call.repository_id is not None and policies is not None:
            pinned = policies.effective.names_pinned_to(call.repository, call.repository_id)
        return _keys(holder.agent_id, holder.team_id, call.session_id, actions, call.repository, pinned)


@lru_cache(maxsize=4096)
def _keys(  # noqa: PLR0917  what a question's kill scopes come from, and nothing else
    agent: UUID, team: UUID, session: str, actions: tuple[str, ...], repository: str | None, pinned: frozenset[str]
) -> tuple[str, ...]:
    run = run_id(agent, session)
    return keys_over(agent_id=agent, team_id=team, run_id=run, actions=actions, repository=repository, also=pinned)


def _said(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def judge(standing: CallerStanding, asked: AskedCall) -> Decision:
    """What the policies in force say of the call; nothing is recorded, and no grant is looked for."""
    policies = standing.holder.policies
    if policies is None:
        rule = Rule("standing.no-policy", Effect.FORBID, "The agent has no policy; its registration is not complete.")
        return Decision(Outcome.DENY, Tier.FORBIDDEN, (rule,), f"Denied: {rule.text}")
    asked_by = Standing(
        agent_state=standing.agent_state,
        credential_ok=standing.credential_ok,
        stopped_by=standing.stopped_by,
        epoch=standing.epoch,
        debt=standing.debt,
    )
    return authorize(_question(standing, asked), policies.effective, asked_by, standing.narrowing)


def _question(standing: CallerStanding, asked: AskedCall) -> Question:
    call, understood = asked.call, asked.understood(standing.holder)
    files, lines = sizes(understood, call.files, call.lines)
    return Question(
        actions=understood.actions,
        tool=call.tool,
        repository=call.repository,
        repository_id=call.repository_id,
        branch=call.branch,
        environment=call.environment,
        model=call.model,
        provider=call.provider,
        credential=call.credential,
        fingerprint=call.fingerprint,
        task=call.task,
        files=files,
        lines=lines,
        cwd=call.cwd,
    )


def put(standing: CallerStanding, asked: AskedCall, named: Action, bound_to: bytes) -> Asked:
    """The question as people are asked it."""
    call, understood = asked.call, asked.understood(standing.holder)
    size = dict(zip(("files", "lines"), sizes(understood, call.files, call.lines), strict=True))
    return Asked(
        tool=call.tool,
        session_id=call.session_id,
        action=named.type,
        resource=named.resource,
        actions=understood.actions,
        arguments=asked.arguments,
        target={
            "repository": call.repository,
            "repository_id": call.repository_id,
            "branch": call.branch,
            "environment": call.environment,
        },
        stated=_said({**asked.stated, **size, "fingerprint": call.fingerprint}),
        task=call.task,
        initiator=call.initiator,
        digest=bound_to,
        head=call.head,
        head_known=_head_known(standing, call),
        diff=call.diff,
        prompt_author=call.prompt_author,
        co_authors=call.co_authors,
        said=_own_words(call),
        around=around(standing, asked),
    )


def _own_words(call: Call) -> dict[str, str]:
    """What the agent says of its command, which the tool does nothing with and no digest binds."""
    words = call.tool_input.get("description") if call.tool == "Bash" else None
    return {"description": words} if isinstance(words, str) and words.strip() else {}


def _head_known(standing: CallerStanding, call: Call) -> str:
    """What is known of the branch as the request is opened; nothing is asked for a call that states no commit."""
    if not call.head:
        return ""
    return known_head(repositories_in(standing.kill_keys), plain_branch(call.branch or "")) or ""


def bound(standing: CallerStanding, asked: AskedCall, named: Action) -> bytes:
    """The digest that an approval is tied to: the action, everything stated around it, and what it was judged by."""
    return digest(
        agent_id=standing.agent_id,
        action=named.type,
        resource=named.resource,
        arguments={"call": asked.arguments, "around": around(standing, asked)},
        revision_id=standing.policy_in_force,
        epoch=standing.epoch,
    )


def around(standing: CallerStanding, asked: AskedCall) -> dict[str, Any]:
    """What an approval binds beside the call itself.

    The run is in it, so that no other run of the same agent (a child, a later session) can use the grant;
    repository, branch, environment and task are in it, since the same command means another thing elsewhere;
    model, fingerprint, kind of credential and size, since a gate may have stood for the one that was stated; the
    commit and the whole change, since that is what was looked at; their authors, since they may not approve it.
    """
    call = asked.call
    organisation, team = (None if pk is None else str(pk) for pk in standing.basis[:2])
    change = {"diff": call.diff, "prompt_author": call.prompt_author, "co_authors": list(call.co_authors) or None}
    return {
        "run": str(run_id(standing.agent_id, call.session_id)),
        "repository": call.repository,
        "branch": call.branch,
        "environment": call.environment,
        "initiator": call.initiator,
        "task": call.task,
        "fingerprint": call.fingerprint,
        "stated": asked.stated,
        "organisation": organisation,
        "team": team,
        **_said(change),
    }


def headline(standing: CallerStanding, asked: AskedCall) -> Action:
    """The action that the request is named after: the strictest by tier, the first of several."""
    policy, task = effective_policy(standing.basis), asked.call.task
    return max(asked.understood(standing.holder).actions, key=lambda action: policy.tier_of(action.type, task)[0].rank)
