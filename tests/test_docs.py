"""The documentation, held against the code: variables, targets, links, words, decisions, and the examples it shows."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from registry.models import Agent
from registry.web.connect import CLAUDE_CODE_LEAST, claude_settings
from tests.organisation import Organisation, credential_for

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted(ROOT.glob("docs/decisions/[0-9]*.md"))
# Every word that another page may use without explaining it.
TERMS = """
agent, owner team, accountable person, charter, credential, scope, action type, tier, baseline, policy, policy
revision, kill order, resume, epoch, enforcement point, check, classify, decision, approval request, sealed
view, review, verdict, quorum, resolution, grant, redeem, binding digest, initiator, step-up, run, run event,
source, receipt, story, ledger, entry, commitment, disclosure, subject key, seal, index, leaf, checkpoint,
inclusion proof, consistency proof, follower, cursor, audit package, manifest, verdict of a package, log key,
package key, content key, manager, approver, security, auditor, operator, authority
"""
# A machine's own paths, and the hosts of package registries, real or mirrored: none of them is the reader's business.
FORBIDDEN = re.compile(
    r"(?<![\w.])/(?:work|home|root|Users|tmp)/|pypi\.org|pythonhosted|registry\.npmjs|proxy\.golang|artifactory|nexus",
    re.IGNORECASE,
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def variables() -> set[str]:
    """Every ``BAILIWICK_…`` that the settings or the embedded server read from the environment."""
    found: set[str] = set()
    for path in [*ROOT.glob("portal/settings/*.py"), *ROOT.glob("portal/embedded/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            called, name = ast.unparse(node.func), str(node.args[0].value)
            if called in {"environment.text", "environment.flag", "environment.items"}:
                found.add(f"BAILIWICK_{name}")
            elif name.startswith("BAILIWICK_") and called.endswith((".get", ".pop", "_number")):
                found.add(name)
    assert len(found) > 15, "the walk found too little to prove anything"
    return found


def test_every_variable_is_in_the_operators_table() -> None:
    rows = "\n".join(line for line in text_of("docs/operator.md").splitlines() if line.startswith("| `BAILIWICK_"))
    documented = set(re.findall(r"`(BAILIWICK_\w+)`", "\n".join(row.split("|")[1] for row in rows.splitlines())))
    assert documented == variables()


def test_every_make_target_is_explained() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.MULTILINE))
    assert len(targets) > 5
    explained = text_of("CONTRIBUTING.md") + text_of("README.md")
    assert {name for name in targets if f"make {name}`" not in explained} == set()
    everywhere = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"`make ([a-z-]+)`", everywhere)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for target in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        if not place.is_file() or (anchor and anchor not in anchors_of(place)):
            lost.append(target)
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_nothing_of_a_single_machine_is_named(page: Path) -> None:
    assert FORBIDDEN.findall(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "name",
    ["ARCHITECTURE.md", "CONTRIBUTING.md", "GLOSSARY.md", *(f"docs/decisions/{path.name}" for path in DECISIONS)],
)
def test_files_that_are_named_exist(name: str) -> None:
    """A path in backticks below a package is there; ``<app>/…`` and patterns stand for many."""
    named = re.findall(r"`((?:portal|registry|approvals|reports|tests|static)/[\w/.-]+)`", text_of(name))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_glossary_has_every_word() -> None:
    rows = [line for line in text_of("GLOSSARY.md").splitlines() if line.startswith("| **")]
    words = [word for row in rows for word in re.findall(r"\*\*(.+?)\*\*", row.split("|")[1])]
    assert len(words) == len(set(words)), "a word with two meanings"
    assert {" ".join(term.split()) for term in TERMS.split(",")} <= set(words)
    for row in rows:
        assert re.search(r"`\w+/[\w/.]+`", row.split("|")[3]), f"says not where in the code: {row}"


def test_decisions_are_numbered_once_and_listed() -> None:
    numbers = [path.name[:4] for path in DECISIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    listed = re.findall(r"\((\d{4}-[\w-]+\.md)\)", text_of("docs/decisions/README.md"))
    assert listed == [path.name for path in DECISIONS]
    for path in DECISIONS:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}. "), f"{path.name} begins otherwise"
        for part in ("Context", "Decision", "Alternatives", "Consequences"):
            assert f"\n## {part}\n" in text, f"{path.name} has no {part}"


def test_the_changelog_and_the_measurements_keep_their_form() -> None:
    assert "## [Unreleased]" in text_of("CHANGELOG.md")
    rows = [line for line in text_of("docs/measurements.md").splitlines() if line.startswith("|")]
    assert rows[0] == "| date | machine | command | floor | ours | ratio | spread |"
    for row in rows[2:]:
        assert row.count("|") == 8, f"not seven columns: {row}"
        assert re.match(r"\| \d{4}-\d\d-\d\d \|", row), f"begins without a date: {row}"


def example(name: str) -> Any:
    """The JSON below ``<!-- name -->`` in the page for agent authors."""
    found = re.search(rf"<!-- {name} -->\n```json\n(.*?)\n```", text_of("docs/agent-author.md"), re.DOTALL)
    assert found, f"there is no example of {name}"
    return json.loads(found[1])


def _shape(value: Any) -> Any:
    match value:
        case dict():
            return {key: _shape(item) for key, item in value.items()}
        case list():
            return [_shape(value[0])] if value else []
        case _:
            return type(value).__name__


def _hooks(settings: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from settings["hooks"].items()


def test_the_settings_shown_are_those_the_portal_writes() -> None:
    written = dict(_hooks(json.loads(claude_settings(base_url="http://127.0.0.1:8800", repository="acme/payments"))))
    page = text_of("docs/agent-author.md")
    shown = dict(_hooks(json.loads(re.findall(r"```json\n(.*?)\n```", page, re.DOTALL)[0])))
    assert shown == {event: written[event] for event in shown}
    assert all(f"`{event}`" in page for event in written if event not in shown)
    short = re.search(r"<<'JSON'\n(.*?)\nJSON\n", text_of("README.md"), re.DOTALL)
    assert short
    (entry,) = json.loads(short[1])["hooks"]["PreToolUse"]
    entry["hooks"][0]["headers"]["Bailiwick-Repository"] = "acme/payments"
    assert [entry] == written["PreToolUse"]
    for name in ("README.md", "SECURITY.md", "docs/security.md", "docs/agent-author.md"):
        assert CLAUDE_CODE_LEAST in text_of(name)


@pytest.mark.django_db(transaction=True)
def test_the_examples_are_answered_as_shown(client: Client, organisation: Organisation, agent: Agent) -> None:
    headers = {"Authorization": f"Bearer {credential_for(organisation, agent)}"}
    asked, shown = example("check request"), example("check response")
    answer = client.post("/api/v1/checks", data=asked, content_type="application/json", headers=headers).json()
    assert _shape(answer) == _shape(shown)
    for name in ("outcome", "tier", "sentence", "rules", "stopped", "epoch", "granted"):
        assert answer[name] == shown[name]

    told = example("events request")
    receipt = client.post("/api/v1/events", data=told, content_type="application/json", headers=headers).json()
    assert _shape(receipt) == _shape(example("events response"))
    assert {**receipt, "receipt": ""} == {**example("events response"), "receipt": ""}


@pytest.mark.django_db(transaction=True)
def test_the_first_operator_is_made_as_shown() -> None:
    recipe = re.search(r"```python\n(.*?)\n```", text_of("docs/operator.md"), re.DOTALL)
    assert recipe
    made: dict[str, Any] = {}
    exec(compile(recipe[1], "docs/operator.md", "exec"), made)  # noqa: S102 (our own page)
    assert [held.role for held in made["person"].role_assignments.all()] == ["operator"]
