"""The hot paths in the API's schema: plain views that the generator cannot see, described by hand."""

from typing import Any, Final

from approvals.api.calls import (
    FINGERPRINT,
    MOST_AUTHORS,
    MOST_COUNTED,
    MOST_CWD,
    MOST_DIFF,
    MOST_STATED,
    NUMBERS,
    OPTIONAL,
    SCHEMA,
)
from approvals.rules.authorize import Effect, Outcome
from approvals.rules.heads import COMMIT
from portal.api.schema import MEDIA_TYPE, SCHEMA_NAME
from registry.rules.levels import Level
from registry.rules.tiers import Tier

Document = dict[str, Any]

_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{SCHEMA_NAME}"}}}
_SECURITY: Final[list[dict[str, list[str]]]] = [{"AgentToken": []}]


def _text(most: int = MOST_STATED) -> Document:
    return {"type": "string", "maxLength": most}


_SAID: Final[dict[str, Document]] = {
    "repository_id": {"description": "The host's own id of the repository; it decides where a policy pins one."},
    "provider": {"description": "Who serves the model; patterns may be ``provider/model``."},
    "credential": {"description": "The kind of credential that the action uses.", "example": "github-app"},
    "prompt_author": {"description": "The e-mail address of whoever wrote the prompt; they may not approve it."},
    "task": {"description": "The task type under which the agent works."},
    "files": {"description": "Files that the change touches, where the call itself does not show it."},
    "lines": {"description": "Lines that the change adds and removes."},
}
_CHECK: Final[Document] = {
    "type": "object",
    "required": ["schema", "session", "tool", "input", "cwd"],
    "additionalProperties": False,
    "properties": {
        "schema": {"type": "string", "enum": [SCHEMA]},
        "session": {**_text(), "minLength": 1, "description": "The platform's session; it names the run."},
        "tool": {**_text(), "minLength": 1, "example": "Bash"},
        "input": {"type": "object", "additionalProperties": True, "example": {"command": "git status"}},
        "cwd": {**_text(MOST_CWD), "minLength": 1},
        "tool_use_id": {**_text(), "nullable": True},
        **{name: {**_text(), "nullable": True, **_SAID.get(name, {})} for name in OPTIONAL},
        **{
            name: {"type": "integer", "minimum": 0, "maximum": MOST_COUNTED, "nullable": True, **_SAID[name]}
            for name in NUMBERS
        },
        "fingerprint": {
            "type": "string",
            "pattern": f"^{FINGERPRINT.pattern}$",
            "nullable": True,
            "description": "SHA-256 over what the agent is made of; another than the pinned one is gated.",
        },
        "head": {
            "type": "string",
            "pattern": f"^({COMMIT.pattern})$",
            "nullable": True,
            "description": "The commit that the branch stands at; an approval ends when a newer one is reported.",
        },
        "diff": {
            **_text(MOST_DIFF),
            "nullable": True,
            "description": "The whole change as a unified diff, where the call itself does not show it.",
        },
        "co_authors": {
            "type": "array",
            "maxItems": MOST_AUTHORS,
            "items": _text(),
            "nullable": True,
            "description": "E-mail addresses of the people who wrote part of the change; they may not approve it.",
        },
    },
}
_RULES: Final[Document] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "effect": {"type": "string", "enum": [effect.value for effect in Effect]},
            "text": {"type": "string"},
            "level": {"type": "string", "nullable": True, "enum": [*(level.value for level in Level), None]},
        },
    },
}
_ANSWER: Final[Document] = {
    "type": "object",
    "required": [
        "outcome",
        "tier",
        "sentence",
        "rules",
        "observed",
        "warnings",
        "stopped",
        "epoch",
        "entry",
        "run",
        "granted",
        "grant",
        "request",
    ],
    "properties": {
        "outcome": {"type": "string", "enum": [outcome.value for outcome in Outcome]},
        "tier": {"type": "string", "enum": [tier.value for tier in Tier]},
        "sentence": {"type": "string"},
        "rules": {**_RULES, "description": "The rules that decided, each with the level of policy it comes from."},
        "observed": {**_RULES, "description": "Rules that are only watched (observe, warn); they did not count."},
        "warnings": {"type": "array", "items": {"type": "string"}, "description": "Sentences for the agent."},
        "stopped": {"type": "boolean", "description": "A stop is in force: end the session."},
        "epoch": {"type": "integer"},
        "entry": {"type": "string", "format": "uuid", "description": "The ledger entry that records the answer."},
        "run": {"type": "string", "format": "uuid"},
        "granted": {"type": "boolean", "description": "Allowed once, by an approval."},
        "grant": {
            "type": "object",
            "nullable": True,
            "description": "What let the call through, when an approval did: say how the call ended under its id.",
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "token": {
                    "type": "string",
                    "nullable": True,
                    "description": "What was approved, as a JWS signed by a key of /.well-known/jwks.json.",
                },
            },
        },
        "request": {
            "type": "object",
            "nullable": True,
            "description": "What people are asked when the outcome is review, or the request that a denial speaks of.",
            "properties": {
                "number": {"type": "string", "example": "AR-7"},
                "state": {"type": "string"},
                "url": {"type": "string", "format": "uri"},
                "expires_at": {"type": "string", "format": "date-time"},
                "retry_after": {
                    "type": "integer",
                    "nullable": True,
                    "description": "Seconds before it is of use to ask again.",
                },
            },
        },
    },
}
_HOOK: Final[Document] = {
    "type": "object",
    "required": ["hook_event_name", "session_id", "cwd", "tool_name", "tool_input"],
    "additionalProperties": True,
    "properties": {
        "hook_event_name": {"type": "string", "enum": ["PreToolUse"]},
        "session_id": _text(),
        "cwd": _text(MOST_CWD),
        "tool_name": _text(),
        "tool_input": {"type": "object", "additionalProperties": True},
        "tool_use_id": _text(),
    },
}


def _refusals(sentences: dict[str, str]) -> Document:
    return {status: {"description": said, "content": _PROBLEM} for status, said in sentences.items()}


def _posted(body: Document) -> Document:
    return {"required": True, "content": {"application/json": {"schema": body}}}


def describe_hot_paths(result: Document, generator: Any, request: Any, public: bool) -> Document:
    """drf-spectacular's hook, after all others: what is written here is complete."""
    schemes = result.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["AgentToken"] = {"type": "http", "scheme": "bearer", "description": "An agent's token, bwa_…"}
    result["paths"]["/api/v1/checks"] = {
        "post": {
            "operationId": "check",
            "summary": "May the agent do this?",
            "description": "Decided and recorded before it is answered. Only ``allow`` lets the call be made.",
            "tags": ["agents asking"],
            "security": _SECURITY,
            "requestBody": _posted(_CHECK),
            "responses": {
                "200": {"description": "Decided.", "content": {"application/json": {"schema": _ANSWER}}},
                **_refusals(
                    {
                        "400": "The body is not valid; ``errors`` says where. Nothing was decided.",
                        "401": "The agent's token is missing, unknown, revoked or expired.",
                        "405": "Only POST.",
                        "413": "The body is larger than 1 MiB.",
                        "415": "Not application/json, or encoded.",
                        "503": "The decision could not be recorded or made, so nothing is allowed.",
                    }
                ),
            },
        }
    }
    result["paths"]["/hooks/claude"] = {
        "post": {
            "operationId": "hook_claude",
            "summary": "Claude Code's PreToolUse hook",
            "description": "Always 200: in this dialect a status cannot deny, so every refusal is a spoken deny.",
            "tags": ["agents asking"],
            "security": _SECURITY,
            "requestBody": _posted(_HOOK),
            "responses": {
                "200": {
                    "description": "``hookSpecificOutput.permissionDecision`` is allow or deny.",
                    "content": {"application/json": {"schema": {"type": "object", "additionalProperties": True}}},
                },
                **_refusals({"405": "Only POST."}),
            },
        }
    }
    return result
