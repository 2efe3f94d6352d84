"""The oversight page: by team how requests are decided; by person for security, and one's own row for everybody."""

from collections.abc import Iterator
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.rules.oversight import Findings
from approvals.selectors.oversight import (
    PERIODS,
    Period,
    TeamRow,
    oversight_for,
    people_for,
    quick_seconds,
    sees_people,
)
from portal.identity.web.step_up import recently_authenticated, to_confirm_before
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from portal.web.cells import cell
from portal.web.charts import stacked_bars
from registry.web.asking import person_of

USUAL: Final = 30
_HEAD: Final = (
    "team", "decisions", "approved", "denied", "sent_back", "expired", "median_seconds", "approvals_measured",
    "quick", "folds_known", "still_folded", "people_who_never_say_no", "canaries_caught", "canaries_missed",
    "canaries_lapsed", "let_through", "succeeded", "failed", "not_reported", "cool_downs",
)  # fmt: skip


class PeriodForm(forms.Form):
    """Lives in the address; what cannot be read there counts as not said."""

    days = forms.TypedChoiceField(
        label="Period", required=False, coerce=int, choices=[(days, f"Last {days} days") for days in PERIODS]
    )

    def __init__(self, data: Any) -> None:
        super().__init__({"days": USUAL, **data.dict()}, auto_id="filter-%s")
        self.is_valid()

    @property
    def period(self) -> Period:
        return Period(self.cleaned_data.get("days") or USUAL, database_now())


@signed_in
@require_safe
def oversight(request: HttpRequest) -> HttpResponse:
    """How requests are decided. Numbers by team; people are named to security and to themselves alone."""
    person, filters = person_of(request), PeriodForm(request.GET)
    period, quick = filters.period, quick_seconds()
    teams, people = oversight_for(person, period), people_for(person, period)
    chart = stacked_bars(
        [(row.team.name, _bars(row.findings)) for row in teams],
        caption="Decisions by team",
        heading="Team",
        words={"allow": "Approved", "review": "Sent back", "deny": "Denied"},
    )
    context = {
        "filters": filters,
        "period": period,
        "teams": [{"row": row, "flags": row.findings.flags(quick)} for row in teams],
        "people": [{"row": row, "flags": row.findings.flags(quick)} for row in people],
        "named": sees_people(person),
        "chart": chart if teams else "",
        "quick_seconds": quick,
        "export_url": reverse("approvals:oversight_export") if teams else "",
    }
    return render(request, "approvals/oversight.html", context)


def _bars(findings: Findings) -> dict[str, int]:
    looked = findings.looked
    return {"allow": looked.approved, "review": looked.returned, "deny": looked.denied}


@signed_in
@require_safe
def oversight_export(request: HttpRequest) -> HttpResponse:
    """The numbers by team as CSV; nobody is named in it."""
    if not recently_authenticated(request):
        return to_confirm_before(request, f"{reverse('approvals:oversight')}?{request.GET.urlencode()}")
    rows = oversight_for(person_of(request), PeriodForm(request.GET).period)
    response = HttpResponse("".join(_lines(rows)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="oversight.csv"'
    return response


def _lines(rows: list[TeamRow]) -> Iterator[str]:
    yield ",".join(map(cell, _HEAD)) + "\r\n"
    for row in rows:
        found = row.findings
        looked, canaries, came = found.looked, found.canaries, found.came
        median = "" if looked.median is None else str(round(looked.median.total_seconds()))
        numbers = (
            looked.decisions, looked.approved, looked.denied, looked.returned, found.expired, median, looked.measured,
            looked.quick, looked.folds_known, looked.unexpanded, found.never_say_no, canaries.caught, canaries.missed,
            canaries.lapsed, came.redeemed, came.succeeded, came.failed, came.unknown, found.cool_downs,
        )  # fmt: skip
        yield ",".join(map(cell, (row.team.name, *map(str, numbers)))) + "\r\n"
