"""The pages of exceptions: the register, asking for one, one with its uses, and deciding, ending and closing it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from approvals.models import GateException
from approvals.rules.exceptions import ExceptionKind, ExceptionState, ExceptionStatus, may_become
from approvals.selectors.exceptions import (
    DEBT,
    ORDER,
    ask_refusal,
    close_refusal,
    decide_refusal,
    exception_for,
    exceptions_of_home,
    find_exceptions,
    lapses_at,
    revoke_refusal,
    status_now,
    uses_of,
    visible_exceptions,
    withdraw_refusal,
)
from approvals.services.exceptions import ask, close, grant, refuse, revoke, withdraw
from approvals.web.exception_forms import KINDS, AskForm, ExceptionFilters, WordsForm
from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person
from portal.identity.web.step_up import recently_authenticated, to_confirm
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.rules.lifecycle import AgentState
from registry.selectors.agents import agent_for, visible_agents
from registry.selectors.policies import effective_of
from registry.web.asking import person_of, show_in

METHODS: Final = ["GET", "HEAD", "POST"]
MOST_ON_HOME: Final = 5


@dataclass(frozen=True)
class Act:
    """One thing that can be done to an exception: its words, who may not, and the service that does it.

    ``fresh``: it takes a fresh proof of who is there, as what it opens would.
    """

    target: ExceptionState
    title: str
    button: str
    css: str
    done: str
    refusal: Callable[[Person, GateException], str | None]
    service: Callable[..., GateException]
    field: str = "reason"
    help_text: str = "It goes into the record as you write it."
    fresh: bool = False


ACTS: Final = {
    "grant": Act(
        ExceptionState.GRANTED,
        "Grant",
        "Open the gate",
        "button--primary",
        "is granted",
        decide_refusal,
        grant,
        fresh=True,
    ),
    "refuse": Act(ExceptionState.REFUSED, "Refuse", "Refuse it", "", "is refused", decide_refusal, refuse),
    "withdraw": Act(
        ExceptionState.WITHDRAWN, "Withdraw", "Withdraw it", "", "is withdrawn", withdraw_refusal, withdraw, field=""
    ),
    "revoke": Act(
        ExceptionState.REVOKED, "Revoke", "Shut the gate now", "button--danger", "is revoked", revoke_refusal, revoke
    ),
    "close": Act(
        ExceptionState.CLOSED,
        "Close",
        "Close it",
        "button--primary",
        "is closed",
        close_refusal,
        close,
        field="note",
        help_text="What you saw when you looked at its uses. It goes into the record.",
    ),
}


@signed_in
@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """Every exception the reader may see: open debt first, by its due date."""
    person, now = person_of(request), database_now()
    filters = ExceptionFilters(request.GET, person=person)
    search = filters.search
    page = page_by_cursor(find_exceptions(person, search, now=now), order=ORDER, cursor=request.GET.get("cursor"))
    context = {
        "page": page,
        "rows": [_row(one, now) for one in page.items],
        "filters": filters,
        "filtered": any(vars(search).values()),
    }
    return render(request, "approvals/exceptions.html", context)


def _row(exception: GateException, now: Any) -> dict[str, Any]:
    return {
        "exception": exception,
        "status": status_now(exception, now).value,
        "kind": KINDS[ExceptionKind(exception.kind)],
        "used": getattr(exception, "used", 0),
    }


@signed_in
@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """For which agent: those at work of the reader's teams, or all of them for security."""
    person = person_of(request)
    agents = visible_agents(person).filter(state=AgentState.ACTIVE.value).order_by("name")
    context = {"agents": [agent for agent in agents[:200] if ask_refusal(person, agent) is None]}
    return render(request, "approvals/exception_choose.html", context)


@signed_in
@require_http_methods(METHODS)
def ask_for(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """Ask for an exception of one agent, or for break-glass."""
    person = person_of(request)
    agent = agent_for(person, slug)
    wanted = _kind(kind)
    refused = ask_refusal(person, agent)
    if refused is not None:
        raise NotAllowed(f"{refused} Nothing was asked.")
    if agent.revision_id is None:
        raise Conflict(f"{agent.name} has no policy yet, so it has no gate. Nothing was asked.")
    form, status = AskForm(request.POST or None, agent=agent, kind=wanted, person=person), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                found = ask(actor=person, agent=agent, kind=wanted, **form.cleaned_data)
            except (InvalidInput, Conflict) as error:
                show_in(form, error)
                status = error.status if isinstance(error, Conflict) else 422
            else:
                messages.success(request, f"{found.label} is asked. It opens nothing until another person grants it.")
                return redirect("approvals:exception", number=found.number)
    context = {
        "agent": agent,
        "form": form,
        "kind": wanted.value,
        "word": KINDS[wanted],
        "kinds": [(one.value, word) for one, word in KINDS.items()],
        "nothing": not form.fields["actions"].choices,  # type: ignore[attr-defined]  # of a ChoiceField
    }
    return render(request, "approvals/exception_ask.html", context, status=status)


def _kind(text: str) -> ExceptionKind:
    try:
        return ExceptionKind(text.replace("-", "_"))
    except ValueError:
        raise NotFound("There is no such kind of exception.") from None


@signed_in
@require_safe
def exception(request: HttpRequest, number: int) -> HttpResponse:
    """One exception: who asked, who decided, until when, every use of it, and what the reader can do."""
    person = person_of(request)
    return render(request, "approvals/exception.html", _context(request, person, exception_for(person, number)))


def _context(request: HttpRequest, person: Person, found: GateException) -> dict[str, Any]:
    now = database_now()
    state = ExceptionState(found.state)
    stands = status_now(found, now)
    possible = {
        verb: act
        for verb, act in ACTS.items()
        if may_become(state, act.target) and not (stands is ExceptionStatus.LAPSED and verb in ("grant", "refuse"))
    }
    refusals = {verb: act.refusal(person, found) for verb, act in possible.items()}
    catalogue = effective_of(found.agent).catalogue
    return {
        **_row(found, now),
        "agent": found.agent,
        "actions": [catalogue.action_type(key) for key in found.actions],
        "uses": page_by_cursor(uses_of(found), order=("-at", "-id"), cursor=request.GET.get("cursor")),
        "acts": [(verb, possible[verb]) for verb, refused in refusals.items() if refused is None],
        "why_not": next(iter(dict.fromkeys(refused for refused in refusals.values() if refused)), ""),
        "lapses_at": lapses_at(found) if state is ExceptionState.ASKED else None,
        "length": found.minutes * 60,
        "shut": stands in (ExceptionStatus.ENDED, ExceptionStatus.OVERDUE),
    }


@signed_in
@require_http_methods(METHODS)
def act_on(request: HttpRequest, number: int, verb: str) -> HttpResponse:
    """GET says what the act does, POST does it."""
    person = person_of(request)
    found = exception_for(person, number)
    act = ACTS.get(verb)
    if act is None:
        raise NotFound("An exception has no such act.")
    refused = act.refusal(person, found)
    if refused is not None:
        raise NotAllowed(f"{refused} Nothing was changed.")
    data = request.POST if request.method == "POST" else None
    form = WordsForm(data, name=act.field, label=act.field.capitalize(), help_text=act.help_text) if act.field else None
    status = 200
    if request.method == "POST" and (form is None or form.is_valid()):
        if act.fresh and not recently_authenticated(request):
            return to_confirm(request)
        try:
            act.service(actor=person, exception=found, **(form.cleaned_data if form else {}))
        except (InvalidInput, Conflict) as error:
            if form is None:
                messages.warning(request, error.detail)
                return redirect("approvals:exception", number=number)
            show_in(form, error)
            status = error.status if isinstance(error, Conflict) else 422
        else:
            messages.success(request, f"{found.label} {act.done}.")
            return redirect("approvals:exception", number=number)
    elif request.method == "POST":
        status = 422
    context = {**_context(request, person, found), "act": act, "verb": verb, "form": form}
    return render(request, "approvals/exception_act.html", context, status=status)


@signed_in
@require_safe
def of_agent(request: HttpRequest, slug: str) -> HttpResponse:
    """What stands open for an agent or is to be looked at, for its page, and the way to ask."""
    person, now = person_of(request), database_now()
    agent = agent_for(person, slug)
    found = visible_exceptions(person).filter(DEBT, agent=agent).order_by("review_due_at")
    may_ask = ask_refusal(person, agent) is None and agent.state == AgentState.ACTIVE.value
    rows = [_row(one, now) for one in found]
    return render(request, "approvals/_agent_exceptions.html", {"agent": agent, "rows": rows, "may_ask": may_ask})


@signed_in
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What waits for the reader, for the home page: to decide, to look at, and the debt that is theirs."""
    person, now = person_of(request), database_now()
    found = exceptions_of_home(person, now=now)
    if not found:
        return HttpResponse()
    rows = [{**_row(one, now), "mine": one.owner_id == person.pk} for one in found[:MOST_ON_HOME]]
    more = max(0, len(found) - MOST_ON_HOME)
    return render(
        request,
        "approvals/_home_exceptions.html",
        {"rows": rows, "more": more, "all_url": f"{reverse('approvals:exceptions')}?show=debt"},
    )
