"""The two hot paths: plain Django views without session, serializer or middleware work of their own.

``POST /api/v1/checks`` answers any enforcement point; ``POST /hooks/claude`` speaks Claude Code's dialect.
"""

from typing import Any

import orjson
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from approvals.connect.hooks import claude
from approvals.rules.authorize import Decision, Effect, Outcome, Rule
from approvals.services.check import Answer, Call, decide
from portal.api.authentication import bearer
from portal.api.parsers import json_object
from portal.api.problems import problem
from portal.errors import InvalidInput, PortalError, Unavailable
from registry.rules.tiers import Tier

SCHEMA = "1"
MOST_HEADER = 250


@csrf_exempt
def checks(request: HttpRequest) -> HttpResponse:
    """Decide one call described in our own schema. 200 with the outcome, else a problem document.

    No session is read here: the bearer token is the only authority, so there is nothing for CSRF to ride on.
    """
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    try:
        answer = decide(token=bearer(request), call=_call(json_object(request)))
    except PortalError as error:
        return problem(error, request)
    except DatabaseError:
        return problem(Unavailable("The decision could not be recorded, so nothing is allowed. Ask again."), request)
    return HttpResponse(orjson.dumps(_document(answer)), content_type="application/json")


@csrf_exempt
def claude_hook(request: HttpRequest) -> HttpResponse:
    """Answer Claude Code's PreToolUse hook. Always 200: in this dialect a status code cannot deny.

    A hook that answers anything but 2xx lets the call run unless ``onFailure`` is set, so every refusal and
    every failure here is an explicit deny.
    """
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    try:
        asked = claude.parse(json_object(request))
        answer = decide(token=bearer(request), call=_hook_call(request, asked))
    except claude.HookError as error:
        return _deny(f"The hook's body is not usable: {error}. Nothing was allowed.")
    except PortalError as error:
        return _deny(error.detail)
    except DatabaseError:
        return _deny("The portal cannot record decisions right now, so nothing is allowed. Try again later.")
    label = answer.request.label if answer.request else None
    return _json(claude.reply(answer.decision, label, _url(answer)))


def _call(body: dict[str, Any]) -> Call:
    """The call of a ``/api/v1/checks`` body; every fault in it is named with its pointer."""
    faults: list[dict[str, str]] = []
    if body.get("schema") != SCHEMA:
        raise InvalidInput(
            f"The schema version must be “{SCHEMA}”. Nothing was decided.",
            errors=[{"pointer": "/schema", "detail": f"must be “{SCHEMA}”"}],
        )
    known = {"schema", "session", "tool", "input", "cwd", "tool_use_id", *_OPTIONAL}
    faults += [{"pointer": f"/{name}", "detail": "is not known"} for name in body if name not in known]
    for name, most in (("session", 200), ("tool", 200), ("cwd", 4096)):
        _check_text(body, name, most, faults, required=True)
    for name in ("tool_use_id", *_OPTIONAL):
        _check_text(body, name, MOST_HEADER, faults, required=False)
    if not isinstance(body.get("input"), dict):
        faults.append({"pointer": "/input", "detail": "must be an object"})
    if faults:
        raise InvalidInput("The check is not valid. Nothing was decided.", errors=faults)
    return Call(
        tool=body["tool"],
        tool_input=body["input"],
        session_id=body["session"],
        cwd=body["cwd"],
        tool_use_id=body.get("tool_use_id"),
        **{name: body.get(name) or None for name in _OPTIONAL},
    )


_OPTIONAL = ("repository", "branch", "environment", "model", "initiator", "task")


def _check_text(body: dict[str, Any], name: str, most: int, faults: list[dict[str, str]], *, required: bool) -> None:
    value = body.get(name)
    if value is None and not required:
        return
    if not isinstance(value, str) or (required and not value) or len(value) > most:
        faults.append({"pointer": f"/{name}", "detail": f"must be a text of at most {most} characters"})


def _hook_call(request: HttpRequest, asked: claude.ToolCall) -> Call:
    """What the hook sends in its body, and what the settings file adds in headers."""

    def stated(name: str) -> str | None:
        value = request.headers.get(f"Bailiwick-{name}", "").strip()
        # An unset variable leaves its name in the header: "$USER" is not a statement.
        return value[:MOST_HEADER] if value and not value.startswith("$") else None

    return Call(
        tool=asked.tool,
        tool_input=asked.tool_input,
        session_id=asked.session_id[:200],
        cwd=asked.cwd,
        tool_use_id=asked.tool_use_id or None,
        repository=stated("Repository"),
        branch=stated("Branch"),
        environment=stated("Environment"),
        initiator=stated("Initiator"),
        task=stated("Task"),
    )


def _document(answer: Answer) -> dict[str, Any]:
    decision = answer.decision
    return {
        "outcome": decision.outcome.value,
        "tier": decision.tier.value,
        "sentence": decision.sentence,
        "rules": [{"id": rule.id, "effect": rule.effect.value, "text": rule.text} for rule in decision.rules],
        "stopped": answer.stopped,
        "epoch": answer.epoch,
        "entry": str(answer.entry_id),
        "run": str(answer.run_id),
        "granted": answer.granted,
        "request": None
        if answer.request is None
        else {
            "number": answer.request.label,
            "state": answer.request.state,
            "url": _url(answer),
            "expires_at": answer.request.expires_at.isoformat(),
        },
    }


def _url(answer: Answer) -> str | None:
    if answer.request is None:
        return None
    return f"{settings.BAILIWICK_BASE_URL}/approvals/{answer.request.label}/"


def _deny(detail: str) -> HttpResponse:
    rule = Rule("error", Effect.FORBID, detail)
    return _json(claude.reply(Decision(Outcome.DENY, Tier.FORBIDDEN, (rule,), detail)))


def _json(body: object) -> HttpResponse:
    return HttpResponse(orjson.dumps(body), content_type="application/json")
