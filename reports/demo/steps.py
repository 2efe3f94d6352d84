"""The words in which the demonstration's runs are written: a story, its steps, and what people say to a gate."""

from dataclasses import dataclass, field
from typing import Any

HOME = "/home/dev"


@dataclass(frozen=True)
class Gate:
    """What becomes of a gated step.

    ``verdicts`` are (person, "approve", "deny" or "changes", reason, minutes after the request); none means that
    it expires. ``used`` tells whether the agent comes back for its grant.
    """

    verdicts: tuple[tuple[str, str, str, float], ...] = ()
    used: bool = True


@dataclass(frozen=True)
class Step:
    """One tool call: what goes in, what comes out, and what people made of it when it is gated.

    ``server`` is an MCP server that the agent has by then and that nobody approved.
    """

    tool: str
    input: dict[str, Any]
    output: str = ""
    failed: bool = False
    gate: Gate = field(default=Gate())
    server: str = ""


@dataclass(frozen=True, kw_only=True)
class Story:
    """One session of an agent. ``agent`` and ``by`` are keys of the demonstration's agents and people.

    ``task`` is its task type, for an agent whose policy has such; without one the ticket is stated.
    """

    agent: str
    by: str
    repository: str
    branch: str
    ticket: str
    prompt: str
    steps: tuple[Step, ...]
    answer: str
    environment: str | None = None
    task: str = ""

    @property
    def cwd(self) -> str:
        return f"{HOME}/{self.repository.rpartition('/')[2]}"


def bash(command: str, output: str = "", *, failed: bool = False, gate: Gate = Gate()) -> Step:
    return Step("Bash", {"command": command}, output, failed, gate)


def read(path: str) -> Step:
    return Step("Read", {"file_path": path}, "")


def grep(pattern: str, found: str) -> Step:
    return Step("Grep", {"pattern": pattern, "output_mode": "files_with_matches"}, found)


def edit(path: str, old: str, new: str, *, gate: Gate = Gate()) -> Step:
    return Step("Edit", {"file_path": path, "old_string": old, "new_string": new}, f"Updated {path}", False, gate)


def write(path: str, content: str, *, gate: Gate = Gate()) -> Step:
    return Step("Write", {"file_path": path, "content": content}, f"Wrote {path}", False, gate)


def fetch(url: str, output: str, *, gate: Gate = Gate()) -> Step:
    return Step("WebFetch", {"url": url, "prompt": "What changed?"}, output, False, gate)


def approved(by: str, reason: str, minutes: float, *, used: bool = True) -> Gate:
    return Gate(((by, "approve", reason, minutes),), used)


def denied(by: str, reason: str, minutes: float) -> Gate:
    return Gate(((by, "deny", reason, minutes),))


def sent_back(by: str, reason: str, minutes: float) -> Gate:
    return Gate(((by, "changes", reason, minutes),))


def approved_by_two(first: tuple[str, str, float], second: tuple[str, str, float]) -> Gate:
    """Each is (person, reason, minutes after the request), the earlier one first."""
    return Gate(tuple((by, "approve", reason, minutes) for by, reason, minutes in (first, second)))


EXPIRED = Gate()
