"""What an agent is made of: the shim and the portal come to the same 64 digits."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules import composition
from tests.shim.conftest import SHIM, Shim

SETTINGS: dict[str, Any] = {
    "model": "claude-opus",
    "permissions": {"allow": ["Read", "Bash(git *)", "Read"]},
    "hooks": {
        "PreToolUse": [{"matcher": "*", "hooks": [{"type": "http", "url": "https://portal.example/hooks/claude"}]}]
    },
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / ".claude" / "agents").mkdir(parents=True)
    (folder / "CLAUDE.md").write_text("Be careful.\n")
    (folder / ".claude" / "agents" / "reviewer.md").write_text("Review.\n")
    (folder / ".claude" / "settings.json").write_text(json.dumps(SETTINGS))
    (folder / ".mcp.json").write_text('{"mcpServers": {"github": {"command": "github-mcp", "env": {"TOKEN": "x"}}}}')
    return folder


def told(shim: Shim, folder: Path, *more: str) -> tuple[dict[str, Any], str]:
    done = shim.run("fingerprint", "--folder", str(folder), *more)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    return document["composition"], document["fingerprint"]


def test_the_portal_comes_to_the_same(shim: Shim, checkout: Path) -> None:
    parts, fingerprint = told(shim, checkout)
    assert composition.fingerprint(parts) == fingerprint
    assert set(parts) == set(composition.MEMBERS)
    assert parts["model"] == "claude-opus"
    assert parts["tools"] == ["Bash(git *)", "Read"]
    assert "TOKEN" not in json.dumps(parts)


def test_only_the_members_that_are_pinned(shim: Shim, checkout: Path) -> None:
    parts, fingerprint = told(shim, checkout, "--members", "model,tools")
    assert set(parts) == {"model", "tools"}
    assert composition.fingerprint(parts) == fingerprint
    assert shim.run("fingerprint", "--folder", str(checkout), BAILIWICK_FINGERPRINT_MEMBERS="model,tools").stdout == (
        shim.run("fingerprint", "--folder", str(checkout), "--members", "tools,model").stdout
    )


def test_every_part_shows_when_it_changes(shim: Shim, checkout: Path) -> None:
    seen = {told(shim, checkout)[1]}
    (checkout / "CLAUDE.md").write_text("Be careless.\n")
    seen.add(told(shim, checkout)[1])
    (checkout / ".claude" / "agents" / "reviewer.md").rename(checkout / ".claude" / "agents" / "writer.md")
    seen.add(told(shim, checkout)[1])
    (checkout / ".mcp.json").write_text('{"mcpServers": {"github": {"command": "github-mcp --write"}}}')
    seen.add(told(shim, checkout)[1])
    (checkout / ".claude" / "settings.json").write_text(json.dumps({**SETTINGS, "hooks": {}}))
    seen.add(told(shim, checkout)[1])
    (checkout / ".claude" / "settings.json").write_text(json.dumps({**SETTINGS, "permissions": {"allow": ["*"]}}))
    seen.add(told(shim, checkout)[1])
    seen.add(told(shim, checkout, "--model", "another")[1])
    assert len(seen) == 7


def test_an_empty_checkout_has_one_too(shim: Shim, tmp_path: Path) -> None:
    parts, fingerprint = told(shim, tmp_path)
    assert parts == {"tools": [], "mcp_servers": [], "hooks": []}
    assert composition.fingerprint(parts) == fingerprint


@pytest.mark.parametrize("text", ["{", "[]", "\x00", '{"model": "a\\u0000"}'])
def test_settings_that_cannot_be_read_give_none(shim: Shim, checkout: Path, text: str) -> None:
    (checkout / ".claude" / "settings.json").write_text(text)
    done = shim.run("fingerprint", "--folder", str(checkout))
    assert done.returncode == 3
    assert done.stdout == ""


namespace: dict[str, Any] = {"__name__": "shim"}
exec(compile(SHIM.read_text(encoding="utf-8"), str(SHIM), "exec"), namespace)  # noqa: S102  our own file


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(TEXTS, st.lists(TEXTS))
def test_any_text_is_written_alike(tmp_path_factory: pytest.TempPathFactory, model: str, tools: list[str]) -> None:
    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".claude").mkdir()
    (folder / ".claude" / "settings.json").write_text(json.dumps({"permissions": {"allow": tools}}))
    parts, fingerprint = namespace["composition"](str(folder), model or None)
    assert composition.fingerprint(parts) == fingerprint
