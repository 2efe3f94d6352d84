"""The form of a new package: a named or a free period, a scope that one may ask for, and a key against doubles."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from django import forms

from portal.identity.models import Person, Team
from portal.identity.selectors.people import authority_of
from registry.models import Agent
from reports.rules.package import PackageScope
from reports.rules.period import presets, refusal
from reports.selectors.packages import agents_to_choose, sees_all, teams_to_choose

CUSTOM = "custom"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the form asks for; ``end`` None means now, by the database's clock."""

    scope: PackageScope
    team: Team | None
    agent: Agent | None
    start: datetime
    end: datetime | None
    title: str


class PackageForm(forms.Form):
    """Dates are whole days in UTC; the last day is included."""

    period = forms.ChoiceField(label="Period", initial="30-days")
    first_day = forms.DateField(required=False, label="First day (UTC)", widget=forms.DateInput(attrs={"type": "date"}))
    last_day = forms.DateField(
        required=False, label="Last day, included (UTC)", widget=forms.DateInput(attrs={"type": "date"})
    )
    scope = forms.ChoiceField(label="Scope")
    title = forms.CharField(
        required=False, max_length=120, label="Title", help_text="Stands on the report. Left empty, it names the scope."
    )
    key = forms.UUIDField(required=False, widget=forms.HiddenInput())

    def __init__(self, data: Any, *, person: Person, now: datetime) -> None:
        super().__init__(data)
        self.now = now
        self.presets = {preset.key: preset for preset in presets(now)}
        self.teams = {f"team:{team.slug}": team for team in teams_to_choose(person)}
        self.agents = {f"agent:{agent.slug}": agent for agent in agents_to_choose(person)}
        whole = [("all", "The whole organisation")] if sees_all(authority_of(person)) else []
        teams = [(key, team.name) for key, team in self.teams.items()]
        agents = [(key, f"{agent.name} ({agent.owner_team.name})") for key, agent in self.agents.items()]
        named = [(preset.key, preset.label) for preset in self.presets.values()]
        self._choices("period", [*named, (CUSTOM, "Other days")])
        self._choices(
            "scope", [*whole, *([("Teams", teams)] if teams else []), *([("Agents", agents)] if agents else [])]
        )
        self.fields["key"].initial = uuid4

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        if data.get("period") == CUSTOM:
            for name in ("first_day", "last_day"):
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, "Choose a day.")
        if not self.errors:
            start, end = self._span(data)
            refused = refusal(start, end or self.now, now=self.now)
            if refused:
                self.add_error("period", refused)
        return data

    def wanted(self) -> Wanted:
        """What is asked for, once the form is valid."""
        scope: str = self.cleaned_data["scope"]
        start, end = self._span(self.cleaned_data)
        return Wanted(
            scope=PackageScope(scope.partition(":")[0]),
            team=self.teams.get(scope),
            agent=self.agents.get(scope),
            start=start,
            end=end,
            title=self.cleaned_data["title"],
        )

    def _span(self, data: dict[str, Any]) -> tuple[datetime, datetime | None]:
        if data["period"] == CUSTOM:
            start, end = _midnight(data["first_day"]), _midnight(data["last_day"] + timedelta(days=1))
            return start, None if start < self.now < end else end
        preset = self.presets[data["period"]]
        return preset.start, None if preset.end == self.now else preset.end

    def _choices(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (declared above)
        field.choices = choices


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
