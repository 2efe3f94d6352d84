"""The forms about agents themselves: who, owner, filters, credentials, reasons."""

from typing import Any

from django import forms

from portal.identity.models import Person, Team
from portal.identity.selectors.people import people_in, teams_managed_by
from registry.models import Agent
from registry.rules.lifecycle import AgentState, Criticality, HumanPosition, Platform, Trigger
from registry.rules.texts import MOST_NAME, MOST_TEXT
from registry.selectors.agents import STOPPED, AgentSearch, visible_teams

PLATFORMS = {
    Platform.CLAUDE_CODE: "Claude Code",
    Platform.CODEX: "Codex",
    Platform.COPILOT: "GitHub Copilot",
    Platform.CURSOR: "Cursor",
    Platform.GEMINI: "Gemini",
    Platform.DROID: "Droid",
    Platform.OTHER: "Another agent",
}
TRIGGERS = {
    Trigger.PERSON: "A person starts it",
    Trigger.SCHEDULE: "A schedule starts it",
    Trigger.WEBHOOK: "A webhook starts it",
}
POSITIONS = {
    HumanPosition.IN_LOOP: "In the loop: a person takes part in each step",
    HumanPosition.ON_LOOP: "On the loop: a person watches and can step in",
    HumanPosition.OFF_LOOP: "Off the loop: nobody watches while it works",
}
CRITICALITIES = {
    Criticality.LOW: "Low: a mistake costs minutes",
    Criticality.MEDIUM: "Medium: a mistake costs days or is seen by customers",
    Criticality.HIGH: "High: a mistake costs money, data or safety",
}


def _options(words: dict[Any, str]) -> list[tuple[str, str]]:
    return [(item.value, word) for item, word in words.items()]


class LinksField(forms.CharField):
    """Links typed one to a line: the words, then the address. A line of an address alone is its own words."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}))
        kwargs.setdefault(
            "help_text", "One to a line, the words first: Runbook https://example.test/runbook. For people to follow."
        )
        super().__init__(**kwargs)

    def clean(self, value: Any) -> Any:
        typed = super().clean(value) or ""
        links = []
        for line in typed.splitlines():
            *words, url = line.split() or [""]
            if url:
                links.append({"label": " ".join(words) or url, "url": url})
        return links

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return "\n".join(one["url"] if one["label"] == one["url"] else f"{one['label']} {one['url']}" for one in value)


class WhoForm(forms.Form):
    """Step 1: what the agent is."""

    name = forms.CharField(
        max_length=MOST_NAME, help_text="What people will call it. It is in every request and report."
    )
    platform = forms.ChoiceField(choices=_options(PLATFORMS), help_text="The coding agent behind it.")
    purpose = forms.CharField(
        max_length=MOST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What it is for, in a sentence or two. Needed before it is registered.",
    )
    trigger = forms.ChoiceField(label="What starts it", choices=_options(TRIGGERS), widget=forms.RadioSelect)
    human_position = forms.ChoiceField(
        label="Where a person stands", choices=_options(POSITIONS), widget=forms.RadioSelect
    )
    criticality = forms.ChoiceField(
        choices=_options(CRITICALITIES), widget=forms.RadioSelect, help_text="How much it matters if it goes wrong."
    )
    data_touched = forms.CharField(
        label="Data it touches",
        max_length=MOST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For example: source code only; test data; personal data of customers.",
    )
    links = LinksField(required=False)

    FIELDS = ("name", "platform", "purpose", "trigger", "human_position", "criticality", "data_touched", "links")

    @classmethod
    def initial_of(cls, agent: Agent | None) -> dict[str, Any]:
        if agent is None:
            return {
                "platform": Platform.CLAUDE_CODE.value,
                "trigger": Trigger.PERSON.value,
                "human_position": HumanPosition.ON_LOOP.value,
                "criticality": Criticality.MEDIUM.value,
            }
        return {field: getattr(agent, field) for field in cls.FIELDS}


class FirstForm(WhoForm):
    """Step 1 of a new agent: a manager of several teams says at once whose it is."""

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = teams_managed_by(person)
        self.fields["team"] = forms.ModelChoiceField(
            queryset=teams,
            to_field_name="slug",
            empty_label=None,
            label="Owner team",
            help_text="One of the teams that you manage. It can be changed until the agent is registered.",
        )


class OwnerForm(forms.Form):
    """Step 2: who owns it and who answers for it."""

    def __init__(self, *args: Any, person: Person, agent: Agent, **kwargs: Any) -> None:
        kwargs.setdefault(
            "initial",
            {
                "team": agent.owner_team.slug,
                "accountable_person": str(agent.accountable_person_id or ""),
                "deputy": str(agent.deputy_id or ""),
            },
        )
        super().__init__(*args, **kwargs)
        self._teams = list(teams_managed_by(person))
        members = {team: list(people_in(team)) for team in self._teams}
        self._members = {team.slug: {str(one.pk): one for one in people} for team, people in members.items()}
        self.fields["team"] = forms.ChoiceField(
            label="Owner team",
            choices=[(team.slug, team.name) for team in self._teams],
            help_text="Its managers change and stop the agent; its approvers decide for it.",
        )
        people: list[Any] = [("", "Choose a person")]
        people += [(team.name, [(str(one.pk), str(one)) for one in found]) for team, found in members.items()]
        self.fields["accountable_person"] = forms.ChoiceField(
            label="Accountable person",
            choices=people,
            required=False,
            help_text="A member of the owner team who answers for what the agent does. Needed before it is registered.",
        )
        self.fields["deputy"] = forms.ChoiceField(
            choices=[("", "Nobody"), *people[1:]],
            required=False,
            help_text="Another member, who is asked when the accountable person is away.",
        )

    @property
    def team(self) -> Team:
        return next(team for team in self._teams if team.slug == self.cleaned_data["team"])

    @property
    def accountable_person(self) -> Person | None:
        return self._members[self.team.slug].get(self.cleaned_data.get("accountable_person", ""))

    @property
    def deputy(self) -> Person | None:
        return self._members[self.team.slug].get(self.cleaned_data.get("deputy", ""))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for field in ("accountable_person", "deputy"):
            if cleaned.get("team") and cleaned.get(field) and getattr(self, field) is None:
                self.add_error(field, f"This person is not a member of {self.team.name}. Choose one who is.")
        if cleaned.get("deputy") and cleaned.get("deputy") == cleaned.get("accountable_person"):
            self.add_error("deputy", "Choose somebody else than the accountable person.")
        return cleaned


class AgentFilters(forms.Form):
    """The filters of the list of agents; they live in the address."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Name or purpose", "data-key-search": ""}),
    )
    team = forms.ChoiceField(required=False)
    state = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Any state"),
            (STOPPED, "Stopped"),
            *[(item.value, item.value.capitalize()) for item in AgentState],
        ],
    )
    platform = forms.ChoiceField(required=False, choices=[("", "Any platform"), *_options(PLATFORMS)])

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = [(team.slug, team.name) for team in visible_teams(person)]
        self.fields["team"] = forms.ChoiceField(required=False, choices=[("", "Any team"), *teams])

    @property
    def search(self) -> AgentSearch:
        """What to look for; a filter that cannot be understood is named on the page and narrows nothing."""
        self.is_valid()
        return AgentSearch(**{name: self.cleaned_data.get(name, "") for name in ("q", "team", "state", "platform")})


class ReasonForm(forms.Form):
    """Why a stop is ordered or may end."""

    reason = forms.CharField(
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It goes into the record as you write it.",
    )
