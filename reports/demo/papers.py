"""The three files that the demonstration leaves in the data folder: who signs in, and how an agent is connected."""

import os
import secrets
from pathlib import Path
from shlex import quote

import orjson

from registry.web.connect import claude_settings, token_line
from reports.demo.organisation import CAST

SIGN_INS, AGENT, SETTINGS = "demo-sign-ins.txt", "demo-agent.txt", "demo-claude-settings.json"
# Without the letters and digits that are taken for one another when a password is typed from a screen.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_password() -> str:
    """Four groups of four: 79 bits, and readable."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def write_sign_ins(directory: Path, *, password: str) -> None:
    rows = [("who", "e-mail", "what they come to do")]
    rows += [(f"{part.name}, {part.title}", part.email, part.comes_to) for part in CAST]
    wide = [max(len(row[column]) for row in rows) for column in range(2)]
    table = [f"{who:<{wide[0]}}  {email:<{wide[1]}}  {does}" for who, email, does in rows]
    _write(directory / SIGN_INS, "\n".join([f"Password of everyone below: {password}", "", *table, ""]))


def write_agent(directory: Path, *, base_url: str, agent: str, repository: str, token: str) -> None:
    settings = directory / SETTINGS
    _write(settings, claude_settings(base_url=base_url, repository=repository) + "\n")
    question = {
        "schema": "1",
        "session": "first-try",
        "cwd": "/tmp/try",  # noqa: S108 (a text in a question; nothing is written there)
        "tool": "Bash",
        "input": {"command": "git push --force origin main"},
        "repository": repository,
    }
    body = quote(orjson.dumps(question).decode())
    headers = '-H "Authorization: Bearer $BAILIWICK_TOKEN" -H "Content-Type: application/json"'
    lines = [
        f"# as “{agent}”, for seven days:",
        token_line(token),
        "# Claude Code, in any folder; each tool call is then asked for and reported:",
        f"claude --settings {quote(str(settings))}",
        "# or without Claude Code, one question:",
        f"curl -s {base_url}/api/v1/checks {headers} -d {body}",
        "",
    ]
    _write(directory / AGENT, "\n".join(lines))


def _write(path: Path, text: str) -> None:
    """Readable by its owner from its first byte on: these files hold a password and a token."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
