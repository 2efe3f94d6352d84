"""Editing: a reviewer changes what was asked. The changed call is another one, which is shown before it is decided."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from approvals.events import RequestEdited
from approvals.models import ApprovalRequest
from approvals.rules.authorize import Decision, Outcome, Rule
from approvals.rules.duties import Part
from approvals.rules.edited import difference, input_of
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.deciding import reason_least, run_of, view_of
from approvals.selectors.reviewing import refusal
from approvals.selectors.rulebook import book_of
from approvals.selectors.standing import CallerStanding, caller_standing
from approvals.services.drafting import risk_of
from approvals.services.involvement import add_part
from approvals.services.question import AskedCall, Call, bound, headline, judge, put
from approvals.services.request import Edit, end, lock, open_request
from approvals.services.review import Shown, give, refuse_if_stale, refuse_reason, weigh
from portal.errors import Conflict, InvalidInput, InvalidTransition, NotAllowed, StaleView, Unprocessable
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.rules.canonical import CanonicalError, canonicalize
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry.models import Credential

MOST_INPUT = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Preview:
    """An edited call before it is sent: what differs, how it is judged, and the digest that it would be bound to."""

    tool_input: Mapping[str, Any]
    difference: str
    decision: Decision
    digest: bytes


@transaction.atomic(durable=True)
def preview_edit(*, actor: Person, request: ApprovalRequest, tool_input: Mapping[str, Any]) -> Preview:
    """What sending this edit would ask for. Changes nothing; what would be refused then is refused now."""
    request = lock(request)
    refuse_closed(request, actor)
    standing, asked = _edited(request, tool_input)
    decision, named = _judged(standing, asked), headline(standing, asked)
    digest = bound(standing, asked, named)
    _refuse_riskier(request, risk_of(standing, put(standing, asked, named, digest)))
    return Preview(tool_input=tool_input, difference=_difference(request, tool_input), decision=decision, digest=digest)


@transaction.atomic(durable=True)
def edit(
    *,
    actor: Person,
    request: ApprovalRequest,
    tool_input: Mapping[str, Any],
    reason: str,
    view_hash: bytes,
    previewed: bytes | None = None,
    sign_in: Sequence[str] = (),
    shown: Shown | None = None,
) -> ApprovalRequest:
    """The pending request that takes the place of the edited one. Nobody has approved it, the editor neither.

    An approval is of a view that was shown, and the view of the changed call exists only now: whoever may decide the
    new request, reads it and decides it there. The edited call is classified, judged and bound like any other; it must
    be of the same tool, not forbidden and no greater a risk. ``previewed`` is the digest that the editor was shown;
    ``sign_in`` and ``shown`` are kept where the request is a canary, which this settles. Raises what a denial raises,
    and Unprocessable (422) for a call that cannot take the place.
    """
    request = lock(request)
    refuse_closed(request, actor)
    refuse_reason(reason, least=reason_least(request, Verdict.CHANGES))
    refuse_if_stale(request, view_hash)
    standing, asked = _edited(request, tool_input)
    decision = _judged(standing, asked)
    named = headline(standing, asked)
    digest = bound(standing, asked, named)
    if previewed is not None and not hmac.compare_digest(previewed, digest):
        raise StaleView(
            f"The edited call of {request.label} is not the one that you were shown. Nothing was recorded; look again.",
            difference=[{"what": "the edited call", "shown": previewed.hex(), "now": digest.hex()}],
        )
    if request.canary:
        _catch(request, actor, reason, view_hash, sign_in, shown)
        return request
    changed = _difference(request, tool_input)
    opened = open_request(
        standing=standing,
        asked=put(standing, asked, named, digest),
        decision=decision,
        edit=Edit(original=request, by=actor, difference=changed),
    )
    opened = _taking_the_place(opened, request)
    _keep_editors_out(opened, actor, request)
    end(
        request,
        RequestState.REPLACED,
        because=f"A reviewer edited it; {opened.label} took its place.",
        by=actor_for(actor),
    )
    event = RequestEdited(
        request=request.number,
        digest=bytes(request.digest).hex(),
        replacement=opened.number,
        replacement_digest=digest.hex(),
        difference=changed,
        reason=reason.strip(),
    )
    append(event, actor=actor_for(actor), at=database_now(), agent_id=request.agent_id, run_id=run_of(request))
    return opened


def refuse_closed(request: ApprovalRequest, actor: Person) -> None:
    """409 when it is settled already, 403 for whoever may not decide it and so not edit it."""
    if request.state != RequestState.PENDING.value:
        raise InvalidTransition(f"{request.label} is {request.state} already. Nothing was edited.")
    refused = refusal(request, actor, authority_of(actor))
    if refused is not None:
        raise NotAllowed(f"{refused.sentence} Nothing was edited.", reason=refused.code)


def _edited(request: ApprovalRequest, tool_input: Mapping[str, Any]) -> tuple[CallerStanding, AskedCall]:
    """The edited call as the agent would make it, and where the agent stands now."""
    call, digest = _asked_for(request), bytes(request.digest)
    credential = Credential.objects.get(pk=request.credential_id)
    standing, asked = _standing(credential, call)
    # A canary's digest is of nothing, so that no agent ever asks it.
    if not request.canary and bound(standing, asked, headline(standing, asked)) != digest:
        # Nothing that it rests on has moved (that was looked at before), so it is one of before this version.
        raise Conflict(f"{request.label} was asked in another form and cannot be edited. Deny it or ask for changes.")
    _refuse_unkept(tool_input)
    standing, asked = _standing(credential, replace(call, tool_input=dict(tool_input)))
    if asked.arguments == request.arguments:
        raise InvalidInput(
            "Nothing in it was changed, so there is nothing to edit. Approve it as it is, or change something.",
            errors=[{"pointer": "/tool_input", "detail": "is what was asked already"}],
        )
    return standing, asked


def _asked_for(request: ApprovalRequest) -> Call:
    """The call that opened the request, from what its digest binds; its own words beside it are left out."""
    around, stated = _around(request), _around(request).get("stated", {})
    return Call(
        tool=request.tool,
        tool_input=input_of(request.arguments),
        session_id=request.session_id,
        cwd=request.arguments.get("cwd", ""),
        repository=around.get("repository"),
        branch=around.get("branch"),
        environment=around.get("environment"),
        initiator=around.get("initiator"),
        task=around.get("task"),
        fingerprint=around.get("fingerprint"),
        diff=around.get("diff"),
        prompt_author=around.get("prompt_author"),
        co_authors=tuple(around.get("co_authors") or ()),
        **{name: stated[name] for name in _STATED if name in stated},
    )


_STATED = ("model", "provider", "repository_id", "credential", "files", "lines", "head")


def _around(request: ApprovalRequest) -> dict[str, Any]:
    found: dict[str, Any] | None = view_of(request).get("around")
    if not isinstance(found, dict):
        raise Conflict(f"{request.label} was opened before calls could be edited. Deny it or ask for changes.")
    return found


def _standing(credential: Credential, call: Call) -> tuple[CallerStanding, AskedCall]:
    asked = AskedCall(call)
    standing = caller_standing(bytes(credential.digest), asked.keys_of)
    if standing is None:
        raise Conflict("The agent's credential is gone, so it could not make the call. Nothing was edited.")
    return standing, asked


def _refuse_unkept(tool_input: Mapping[str, Any]) -> None:
    """400 for an input that has no canonical form or is too long to be looked at."""
    try:
        size = len(canonicalize(AskedCall(Call(tool="x", tool_input=tool_input, session_id="", cwd="")).arguments))
        fault = "" if size <= MOST_INPUT else f"is longer than {MOST_INPUT:,} bytes"
    except CanonicalError as error:
        fault = f"cannot be kept: {error.detail}"
    if fault:
        raise InvalidInput(
            f"The edited input {fault}. Nothing was edited.", errors=[{"pointer": "/tool_input", "detail": fault}]
        )


def _judged(standing: CallerStanding, asked: AskedCall) -> Decision:
    decision = judge(standing, asked)
    if decision.outcome is Outcome.DENY:
        raise Unprocessable(
            f"The edited call would not be let through: {decision.sentence} Nothing was edited.",
            errors=[{"pointer": "/tool_input", "detail": decision.sentence}],
        )
    return decision


def _difference(request: ApprovalRequest, tool_input: Mapping[str, Any]) -> str:
    return difference(input_of(request.arguments), tool_input)


def _catch(  # noqa: PLR0917  what a review takes
    request: ApprovalRequest,
    actor: Person,
    reason: str,
    view_hash: bytes,
    sign_in: Sequence[str],
    shown: Shown | None,
) -> None:
    """Whoever edits a canary saw that it must not be done as it stands: it counts as sent back."""
    weight = weigh(
        actor=actor,
        request=request,
        verdict=Verdict.CHANGES,
        reason=reason,
        view_hash=view_hash,
        sign_in=sign_in,
        shown=shown,
    )
    give(actor=actor, request=request, verdict=Verdict.CHANGES, reason=reason, weight=weight)


def _taking_the_place(opened: ApprovalRequest | Rule, original: ApprovalRequest) -> ApprovalRequest:
    if isinstance(opened, Rule):
        raise Conflict(f"{opened.text} Nothing was edited.")
    if opened.replaces_id != original.pk:
        raise Conflict(f"{opened.label} asks exactly this and waits already: decide that one. Nothing was edited.")
    _refuse_riskier(original, opened.risk)
    return lock(opened)


def _refuse_riskier(original: ApprovalRequest, risk: int) -> None:
    if risk > original.risk:
        raise Unprocessable(
            f"The edited call is a greater risk ({risk} of 100) than what was asked ({original.risk}). "
            "Nothing was edited; the agent can ask for it itself.",
            errors=[{"pointer": "/tool_input", "detail": "is a greater risk than what was asked"}],
        )


def _keep_editors_out(opened: ApprovalRequest, actor: Person, original: ApprovalRequest) -> None:
    """Unless they may approve it: whoever wrote the call, and whoever wrote the one that it was made of."""
    if book_of(opened.rulebook_id).book.duties.payload_editor_may_approve:
        return
    add_part(opened, actor, Part.PAYLOAD_EDITOR)
    for before in original.involvements.filter(part=Part.PAYLOAD_EDITOR.value).select_related("person"):
        add_part(opened, before.person, Part.PAYLOAD_EDITOR)
