"""What an agent's machine reports of its work, sent through the same readers as everybody's."""

from datetime import datetime
from itertools import count
from random import Random
from typing import Any

import orjson

from portal.ledger.events import instant
from reports.demo.agents import Playing
from reports.demo.steps import Step, Story
from reports.ingest import claude_hooks, otlp_json, plain
from reports.ingest.incoming import Parsed
from reports.services.ingest import API, HOOKS, OTLP, identify, record

_SOURCES = {"codex": "codex", "gemini": "gemini-cli", "copilot": "copilot", "droid": "droid"}


class Reporter:
    """The reporting side of one session: Claude Code by its hooks and telemetry, others in the plain format."""

    def __init__(self, playing: Playing, story: Story, *, session: str, initiator: str, random: Random) -> None:
        self._playing, self._story = playing, story
        self._session, self._initiator, self._random = session, initiator, random
        self._by_hooks = playing.casting.platform == "claude_code"
        self._numbers = count(1)

    def began(self, now: datetime) -> None:
        if self._by_hooks:
            self._hook(now, "SessionStart", source="startup", model=self._playing.casting.model)
        else:
            self._plain(now, "session_start", facts={"version": "1.4.2"})

    def prompted(self, now: datetime, prompt: str) -> None:
        if self._by_hooks:
            self._hook(now, "UserPromptSubmit", prompt=prompt)
        else:
            self._plain(now, "user_prompt", content={"prompt": prompt}, facts={"prompt_length": len(prompt)})

    def thought(self, now: datetime) -> None:
        """A call of the model, with what it used."""
        used = {
            "input_tokens": self._random.randint(900, 14_000),
            "output_tokens": self._random.randint(60, 900),
            "cache_read_tokens": self._random.randint(4_000, 60_000),
            "duration_ms": self._random.randint(1_200, 14_000),
        }
        if self._by_hooks:
            self._telemetry(now, "api_request", used)
        else:
            self._plain(now, "api_request", facts={**used, "sequence": next(self._numbers)})

    def used(self, now: datetime, step: Step, *, tool_use_id: str) -> None:
        took = self._random.randint(8, 180) if step.tool != "Bash" else self._random.randint(90, 52_000)
        if self._by_hooks:
            result = {"error": step.output} if step.failed else {"tool_response": {"output": step.output}}
            name = "PostToolUseFailure" if step.failed else "PostToolUse"
            call = {"tool_name": step.tool, "tool_input": step.input, "tool_use_id": tool_use_id}
            self._hook(now, name, **call, **result, duration_ms=took)
        else:
            self._plain(
                now,
                "tool_result",
                tool=step.tool,
                tool_use_id=tool_use_id,
                outcome="error" if step.failed else "ok",
                facts={"duration_ms": took, "sequence": next(self._numbers)},
                content={"tool_input": step.input, "tool_output": step.output},
            )

    def ended(self, now: datetime, answer: str, *, reason: str = "other") -> None:
        if self._by_hooks:
            self._hook(now, "Stop", stop_hook_active=False, last_assistant_message=answer)
            self._hook(now, "SessionEnd", reason=reason)
        else:
            said = {"response": answer} if answer else {}
            self._plain(now, "assistant_response", content=said)
            self._plain(now, "session_end", facts={"reason": reason})

    def _hook(self, now: datetime, name: str, **fields: Any) -> None:
        body = {"session_id": self._session, "cwd": self._story.cwd, "hook_event_name": name, **fields}
        record(
            sender=identify(self._playing.token),
            source=HOOKS,
            parsed=claude_hooks.read(orjson.dumps(body), now=now),
        )

    def _plain(self, now: datetime, name: str, **fields: Any) -> None:
        event = {
            "key": f"{self._session}-{name}-{instant(now)}",
            "session": self._session,
            "name": name,
            "at": instant(now),
            "model": self._playing.casting.model,
            "initiator": self._initiator,
            "repository": self._story.repository,
            "branch": self._story.branch,
            **fields,
        }
        body = {"schema": "1", "source": _SOURCES[self._playing.casting.platform], "events": [event]}
        batch = plain.read_json(orjson.dumps(body), now=now)
        parsed = Parsed(batch.incoming, batch.rejected)
        record(sender=identify(self._playing.token), source=f"{API}{batch.source}", parsed=parsed)

    def _telemetry(self, now: datetime, name: str, numbers: dict[str, int]) -> None:
        stated: dict[str, str | int] = {
            "event.name": name,
            "event.timestamp": instant(now),
            "event.sequence": next(self._numbers),
            "session.id": self._session,
            "user.email": self._initiator,
            "model": self._playing.casting.model,
            **numbers,
        }
        resource = {"service.name": "claude-code", "service.version": "2.1.329"}
        log = {"timeUnixNano": "0", "body": {"stringValue": f"claude_code.{name}"}, "attributes": _attributes(stated)}
        scope = {"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": [log]}
        body = {"resourceLogs": [{"resource": {"attributes": _attributes(resource)}, "scopeLogs": [scope]}]}
        parsed = otlp_json.read(orjson.dumps(body), now=now)
        record(sender=identify(self._playing.token), source=OTLP, parsed=parsed)


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in values.items()
    ]
