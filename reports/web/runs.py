"""Pages of runs: the list with its filters and export, and the story of one run."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.identity.models import Person, Team
from portal.identity.web.access import me
from portal.identity.web.step_up import recently_authenticated, to_confirm_before
from portal.ledger.selectors.entries import database_now
from portal.ledger.selectors.log import health
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.selectors.agents import visible_agents
from registry.selectors.ownership import owner_at, owners_at
from reports.models import Run
from reports.render.evidence import cell
from reports.rules.story import IMPORTED, SEEN, SELF_REPORTED, Item, tell
from reports.selectors.runs import ORDER, RunSearch, run_for, runs_of_agent, search, sources_in_trouble
from reports.selectors.story import ORDER as STORY_ORDER
from reports.selectors.story import entries_of, holes, last_before, told

ITEMS = 200
MOST_EXPORTED = 10_000
MOST_IN_FRAGMENT = 8
OUTCOMES = [
    ("", "Any"),
    ("denied", "With something denied"),
    ("gated", "With something sent for review"),
    ("allowed", "With something allowed"),
]
EXPORT_HEAD = (
    "run", "session", "agent", "team", "initiator", "repository", "branch", "model",
    "started_at", "last_event_at", "events", "allowed", "gated", "denied",
)  # fmt: skip


class RunFilter(forms.Form):
    """The filters of the list; every one of them lives in the address."""

    q = forms.CharField(required=False, max_length=200, label="Initiator", strip=True)
    agent = forms.ChoiceField(required=False)
    team = forms.ChoiceField(required=False)
    outcome = forms.ChoiceField(required=False, choices=OUTCOMES)
    repository = forms.CharField(required=False, max_length=200)
    branch = forms.CharField(required=False, max_length=200)
    model = forms.CharField(required=False, max_length=120)
    session = forms.CharField(required=False, max_length=200)
    since = forms.DateField(required=False, label="From (UTC)", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To (UTC)", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, request: HttpRequest, person: Person) -> None:
        super().__init__(request.GET, prefix=None)
        agents = list(visible_agents(person).order_by("name"))
        teams = Team.objects.filter(pk__in={agent.owner_team_id for agent in agents}).order_by("name")
        self.fields["q"].widget.attrs["data-key-search"] = ""
        self._choices("agent", [(agent.slug, agent.name) for agent in agents])
        self._choices("team", [(team.slug, team.name) for team in teams])

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (declared above)
        field.choices = [("", "Any"), *choices]

    def wanted(self) -> RunSearch:
        """What is asked for; a field that cannot be understood shows its error and asks nothing."""
        self.is_valid()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        initiator = asked.pop("q", "")
        return RunSearch(initiator=initiator, **asked)


@signed_in
@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """Every run of the agents one may see, newest first."""
    form = RunFilter(request, me(request))
    wanted = form.wanted()
    page = page_by_cursor(search(me(request), wanted), order=ORDER, cursor=request.GET.get("cursor") or None)
    context = {
        "page": page,
        "filter_form": form,
        "filtered": wanted != RunSearch(),
        "export_url": reverse("reports:runs_export"),
    }
    return render(request, "reports/runs.html", context)


@signed_in
@require_safe
def runs_export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, as CSV: at most 10,000 runs, newest first."""
    if not recently_authenticated(request):
        return to_confirm_before(request, f"{reverse('reports:runs')}?{request.GET.urlencode()}")
    person = me(request)
    found = search(person, RunFilter(request, person).wanted()).order_by(*ORDER)[:MOST_EXPORTED]
    # Whole rather than streamed: a fault half-way must not leave a file that looks complete.
    text = "".join(_lines(list(found)))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="runs.csv"'
    return response


def _lines(found: Sequence[Run]) -> Iterator[str]:
    yield ",".join(map(cell, EXPORT_HEAD)) + "\r\n"
    owners = owners_at((run.agent_id, run.started_at) for run in found)
    for run in found:
        owner = owners.get((run.agent_id, run.started_at))
        values = (
            str(run.pk),
            run.session_id,
            run.agent.name,
            (owner.team if owner else run.agent.owner_team).name,
            run.initiator,
            run.repository,
            run.branch,
            run.model,
            run.started_at.isoformat(),
            run.last_event_at.isoformat(),
            *(str(number) for number in (run.events, run.allowed, run.gated, run.denied)),
        )
        yield ",".join(map(cell, values)) + "\r\n"


@signed_in
@require_safe
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """One run as a story, 200 items a page, with what is missing shown as missing."""
    found = run_for(me(request), run_id)
    entries = entries_of(found)
    page = page_by_cursor(entries, order=STORY_ORDER, cursor=request.GET.get("cursor") or None, size=ITEMS)
    before = last_before(entries, page.items[0]) if page.items and not page.is_first else None
    items = tell(told(page.items), before=before, missing=holes(found))
    context = {
        "run": found,
        "owner": owner_at(found.agent_id, found.started_at),
        "page": page,
        "items": items,
        "seconds": (found.last_event_at - found.started_at).total_seconds(),
        "figures": [
            ("Reported events", f"{found.events:,}"),
            ("Checks allowed", f"{found.allowed:,}"),
            ("Checks sent for review", f"{found.gated:,}"),
            ("Checks denied", f"{found.denied:,}"),
        ],
        "weakest": _weakest(found, items),
        "gaps": sum(item.is_gap for item in items),
    }
    return render(request, "reports/run.html", context)


def _weakest(found: Run, items: list[Item]) -> str:
    """The weakest grade that the run's story rests on."""
    if not found.events:
        return SEEN
    return IMPORTED if any(item.grade == IMPORTED for item in items) else SELF_REPORTED


@signed_in
@require_safe
def agent_runs(request: HttpRequest, slug: str) -> HttpResponse:
    """A fragment for the agent's page: its latest runs."""
    agent, found = runs_of_agent(me(request), slug)
    latest = list(found[: MOST_IN_FRAGMENT + 1])
    context = {"agent": agent, "runs": latest[:MOST_IN_FRAGMENT], "more": len(latest) > MOST_IN_FRAGMENT}
    return render(request, "reports/runs_of_agent.html", context)


@signed_in
@require_safe
def home_evidence(request: HttpRequest) -> HttpResponse:
    """A fragment for the home page: how far the record is behind, and which sources sent what cannot be read."""
    now = database_now()
    troubled = list(sources_in_trouble(me(request))[: MOST_IN_FRAGMENT + 1])
    context = {
        "log": health(now),
        "troubled": troubled[:MOST_IN_FRAGMENT],
        "more": len(troubled) > MOST_IN_FRAGMENT,
    }
    return render(request, "reports/home_evidence.html", context)
