"""A gate file: what maps into a policy, what does not, and that no value is dropped."""

from collections.abc import Iterator
from typing import Any

from registry.rules.code_gate import translate
from registry.rules.policy import Policy, template
from registry.rules.yaml_lines import parse

FILE = """\
version: 2
gates:
  security:
    enabled: true
    tools: [semgrep, codeql]
    block_on_failure: true
  review:
    requirements:
      min_reviewers: 2
      security_reviewer: true
limits:
  max_files_changed: 12
  max_lines: many
paths:
  allowed: ["src/**", "docs/**"]
protected_paths: ["infra/", ".env"]
protected_branches: [main, live]
models:
  allowed: ["anthropic/*"]
actions:
  dependency/change: deny
  file.delete: review
  deploy.production: sometimes
notifications: {slack: "#builds"}
"""


def leaves(value: Any, pointer: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    else:
        yield pointer


def test_what_maps_is_in_the_document() -> None:
    made = translate(parse(FILE), over=template())
    policy = Policy.from_document(made.document)
    assert policy.approval.quorum == 2
    assert policy.limits.files == 12
    assert policy.scope.paths_allowed == ("src/**", "docs/**")
    assert policy.scope.paths_blocked == (*template().scope.paths_blocked, "infra/")
    assert policy.scope.branches_protected == (*template().scope.branches_protected, "live")
    assert policy.scope.models == ("anthropic/*",)
    assert policy.tier_of("file.delete") == "gated"


def test_every_value_is_in_exactly_one_list_with_its_line() -> None:
    parsed = parse(FILE)
    made = translate(parsed, over=template())
    told = [row.pointer for row in (*made.mapped, *made.unmapped)]
    assert sorted(told) == sorted(leaves(parsed.value))
    lines = {row.pointer: row.line for row in (*made.mapped, *made.unmapped)}
    assert lines["/gates/review/requirements/min_reviewers"] == 9
    assert lines["/protected_branches"] == 17


def test_what_does_not_map_says_why_and_changes_nothing() -> None:
    made = translate(parse(FILE), over=template())
    why = {row.pointer: row.sentence for row in made.unmapped}
    assert "quality of code" in why["/gates/security/tools"]
    assert "no setting" in why["/limits/max_lines"]
    assert "no setting" in why["/actions/deploy.production"]
    assert "no setting" in why["/actions/dependency~1change"]
    only = translate(parse("gates: {syntax: {enabled: true}}"), over=template())
    assert only.document == template().to_document()


def test_a_value_that_no_policy_takes_is_told_and_changes_nothing() -> None:
    made = translate(
        parse("paths: {allowed: ['a/../b']}\nactions: {secret.read: allow, dependency: {change: deny}}"),
        over=template(),
    )
    why = {row.pointer: row.sentence for row in made.unmapped}
    assert set(why) == {"/paths/allowed", "/actions/secret.read"}
    assert "baseline is forbidden" in why["/actions/secret.read"]
    assert Policy.from_document(made.document).scope.paths_allowed == template().scope.paths_allowed
    assert Policy.from_document(made.document).tier_of("dependency.change") == "forbidden"
