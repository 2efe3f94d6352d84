"""The risk page: the recorded scores, and what other weights and thresholds would have changed."""

from collections import Counter
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.models import ApprovalRequest
from approvals.rules.risk import EXPLAIN, Band, band_of
from approvals.rules.rulebook import Book
from approvals.rules.rulebook_parts import THRESHOLDS, WEIGHTS
from approvals.rules.rulebook_words import FACTOR
from approvals.selectors.risk import MOST_SCORED, Column, distribution, other_risk, scored, tried
from approvals.selectors.rulebook import book_in_force
from approvals.selectors.rulebook_proposals import may_write
from approvals.web.rulebook_forms import weight_field
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from portal.web.charts import histogram
from registry.rules.reading import PolicyError
from registry.selectors.agents import visible_teams
from registry.web.asking import person_of

MEANING = {Band.LOW: "free", Band.ELEVATED: "gated", Band.HIGH: "forbidden"}
PERIODS = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "A year"))


class TrialForm(forms.Form):
    """Which requests, and the numbers that are tried on them."""

    team = forms.ChoiceField(label="Team", required=False)
    days = forms.ChoiceField(label="Opened within", choices=PERIODS, initial="90")

    def __init__(self, book: Book, teams: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].choices = [("", "Any"), *teams]  # type: ignore[attr-defined]
        for name, label in (("elevated", "Elevated risk from"), ("high", "High risk from")):
            least, most = THRESHOLDS[name]
            self.fields[f"risk__{name}"] = forms.IntegerField(
                label=label, min_value=least, max_value=most, initial=getattr(book.risk, name)
            )
        for key in WEIGHTS:
            field = weight_field(key)
            field.initial = book.risk.weights[key]
            self.fields[f"risk__weights__{key}"] = field
        self.book = self.other = book

    @property
    def which(self) -> list[forms.BoundField]:
        return [self["team"], self["days"]]

    @property
    def thresholds(self) -> list[forms.BoundField]:
        return [self[f"risk__{name}"] for name in THRESHOLDS]

    @property
    def weights(self) -> list[tuple[forms.BoundField, str]]:
        return [(self[f"risk__weights__{key}"], EXPLAIN[key]) for key in WEIGHTS]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        weights = {key: said.get(f"risk__weights__{key}") for key in WEIGHTS}
        try:
            self.other = other_risk(
                self.book,
                weights={key: weight for key, weight in weights.items() if weight is not None},
                elevated=said.get("risk__elevated"),
                high=said.get("risk__high"),
            )
        except PolicyError as error:
            self.add_error("risk__high", error.errors[0]["detail"])
        return said


@signed_in
@require_safe
def risk(request: HttpRequest) -> HttpResponse:
    """Everything here is read from what was recorded; trying changes nothing."""
    person, ruled = person_of(request), book_in_force()
    teams = [(team.slug, team.name) for team in visible_teams(person)]
    asks = any(name.startswith("risk__") for name in request.GET)
    form = _form(request, ruled.book, teams)
    valid = form.is_valid()
    said = form.cleaned_data
    since = database_now() - timedelta(days=int(said.get("days", "90")))
    found = scored(person, team=said.get("team", ""), since=since)
    columns = distribution((one.risk for one in found), ruled.book.risk)
    other = form.other if valid and asks else ruled.book
    context = {
        "form": form,
        "book": ruled.book,
        "number": ruled.number,
        "looked_at": len(found),
        "most": MOST_SCORED,
        "columns": columns,
        "picture": _picture(columns),
        "by_team": _by_team(found, ruled.book),
        "factors": _factors(found),
        "trial": tried(found, ruled.book, other) if other != ruled.book else None,
        "propose": urlencode(_numbers(other)) if may_write(person) and other != ruled.book else "",
        "same": valid and asks and other == ruled.book,
    }
    return render(request, "approvals/risk.html", context, status=200 if valid else 422)


def _form(request: HttpRequest, book: Book, teams: list[tuple[str, str]]) -> TrialForm:
    """What the address says; where it says nothing, what is in force."""
    blank = TrialForm(book, teams)
    start = {name: str(blank.get_initial_for_field(field, name) or "") for name, field in blank.fields.items()}
    start |= {name: str(book.risk.weights[key]) for key in WEIGHTS if (name := f"risk__weights__{key}") in start}
    return TrialForm(book, teams, {**start, **request.GET.dict()})


def _picture(columns: list[Column]) -> str:
    series = [(column.points, column.count, MEANING[column.band]) for column in columns]
    return histogram(series, label="Requests by risk score", unit="request")


def _by_team(found: list[ApprovalRequest], book: Book) -> list[dict[str, Any]]:
    """For each team how many of its requests are in which band, by name."""
    counts: dict[str, Counter[str]] = {}
    for one in found:
        team = counts.setdefault(one.agent.owner_team.name, Counter())
        team[band_of(one.risk, book.risk).value] += 1
    return [{"team": name, **{band.value: counts[name][band.value] for band in Band}} for name in sorted(counts)]


def _factors(found: list[ApprovalRequest]) -> list[dict[str, Any]]:
    """How often each factor applied, the most frequent first."""
    counts = Counter(factor["key"] for one in found for factor in one.factors)
    return [{"name": FACTOR[key], "count": count} for key, count in counts.most_common() if key in FACTOR]


def _numbers(book: Book) -> dict[str, int]:
    """The tried numbers under the names that the form of the rulebook has for them."""
    weights = {f"risk__weights__{key}": weight for key, weight in book.risk.weights.items()}
    return {"risk__elevated": book.risk.elevated, "risk__high": book.risk.high, **weights}
