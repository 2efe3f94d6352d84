"""Levels, task types, modes and the newer dimensions: no level loosens another, and no change hides a widening."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from approvals.rules.authorize import Decision, Effect, Outcome, Question, authorize, sizes
from approvals.rules.classify import Action, Classified
from registry.rules.compare import widens
from registry.rules.composition import fingerprint
from registry.rules.effective import CompiledLayer, Effective, compile_effective, compile_narrowing
from registry.rules.levels import Level
from registry.rules.modes import RULES, Mode
from registry.rules.policy import Limits, Policy, Scope, template
from registry.rules.restriction import Baseline, Restriction
from registry.rules.tiers import Tier
from tests.policies import BASELINES, FINE, OWN, POLICIES, QUESTIONS, RANK, RESTRICTIONS, WIDE, about

SCOPE = Scope(
    repositories=("acme/shop", "acme/pay#77"),
    branches_allowed=("feature/**",),
    branches_protected=("main",),
    paths_allowed=("src/**",),
    paths_blocked=("src/secret/",),
    environments=("staging",),
    hosts=("example.com",),
    models=("claude-*", "openai/gpt-5"),
    credentials=("github-app",),
)
POLICY = replace(template(), scope=SCOPE)
READ = Action("read", "src/a.py", paths=("src/a.py",))
EDIT = Action("edit.file", "src/a.py", paths=("src/a.py",))
TEST = Action("test", "npm", command=("npm", "test"))


def ask(
    *actions: Action,
    policy: Policy = POLICY,
    organisation: dict[str, Any] | None = None,
    team: dict[str, Any] | None = None,
    narrowing: dict[str, Any] | None = None,
    **stated: Any,
) -> Decision:
    effective = compile_effective(
        policy,
        organisation=None if organisation is None else Baseline.from_document(organisation),
        team=None if team is None else Restriction.from_document(team),
    )
    known: dict[str, Any] = {"repository": "acme/shop", "branch": "feature/a", "tool": "Bash", **stated}
    return authorize(Question(actions, **known), effective, FINE, compile_narrowing(narrowing or {}))


def said(decision: Decision) -> set[tuple[str, Level | None]]:
    return {(rule.id, rule.level) for rule in decision.rules}


@pytest.mark.parametrize(
    ("document", "stated", "outcome", "rule"),
    [
        ({"scope": {"repositories": ["acme/other"]}}, {}, Outcome.DENY, "scope.repository.outside"),
        ({"scope": {"repositories": ["acme/*"]}}, {}, Outcome.ALLOW, "tier.edit.file"),
        ({"scope": {"repositories": []}}, {}, Outcome.DENY, "scope.repository.outside"),
        ({"scope": {"repositories": ["acme/*"]}}, {"repository": None}, Outcome.REVIEW, "scope.repository.not-stated"),
        ({"scope": {"paths_blocked": ["src/a.*"]}}, {}, Outcome.DENY, "scope.path.blocked"),
        ({"scope": {"paths_allowed": ["docs/**"]}}, {}, Outcome.REVIEW, "scope.path.outside"),
        ({"scope": {"environments": ["test"]}}, {"environment": "staging"}, Outcome.DENY, "scope.environment.outside"),
        ({"scope": {"models": ["gpt-*"]}}, {"model": "claude-5"}, Outcome.REVIEW, "scope.model.outside"),
        ({"scope": {"tools": ["Read"]}}, {}, Outcome.REVIEW, "scope.tool.outside"),
        ({"scope": {"tools": ["Read"]}}, {"tool": None}, Outcome.REVIEW, "scope.tool.not-stated"),
        ({"scope": {"credentials": ["oidc"]}}, {"credential": "github-app"}, Outcome.DENY, "scope.credential.outside"),
        ({"tiers": {"edit.file": "gated"}}, {}, Outcome.REVIEW, "tier.edit.file"),
        ({"tiers": {"edit.file": "forbidden"}}, {}, Outcome.DENY, "tier.edit.file"),
        ({"tiers": {"edit.file": "free"}}, {}, Outcome.ALLOW, "tier.edit.file"),
        ({"limits": {"files": 1}}, {"files": 2}, Outcome.REVIEW, "limits.files"),
        ({"limits": {"lines": 10}}, {"lines": 11}, Outcome.REVIEW, "limits.lines"),
        ({"limits": {"lines": 10}}, {"lines": 10}, Outcome.ALLOW, "tier.edit.file"),
        ({"scope": {"paths_blocked": ["src/b"]}, "tiers": {"read": "gated"}}, {}, Outcome.ALLOW, "tier.edit.file"),
        ({}, {}, Outcome.ALLOW, "tier.edit.file"),
    ],
)
@pytest.mark.parametrize("level", [Level.ORGANISATION, Level.TEAM, Level.TASK, Level.CREDENTIAL])
def test_each_level_takes_away_and_is_named(
    level: Level, document: dict[str, Any], stated: dict[str, Any], outcome: Outcome, rule: str
) -> None:
    where: dict[str, Any] = {}
    if level is Level.TASK:
        where = {"policy": replace(POLICY, tasks={"fix": Restriction.from_document(document)}), "task": "fix"}
    else:
        name = {Level.ORGANISATION: "organisation", Level.TEAM: "team", Level.CREDENTIAL: "narrowing"}[level]
        where = {name: document}
    decision = ask(EDIT, **where, **stated)
    assert decision.outcome is outcome
    decided = {one for one in decision.rules if one.id == rule}
    assert level in {one.level for one in decided} or outcome is Outcome.ALLOW
    if outcome is Outcome.ALLOW:
        assert said(decision) == {("tier.edit.file", Level.AGENT)}


def test_the_strictest_level_decides_and_only_its_rules_are_given() -> None:
    decision = ask(
        EDIT,
        organisation={"tiers": {"edit.file": "gated"}},
        team={"scope": {"repositories": ["acme/other"]}},
        narrowing={"limits": {"files": 1}},
        files=3,
    )
    assert said(decision) == {("scope.repository.outside", Level.TEAM)}
    assert decision.sentence == "Denied: acme/shop is not a repository in the team's baseline."


def test_two_levels_with_the_same_answer_are_both_named() -> None:
    decision = ask(EDIT, organisation={"limits": {"files": 1}}, team={"limits": {"files": 2}}, files=3)
    assert said(decision) == {("limits.files", Level.ORGANISATION), ("limits.files", Level.TEAM)}
    assert decision.sentence.endswith("(and 1 more)")


def test_a_host_listed_above_lifts_no_gate() -> None:
    fetch = Action("network.fetch", host="example.org")
    assert ask(fetch).outcome is Outcome.REVIEW
    assert ask(fetch, organisation={"scope": {"hosts": ["example.org"]}}).outcome is Outcome.REVIEW
    listed = Action("network.fetch", host="example.com")
    assert ask(listed).outcome is Outcome.ALLOW
    assert ask(listed, team={"tiers": {"network.fetch": "gated"}}).outcome is Outcome.REVIEW
    assert ask(listed, team={"scope": {"hosts": ["other.com"]}}).outcome is Outcome.REVIEW
    both = {"scope": {"hosts": ["example.com"]}, "tiers": {"network.fetch": "gated"}}
    assert ask(listed, team=both).outcome is Outcome.REVIEW
    assert ask(listed, narrowing=both).outcome is Outcome.REVIEW


@pytest.mark.parametrize(
    ("name", "number", "outcome"),
    [
        ("acme/pay", None, Outcome.ALLOW),
        ("acme/pay", "77", Outcome.ALLOW),
        ("acme/pay", "78", Outcome.DENY),
        ("acme/renamed", "77", Outcome.ALLOW),
        ("other/moved", "77", Outcome.ALLOW),
        ("acme/renamed", "78", Outcome.DENY),
        ("acme/renamed", None, Outcome.DENY),
        ("gitlab.example.com/acme/pay", "77", Outcome.DENY),
        ("gitlab.example.com/other/moved", "77", Outcome.DENY),
        ("acme/pay", "077", Outcome.DENY),
        ("acme/pay", "７７", Outcome.DENY),
        ("acme/pay", "77 ", Outcome.DENY),
        ("acme/pay", "", Outcome.DENY),
        ("acme/shop", "5", Outcome.ALLOW),
    ],
)
def test_the_hosts_id_decides_over_the_name(name: str, number: str | None, outcome: Outcome) -> None:
    assert ask(EDIT, repository=name, repository_id=number).outcome is outcome


@pytest.mark.parametrize(
    ("model", "provider", "allowed"),
    [
        ("claude-5", None, True),
        ("claude-5", "anthropic", True),
        ("claude-5", "evil", True),
        ("gpt-5", None, False),
        ("gpt-5", "openai", True),
        ("gpt-5", "OpenAI", True),
        ("openai/gpt-5", None, True),
        ("openai/gpt-5", "openai", True),
        ("openai/gpt-5", "evil", False),
        ("gpt-5", "evil", False),
        ("evil/claude-5", "evil", True),
        ("evil/claude-5", "other", False),
        ("сlaude-5", None, False),
        ("claude-5", "a b", False),
    ],
)
def test_a_model_with_its_provider(model: str, provider: str | None, *, allowed: bool) -> None:
    assert (ask(EDIT, model=model, provider=provider).outcome is Outcome.ALLOW) is allowed


TOOLS = replace(POLICY, scope=replace(SCOPE, tools=("Bash", "mcp__github__*")))


@pytest.mark.parametrize(
    ("tool", "allowed"),
    [
        ("Bash", True),
        ("mcp__github__list_issues", True),
        ("mcp__github__", True),
        ("mcp__github", False),
        ("mcp__githubx__a", False),
        ("bash", False),
        ("Bash ", False),
        ("Bаsh", False),
        ("Ｂash", False),
        ("Bash\u200b", False),
        ("mcp__github__\n", False),
        ("mcp__github__%2e", False),
        ("", False),
    ],
)
def test_a_tool_is_the_listed_one_or_asked_about(tool: str, *, allowed: bool) -> None:
    decision = ask(READ, policy=TOOLS, tool=tool)
    assert decision.outcome is (Outcome.ALLOW if allowed else Outcome.REVIEW)
    loose = replace(TOOLS, modes={"scope.tool.outside": Mode.OBSERVE})
    plain = tool.isascii() and tool.isprintable() and " " not in tool and "%" not in tool and bool(tool)
    assert (ask(READ, policy=loose, tool=tool).outcome is Outcome.ALLOW) is plain


COMMANDS = replace(POLICY, scope=replace(SCOPE, commands_allowed=("npm test", "git"), commands_blocked=("git push",)))


@pytest.mark.parametrize(
    ("command", "within", "outcome", "rule"),
    [
        (("npm", "test", "--watch"), (), Outcome.ALLOW, "tier.test"),
        (("npm", "run", "test"), (), Outcome.REVIEW, "scope.command.outside"),
        (("npm", None), (), Outcome.REVIEW, "scope.command.outside"),
        (("git", "status"), (), Outcome.ALLOW, "tier.test"),
        (("git", "push"), (), Outcome.DENY, "scope.command.blocked"),
        (("git", "-C", "x", "push"), (), Outcome.DENY, "scope.command.blocked"),
        (("git", "--no-pager", "push"), (), Outcome.DENY, "scope.command.blocked"),
        (("git", None), (), Outcome.REVIEW, "scope.command.unclear"),
        (("git", None, "push"), (), Outcome.REVIEW, "scope.command.unclear"),
        (("npm", "test"), (("git", "push"),), Outcome.DENY, "scope.command.blocked"),
        (("npm", "test"), (("sh", "-c", "npm test"),), Outcome.ALLOW, "tier.test"),
        ((), (), Outcome.ALLOW, "tier.test"),
    ],
)
def test_commands(
    command: tuple[str | None, ...], within: tuple[tuple[str | None, ...], ...], outcome: Outcome, rule: str
) -> None:
    decision = ask(Action("test", command=command, within=within), policy=COMMANDS)
    assert decision.outcome is outcome
    assert rule in {one.id for one in decision.rules}


TASKS = replace(POLICY, tasks={"docs": Restriction(scope={"paths_allowed": ("src/docs/**",)}), "any": Restriction()})


@pytest.mark.parametrize(
    ("task", "outcome", "rule"),
    [
        (None, Outcome.REVIEW, "task.not-stated"),
        ("any", Outcome.ALLOW, "tier.edit.file"),
        ("docs", Outcome.REVIEW, "scope.path.outside"),
        ("Docs", Outcome.DENY, "task.unknown"),
        ("docs ", Outcome.DENY, "task.unknown"),
        ("", Outcome.DENY, "task.unknown"),
        ("other", Outcome.DENY, "task.unknown"),
    ],
)
def test_task_types(task: str | None, outcome: Outcome, rule: str) -> None:
    decision = ask(EDIT, policy=TASKS, task=task)
    assert decision.outcome is outcome
    assert rule in {one.id for one in decision.rules}


def test_without_task_types_a_named_task_changes_nothing() -> None:
    assert ask(EDIT, task="anything").outcome is Outcome.ALLOW


PINNED = {"model": "claude-5", "tools": ["Edit", "Bash"]}


@pytest.mark.parametrize(
    ("reported", "required", "rule"),
    [
        (fingerprint(PINNED), True, "tier.edit.file"),
        (fingerprint(PINNED).upper(), True, "tier.edit.file"),
        (fingerprint({**PINNED, "tools": ["Bash", "Edit"]}), True, "tier.edit.file"),
        (fingerprint({**PINNED, "tools": ["Bash"]}), True, "composition.other"),
        (fingerprint({**PINNED, "hooks": []}), True, "composition.other"),
        ("", True, "composition.other"),
        (None, True, "composition.not-stated"),
        (None, False, "tier.edit.file"),
        ("0" * 64, False, "composition.other"),
    ],
)
def test_another_composition_is_not_the_approved_agent(reported: str | None, rule: str, *, required: bool) -> None:
    policy = Policy.from_document({**POLICY.to_document(), "composition": {"required": required, "pinned": PINNED}})
    decision = ask(EDIT, policy=policy, fingerprint=reported)
    assert {one.id for one in decision.rules} == {rule}
    assert decision.outcome is (Outcome.ALLOW if rule.startswith("tier") else Outcome.REVIEW)
    if rule == "composition.other":
        assert decision.sentence == "Needs approval: This is not the agent that was approved."


def test_a_mode_reports_and_does_not_count() -> None:
    outside = Action("edit.file", "docs/a.md", paths=("docs/a.md",))
    for mode in Mode:
        decision = ask(outside, policy=replace(POLICY, modes={"scope.path.outside": mode}))
        assert decision.outcome is (Outcome.REVIEW if mode is Mode.ENFORCE else Outcome.ALLOW)
        assert [one.id for one in decision.observed] == ([] if mode is Mode.ENFORCE else ["scope.path.outside"])
        assert bool(decision.warnings) is (mode is Mode.WARN)


def test_a_lower_level_cannot_switch_a_rule_of_a_higher_one() -> None:
    outside = Action("edit.file", "docs/a.md", paths=("docs/a.md",))
    policy = replace(POLICY, modes={"scope.path.outside": Mode.OBSERVE})
    decision = ask(outside, policy=policy, organisation={"scope": {"paths_allowed": ["src/**"]}})
    assert said(decision) == {("scope.path.outside", Level.ORGANISATION)}
    assert [one.level for one in decision.observed] == [Level.AGENT]


@pytest.mark.parametrize(
    ("action", "stated", "outcome"),
    [
        (Action("edit.file", paths=("src/../x",)), {}, Outcome.REVIEW),
        (Action("edit.file", paths=("src/\u200bx",)), {}, Outcome.REVIEW),
        (Action("edit.file", paths=("src/%2e%2e/x",)), {}, Outcome.REVIEW),
        (Action("edit.file", paths=("src/secret/x",)), {}, Outcome.DENY),
        (Action("push.branch", branch="main"), {}, Outcome.REVIEW),
        (Action("push.branch", branch="a..b"), {}, Outcome.REVIEW),
        (Action("network.write", host="evil.example"), {}, Outcome.REVIEW),
        (Action("secret.read"), {}, Outcome.DENY),
        (Action("unknown"), {}, Outcome.REVIEW),
        (Action("package.publish"), {}, Outcome.REVIEW),
        (EDIT, {"repository": "acme/other"}, Outcome.DENY),
        (EDIT, {"environment": "production"}, Outcome.DENY),
        (EDIT, {"credential": "other"}, Outcome.DENY),
        (EDIT, {"model": "claude-5 "}, Outcome.REVIEW),
    ],
)
def test_with_every_rule_observed_the_rest_still_holds(
    action: Action, stated: dict[str, Any], outcome: Outcome
) -> None:
    gates = [*RULES, *(f"tier.{key}" for key in template().tiers)]
    decision = ask(action, policy=replace(POLICY, modes=dict.fromkeys(gates, Mode.OBSERVE)), **stated)
    assert decision.outcome is outcome


def test_a_fetch_in_observe_is_reported_and_let_through() -> None:
    fetch = Action("network.fetch", host="example.org")
    decision = ask(fetch, policy=replace(POLICY, modes={"scope.host.outside": Mode.WARN}))
    assert decision.outcome is Outcome.ALLOW
    assert [one.id for one in decision.observed] == ["scope.host.outside"]
    assert decision.warnings[0].startswith("example.org is not on the network list.")


def test_an_observed_tier_that_forbids_still_forbids() -> None:
    policy = replace(POLICY, tiers={"pr.open": Tier.FORBIDDEN}, modes={"tier.pr.open": Mode.OBSERVE})
    assert ask(Action("pr.open"), policy=policy).outcome is Outcome.DENY


def test_sizes_joins_what_is_stated_and_what_is_shown() -> None:
    shown = Classified((EDIT,), understood=True, files=1, lines=30)
    assert sizes(shown, None, None) == (1, 30)
    assert sizes(shown, 4, 10) == (4, 30)
    assert sizes(Classified((READ,), understood=True), None, 7) == (None, 7)
    assert sizes(Classified((READ,), understood=True), None, None) == (None, None)


def test_a_size_below_nothing_is_not_a_way_round() -> None:
    assert ask(EDIT, files=-1).outcome is Outcome.REVIEW


def test_an_organisations_action_has_its_tier_and_never_less_than_its_floor() -> None:
    release = Action("acme.release")
    baseline = {"actions": {"acme.release": {**OWN.to_document(), "tier": "free"}}}
    assert ask(release, organisation=baseline).outcome is Outcome.ALLOW
    assert ask(release, organisation=baseline).rules[0].text == "Release: free for this agent."
    assert ask(release).outcome is Outcome.REVIEW  # not in the catalogue: unknown
    gated = {**baseline, "tiers": {"acme.release": "gated"}}
    assert said(ask(release, organisation=gated)) == {("tier.acme.release", Level.ORGANISATION)}
    once: dict[str, Any] = {**OWN.to_document(), "tier": "gated", "reversibility": "irreversible"}
    loose = replace(POLICY, tiers={"acme.release": Tier.FREE})
    assert ask(release, policy=loose, organisation={"actions": {"acme.release": once}}).outcome is Outcome.REVIEW


# What follows is asked of thousands of policies and questions.
MANY = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)

# For one part of a document at a time.
SOME = settings(MANY, max_examples=12)


def rank(question: Question, effective: Effective, narrowing: CompiledLayer | None = None) -> int:
    decision = authorize(question, effective, FINE, narrowing)
    assert not decision.errors
    return RANK[decision.outcome]


SCOPE_LISTS = sorted(Scope.__dataclass_fields__)
PARTS = [*SCOPE_LISTS, "tiers", "limits", "modes", "tasks", "composition"]


def narrowed(policy: Policy, part: str) -> Policy:
    """A policy that is open but for one part of it, so that this part decides."""
    if part in SCOPE_LISTS:
        return Policy(scope=replace(WIDE, **{part: getattr(policy.scope, part)}))
    return replace(Policy(scope=WIDE), **{part: getattr(policy, part)})


def drawn(policy: Policy, question: Question, data: st.DataObject) -> tuple[Policy, Question]:
    """In most cases the policy and the question are made to be about one thing, so that answers differ."""
    part = data.draw(st.sampled_from([*PARTS, ""]))
    return (narrowed(policy, part), about(part, question)) if part else (policy, question)


@MANY
@given(policy=POLICIES, question=QUESTIONS, more=st.tuples(BASELINES, RESTRICTIONS, RESTRICTIONS), data=st.data())
def test_a_level_more_is_never_a_right_more(
    policy: Policy, question: Question, more: tuple[Baseline, Restriction, Restriction], data: st.DataObject
) -> None:
    policy, question = drawn(policy, question, data)
    organisation, team, credential = more
    # The organisation's own actions name things and restrict nothing; they are there in both.
    bare = Baseline(actions=organisation.actions)
    narrowing = compile_narrowing(credential.to_document())
    alone = rank(question, compile_effective(policy, organisation=bare))
    event(f"alone {alone}")
    for one in (organisation, bare):
        for other in (team, None):
            for less in (narrowing, None):
                assert rank(question, compile_effective(policy, organisation=one, team=other), less) >= alone
    everything = rank(question, compile_effective(policy, organisation=organisation, team=team), narrowing)
    assert everything >= rank(question, compile_effective(policy, organisation=organisation), narrowing)
    assert everything >= rank(question, compile_effective(policy, organisation=bare, team=team), narrowing)
    if question.task is not None and question.task in policy.tasks:
        freed = replace(policy, tasks={**policy.tasks, question.task: Restriction()})
        assert alone >= rank(question, compile_effective(freed, organisation=bare))


@pytest.mark.parametrize("part", PARTS)
@SOME
@given(old=POLICIES, other=POLICIES, questions=st.lists(QUESTIONS, min_size=6, max_size=10), alone=st.booleans())
def test_without_a_widening_no_question_is_answered_more_mildly(
    part: str, old: Policy, other: Policy, questions: list[Question], *, alone: bool
) -> None:
    # One part is drawn anew and the rest kept: so that "no widening" is met often enough to prove something.
    if alone:
        old = narrowed(old, part)
    if part in SCOPE_LISTS:
        new = replace(old, scope=replace(old.scope, **{part: getattr(other.scope, part)}))
    else:
        new = replace(old, **{part: getattr(other, part)})
    assume(not widens(old, new))
    before, after = (compile_effective(one, organisation=Baseline(actions=(OWN,))) for one in (old, new))
    for question in questions:
        for asked in (question, about(part, question)):
            assert rank(asked, after) >= rank(asked, before), (part, asked)
    assert after.limits().lease_seconds <= before.limits().lease_seconds
    assert after.approval().quorum >= before.approval().quorum


@pytest.mark.parametrize("part", [*SCOPE_LISTS, "tiers", "limits", "modes"])
@SOME
@given(
    policy=POLICIES,
    old=RESTRICTIONS,
    other=RESTRICTIONS,
    questions=st.lists(QUESTIONS, min_size=6, max_size=10),
    alone=st.booleans(),
)
def test_a_restriction_that_does_not_widen_answers_no_question_more_mildly(
    part: str, policy: Policy, old: Restriction, other: Restriction, questions: list[Question], *, alone: bool
) -> None:
    member = "scope" if part in SCOPE_LISTS else part
    kept: dict[str, Any] = {} if alone else dict(getattr(old, member))
    first, second = (
        {**kept, **{name: value for name, value in getattr(one, member).items() if member != "scope" or name == part}}
        for one in (old, other)
    )
    base = Restriction() if alone else old
    before, after = replace(base, **{member: first}), replace(base, **{member: second})
    assume(not widens(before, after))
    for question in questions:
        for eased, asked in ((policy, question), (Policy(scope=WIDE), about(part, question))):
            team = [rank(asked, compile_effective(eased, team=one)) for one in (before, after)]
            assert team[1] >= team[0], (part, asked)
            less = [rank(asked, compile_effective(eased), compile_narrowing(r.to_document())) for r in (before, after)]
            assert less[1] >= less[0], (part, asked)


@MANY
@given(
    policy=POLICIES,
    question=QUESTIONS,
    rule=st.sampled_from([*RULES, "tier.read", "tier.network.fetch"]),
    data=st.data(),
)
def test_a_looser_mode_is_never_a_stricter_answer(
    policy: Policy, question: Question, rule: str, data: st.DataObject
) -> None:
    policy, question = drawn(policy, question, data)
    ranks = {}
    for mode in Mode:
        decision = authorize(question, compile_effective(replace(policy, modes={**policy.modes, rule: mode})), FINE)
        ranks[mode] = RANK[decision.outcome]
        assert {one.effect for one in decision.observed} <= {Effect.GATE}
        assert not any(one.id == rule for one in (decision.observed if mode is Mode.ENFORCE else ()))
    assert ranks[Mode.OBSERVE] == ranks[Mode.WARN] <= ranks[Mode.ENFORCE]
    strict, loose = (replace(policy, modes={**policy.modes, rule: mode}) for mode in (Mode.ENFORCE, Mode.OBSERVE))
    assert [change.pointer for change in widens(strict, loose)] == [f"/modes/{rule}"]
    assert widens(loose, strict) == []


@MANY
@given(POLICIES, QUESTIONS)
def test_the_document_of_a_policy_decides_as_the_policy_does(policy: Policy, question: Question) -> None:
    again = Policy.stored(policy.to_document())
    assert again == policy
    assert again.to_document() == policy.to_document()
    first, second = (authorize(question, compile_effective(one), FINE) for one in (policy, again))
    assert first == second


def test_limits_and_approval_are_the_strictest_of_all_levels() -> None:
    policy = replace(
        POLICY, limits=Limits(files=9, lines=90, lease_seconds=20), tasks={"a": Restriction(limits={"files": 3})}
    )
    effective = compile_effective(
        policy,
        organisation=Baseline(limits={"files": 5, "lease_seconds": 10}, approval={"quorum": 2}),
        team=Restriction(limits={"lines": 40}, approval={"grant_minutes": 3, "quorum": 1}),
    )
    assert effective.limits() == Limits(files=5, lines=40, lease_seconds=10)
    assert effective.limits("a").files == 3
    assert (effective.approval().quorum, effective.approval().grant_minutes) == (2, 3)
