"""The page where several requests are decided at once: each shown whole with its own hash, all of them or none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from approvals.models import ApprovalRequest
from approvals.rules.rulebook import StepUp
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.deciding import is_irreversible, reason_least, step_up_of
from approvals.selectors.requests import overtaken, visible_requests
from approvals.selectors.reviewing import refusal
from approvals.services.batch import MOST_AT_ONCE, BatchItem, BatchRefused, review_batch
from approvals.services.review import Shown
from approvals.web.decide import said_of_canary, tone_of
from approvals.web.detail import Problem
from approvals.web.document import Sealed, read_view
from approvals.web.forms import BatchForm
from approvals.web.stamp import seconds_open, stamp
from portal.errors import InvalidInput
from portal.identity.models import Person
from portal.identity.proof import StepUpRequired, recently_authenticated, sign_in_methods
from portal.identity.selectors.people import authority_of
from portal.identity.web.step_up import to_confirm
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.web.asking import person_of, show_in


@dataclass(frozen=True)
class BatchRow:
    """One request of the batch. ``why_not`` keeps it out of it; ``alone`` keeps it from being approved in it."""

    request: ApprovalRequest
    label: str
    sealed: Sealed
    view_hash: str
    why_not: str
    alone: str
    without: str
    changed: dict[str, Any] | None = None


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def batch(request: HttpRequest) -> HttpResponse:
    """Show the chosen requests whole; decide them together, or say which of them stands in the way."""
    if request.method != "POST":
        return _page(request, _numbers(request.GET.getlist("n")), BatchForm())
    items = _items(request)
    numbers = [item.number for item in items]
    form = BatchForm(request.POST)
    if not form.is_valid():
        return _page(request, numbers, form, status=422)
    verdict, fresh = Verdict(form.cleaned_data["verdict"]), recently_authenticated(request)
    try:
        decided = review_batch(
            actor=person_of(request),
            items=items,
            verdict=verdict,
            reason=form.cleaned_data["reason"],
            sign_in=sign_in_methods(request),
            fresh=fresh,
        )
    except StepUpRequired:
        return to_confirm(request)
    except BatchRefused as error:
        return _page(request, numbers, form, refused=error, status=error.status)
    except InvalidInput as error:
        show_in(form, error)
        return _page(request, numbers, form, status=422)
    messages.add_message(request, tone_of(decided), _said(decided, verdict))
    return redirect("approvals:inbox")


def _items(request: HttpRequest) -> list[BatchItem]:
    """What is decided, each with how it was looked at: its share of the time, and what the browser says of it alone."""
    items = [item for item in map(_item, request.POST.getlist("item")) if item is not None]
    seconds = _seconds([item.number for item in items], request.POST.get("shown_at", ""))
    looked = dict(filter(None, map(_looked, request.POST.getlist("looked"))))
    found = []
    for item in items:
        visible, unfolded = looked.get(item.number, (None, None))
        found.append(replace(item, shown=Shown(seconds=seconds, visible_seconds=visible, unfolded=unfolded)))
    return found


def _looked(text: str) -> tuple[int, tuple[int, bool]] | None:
    """``12:34:1`` of a hidden field: the request, the seconds it was in sight, whether each fold of it was opened."""
    number, _, rest = text.partition(":")
    visible, _, unfolded = rest.partition(":")
    if not (_is_number(number) and _is_number(visible)) or unfolded not in ("0", "1"):
        return None
    return int(number), (int(visible), unfolded == "1")


def _item(text: str) -> BatchItem | None:
    """``12:<hash>`` of a hidden field; what cannot be read is a request that was not chosen."""
    number, _, view_hash = text.partition(":")
    if not _is_number(number) or len(view_hash) != 64:
        return None
    try:
        return BatchItem(int(number), bytes.fromhex(view_hash))
    except ValueError:
        return None


def _numbers(chosen: Sequence[str]) -> list[int]:
    texts = (text.strip().upper().removeprefix("AR-") for text in chosen)
    return sorted({int(text) for text in texts if _is_number(text)})[:MOST_AT_ONCE]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _page(
    request: HttpRequest,
    numbers: Sequence[int],
    form: BatchForm,
    *,
    refused: BatchRefused | None = None,
    status: int = 200,
) -> HttpResponse:
    person = person_of(request)
    changed = {item["number"]: item for item in refused.extra["items"]} if refused else {}
    rows = _rows(person, numbers, changed)
    deciding = [row for row in rows if not row.why_not]
    context: dict[str, Any] = {
        "rows": rows,
        "deciding": deciding,
        "alone": [row for row in deciding if row.alone],
        "form": form,
        "problem": Problem(refused.title, refused.detail, []) if refused else None,
        "reason_least": max((reason_least(row.request, Verdict.APPROVE) for row in deciding), default=0),
        "fresh": any(step_up_of(row.request) is StepUp.FRESH for row in deciding),
        "shown_at": stamp(row.request.number for row in deciding),
        "most": MOST_AT_ONCE,
    }
    return render(request, "approvals/batch.html", context, status=status)


def _rows(person: Person, numbers: Sequence[int], changed: dict[str, dict[str, Any]]) -> list[BatchRow]:
    """The chosen requests that the reader may see, in the order of their numbers."""
    now, authority = database_now(), authority_of(person)
    found = list(visible_requests(person).filter(number__in=numbers).order_by("number"))
    rows = []
    for one in found:
        over = overtaken(one, now=now)
        refused = refusal(one, person, authority)
        why_not = ""
        if one.state != RequestState.PENDING.value:
            why_not = f"It is {one.state} already."
        elif over is not None:
            why_not = over.because
        elif refused is not None:
            why_not = refused.sentence
        sealed = read_view(bytes(one.view))
        rows.append(
            BatchRow(
                request=one,
                label=sealed.label_of(one.action),
                sealed=sealed,
                view_hash=bytes(one.view_hash).hex(),
                why_not=why_not,
                alone=_alone(one),
                without=_without(found, one),
                changed=changed.get(one.label),
            )
        )
    return rows


def _alone(request: ApprovalRequest) -> str:
    """Why it is approved on its own page only; empty when it may be approved among others."""
    if step_up_of(request) is StepUp.PASSKEY:
        return "takes your passkey"
    return "cannot be undone" if is_irreversible(request) else ""


def _without(found: Sequence[ApprovalRequest], left_out: ApprovalRequest) -> str:
    """The query of the same page without this one."""
    query = QueryDict(mutable=True)
    query.setlist("n", [str(one.number) for one in found if one.pk != left_out.pk])
    return query.urlencode()


def _seconds(numbers: Sequence[int], text: str) -> int | None:
    """How long the page stood open for each request on it, divided between them: whoever looks at fifty in a minute
    has looked at each for a second. None when that is not known.
    """
    seconds = seconds_open(text, numbers)
    return seconds // len(numbers) if seconds is not None and numbers else None


def _said(decided: Sequence[ApprovalRequest], verdict: Verdict) -> str:
    """What became of each, in one sentence for each outcome."""
    names = {
        Verdict.DENY: "denied",
        Verdict.CHANGES: "sent back",
    }
    canaries = " ".join(said_of_canary(one) for one in decided if one.canary)
    if verdict in names:
        return f"{_labels(decided)} {_are(decided)} {names[verdict]}. {canaries}".strip()
    through = [one for one in decided if one.state == RequestState.APPROVED.value]
    waiting = [one for one in decided if one.state == RequestState.PENDING.value]
    said = []
    if through:
        said.append(f"{_labels(through)} {_are(through)} approved. The agent may make exactly these calls, once each.")
    if waiting:
        said.append(f"Your approval of {_labels(waiting)} is recorded; more people are needed.")
    return " ".join([*said, canaries]).strip()


def _labels(requests: Sequence[ApprovalRequest]) -> str:
    return ", ".join(one.label for one in requests)


def _are(requests: Sequence[ApprovalRequest]) -> str:
    return "is" if len(requests) == 1 else "are"
