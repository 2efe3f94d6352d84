"""Running the released Claude Code headless in a throw-away project, with its hooks pointed at the portal."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.agents.model import Script, scripted_model

VERSION = "2.1.329"
ROOT = Path(__file__).resolve().parent.parent.parent
INSTALLED = ROOT / "var" / "agents"
_GIT = ["git", "-c", "user.email=agent@example.test", "-c", "user.name=Agent", "-c", "init.defaultBranch=main"]


class NotInstallable(Exception):
    """The agent could not be had on this machine; the message says why."""


def install() -> Path:
    """The agent's executable, installed by npm into ``var/agents`` when it is not there yet."""
    found = sorted(INSTALLED.glob("node_modules/@anthropic-ai/claude-code-*/claude"))
    if not found:
        npm = shutil.which("npm")
        if npm is None:
            raise NotInstallable("npm is not installed, so Claude Code cannot be installed.")
        INSTALLED.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", ".", f"@anthropic-ai/claude-code@{VERSION}"]
        done = subprocess.run(command, cwd=INSTALLED, capture_output=True, text=True, check=False)
        found = sorted(INSTALLED.glob("node_modules/@anthropic-ai/claude-code-*/claude"))
        if done.returncode or not found:
            raise NotInstallable(f"npm could not install Claude Code {VERSION}: {done.stderr[-400:]}")
    return found[0]


@dataclass(frozen=True)
class Project:
    """A git working copy with a remote, a test, a secret, and a HOME of its own for the agent."""

    folder: Path
    home: Path
    remote: Path

    def remote_head(self) -> str:
        return _out([*_GIT, "-C", str(self.remote), "rev-parse", "main"])

    def rewrite_history(self) -> str:
        """Amend the newest commit, so that only a force-push can publish it; returns its hash."""
        (self.folder / "notes.md").write_text(f"{len(list(self.folder.iterdir()))} {os.urandom(4).hex()}\n")
        _out([*_GIT, "-C", str(self.folder), "add", "-A"])
        _out([*_GIT, "-C", str(self.folder), "commit", "-q", "--amend", "-m", "rewritten"])
        return _out([*_GIT, "-C", str(self.folder), "rev-parse", "HEAD"])


def make_project(base: Path) -> Project:
    folder, home, remote = base / "checkout", base / "home", base / "remote.git"
    home.mkdir()
    _out([*_GIT, "init", "-q", "--bare", str(remote)])
    _out([*_GIT, "init", "-q", str(folder)])
    (folder / "README.md").write_text("# Checkout\n")
    (folder / "Makefile").write_text("test:\n\t@echo ran > TESTS_RAN\n")
    (folder / ".env").write_text("PAYMENT_KEY=never-to-be-shown\n")
    (folder / ".gitignore").write_text(".env\nTESTS_RAN\n")
    for command in (
        ["add", "-A"],
        ["commit", "-q", "-m", "first"],
        ["remote", "add", "origin", str(remote)],
        ["push", "-q", "origin", "main"],
    ):
        _out([*_GIT, "-C", str(folder), *command])
    return Project(folder, home, remote)


def settings(base_url: str, *, timeout: int = 10) -> dict[str, Any]:
    """The settings file that the portal tells people to write, for this address."""
    headers = {"Authorization": "Bearer $BAILIWICK_TOKEN", "Bailiwick-Repository": "acme/payments"}
    ask = {
        "type": "http",
        "url": f"{base_url}/hooks/claude",
        "timeout": timeout,
        "headers": headers,
        "allowedEnvVars": ["BAILIWICK_TOKEN"],
        "onFailure": "block",
    }
    tell = {
        "type": "http",
        "url": f"{base_url}/ingest/hooks/claude",
        "timeout": timeout,
        "headers": headers,
        "allowedEnvVars": ["BAILIWICK_TOKEN"],
    }
    told = ("PostToolUse", "PostToolUseFailure", "UserPromptSubmit", "Stop", "SessionEnd")
    return {"hooks": {"PreToolUse": [{"hooks": [ask]}], **{name: [{"hooks": [tell]}] for name in told}}}


def run(
    project: Project,
    *,
    commands: list[str],
    base_url: str,
    token: str,
    timeout: int = 10,
    otlp: str = "",
    session: str = "",
    resume: bool = False,
) -> Script:
    """One headless session that is told to run the commands; permissions are bypassed, so only the hook gates.

    With ``resume`` the session goes on: its results come first again, so ``commands`` repeats its commands.
    """
    executable = install()
    script = Script(commands)
    file = project.home / "settings.json"
    file.write_text(json.dumps(settings(base_url, timeout=timeout)))
    with scripted_model(script) as model:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(project.home),
            "TERM": "xterm",
            "ANTHROPIC_BASE_URL": model,
            "ANTHROPIC_API_KEY": "sk-ant-scripted-0000",
            "BAILIWICK_TOKEN": token,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "IS_SANDBOX": "1",
            **(_telemetry(base_url, token, otlp) if otlp else {}),
        }
        command = [
            str(executable), "-p", "Work through your script.", "--output-format", "stream-json", "--verbose",
            "--settings", str(file), "--permission-mode", "bypassPermissions", *_session(session, resume=resume),
        ]  # fmt: skip
        done = subprocess.run(
            command,
            cwd=project.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    (project.home / "stdout.jsonl").write_text(done.stdout)
    (project.home / "stderr.txt").write_text(done.stderr)
    return script


def _session(session: str, *, resume: bool) -> list[str]:
    if not session:
        return []
    return ["--resume" if resume else "--session-id", session]


def _telemetry(base_url: str, token: str, protocol: str) -> dict[str, str]:
    return {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_ENDPOINT": base_url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer {token}",
        "OTEL_LOGS_EXPORT_INTERVAL": "300",
        "OTEL_LOG_TOOL_DETAILS": "1",
    }


def _out(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
