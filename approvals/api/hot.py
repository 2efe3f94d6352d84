"""The two hot paths: plain Django views without session, serializer or middleware work of their own.

``POST /api/v1/checks`` answers any enforcement point; ``POST /hooks/claude`` speaks Claude Code's dialect.
"""

import logging
from typing import Any

import orjson
from django.conf import settings
from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from approvals.api.calls import check_call, hook_call
from approvals.connect.hooks import claude
from approvals.rules.authorize import Decision, Effect, Outcome, Rule
from approvals.rules.waiting import retry_after
from approvals.selectors.grant_token import token_of
from approvals.services.check import Answer, decide
from portal.api.authentication import bearer
from portal.api.problems import problem
from portal.errors import PortalError, Unavailable
from registry.rules.tiers import Tier

log = logging.getLogger(__name__)

NOT_RECORDED = "The decision could not be recorded, so nothing is allowed. Ask again later."
NOT_DECIDED = "The portal failed while deciding, so nothing is allowed. The fault is in its log."


@csrf_exempt
def checks(request: HttpRequest) -> HttpResponse:
    """Decide one call described in our own schema. 200 with the outcome, else a problem document.

    No session is read here: the bearer token is the only authority, so there is nothing for CSRF to ride on.
    """
    if request.method != "POST":
        return _only_post(request)
    try:
        answer = decide(token=bearer(request), call=check_call(request))
    except PortalError as error:
        return problem(error, request)
    except Exception as fault:  # noqa: BLE001  whatever fails, the answer is no and has a shape
        return problem(Unavailable(_log_fault(fault)), request)
    return _json(_document(answer))


@csrf_exempt
def claude_hook(request: HttpRequest) -> HttpResponse:
    """Answer Claude Code's PreToolUse hook. Always 200: in this dialect a status code cannot deny.

    A hook that answers anything but 2xx lets the call run unless ``onFailure`` is set, so every refusal and
    every failure here is an explicit deny.
    """
    if request.method != "POST":
        return _only_post(request)
    try:
        answer = decide(token=bearer(request), call=hook_call(request))
    except claude.HookError as error:
        return _deny(f"The hook's body is not usable: {error} Nothing was allowed.")
    except PortalError as error:
        return _deny(error.detail)
    except Exception as fault:  # noqa: BLE001  whatever fails, the answer is an explicit deny
        return _deny(_log_fault(fault))
    label = answer.request.label if answer.request else None
    return _json(claude.reply(answer.decision, label, _url(answer), _retry_after(answer)))


def _log_fault(fault: Exception) -> str:
    """Write the fault down and return the sentence for whoever asked; the fault's own text stays inside."""
    if isinstance(fault, DatabaseFault):
        log.error("A decision could not be recorded: %s", fault)
        return NOT_RECORDED
    log.error("A check failed", exc_info=fault)
    return NOT_DECIDED


def _only_post(request: HttpRequest) -> HttpResponse:
    error = PortalError(f"This address takes POST, not {request.method}. Nothing was decided.")
    error.status, error.code, error.title = 405, "method-not-allowed", "This method is not supported here"
    response = problem(error, request)
    response["Allow"] = "POST"
    return response


def _document(answer: Answer) -> dict[str, Any]:
    decision = answer.decision
    return {
        "outcome": decision.outcome.value,
        "tier": decision.tier.value,
        "sentence": decision.sentence,
        "rules": [_rule(rule) for rule in decision.rules],
        "observed": [_rule(rule) for rule in decision.observed],
        "warnings": list(decision.warnings),
        "stopped": answer.stopped,
        "epoch": answer.epoch,
        "entry": str(answer.entry_id),
        "run": str(answer.run_id),
        "granted": answer.granted,
        "grant": _grant(answer),
        "request": None
        if answer.request is None
        else {
            "number": answer.request.label,
            "state": answer.request.state,
            "url": _url(answer),
            "expires_at": answer.request.expires_at.isoformat(),
            "retry_after": _retry_after(answer),
        },
    }


def _grant(answer: Answer) -> dict[str, Any] | None:
    """What let the call through: its id, for saying how the call ended, and the signed token of what was approved."""
    if answer.grant is None:
        return None
    return {"id": str(answer.grant.pk), "token": token_of(answer.grant, answer.grant.request)}


def _retry_after(answer: Answer) -> int | None:
    """Whole seconds before it is of use to ask again; None where asking again changes nothing."""
    if answer.request is None or answer.decision.outcome is not Outcome.REVIEW:
        return None
    request = answer.request
    return retry_after(opened_at=request.opened_at, expires_at=request.expires_at, now=answer.at)


def _rule(rule: Rule) -> dict[str, str | None]:
    return {"id": rule.id, "effect": rule.effect.value, "text": rule.text, "level": rule.level}


def _url(answer: Answer) -> str | None:
    if answer.request is None:
        return None
    return f"{settings.BAILIWICK_BASE_URL}/approvals/{answer.request.label}/"


def _deny(detail: str) -> HttpResponse:
    rule = Rule("error", Effect.FORBID, detail)
    return _json(claude.reply(Decision(Outcome.DENY, Tier.FORBIDDEN, (rule,), detail)))


def _json(body: object) -> HttpResponse:
    return HttpResponse(orjson.dumps(body), content_type="application/json")
