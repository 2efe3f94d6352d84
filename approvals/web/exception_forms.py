"""The forms of exceptions: what narrows the register, what is asked for, and the words beside an act."""

from typing import Any

from django import forms

from approvals.rules.exceptions import MOST_ACTIONS, MOST_MINUTES, ExceptionKind
from approvals.rules.reasons import SHORTEST_OF_EXCEPTION
from approvals.selectors.exceptions import ExceptionSearch, openable
from portal.identity.models import Person
from portal.identity.selectors.people import people_in
from registry.models import Agent
from registry.rules.texts import MOST_NAME, MOST_TEXT
from registry.selectors.agents import visible_agents, visible_teams

KINDS = {ExceptionKind.EXCEPTION: "Exception", ExceptionKind.BREAK_GLASS: "Break-glass"}
SHOWN = {
    "": "Everything",
    "debt": "Open, or to be looked at",
    "overdue": "Overdue",
    "asked": "Asked, not decided",
    "over": "Settled",
}
# How long a gate may stand open, as choices: a length typed by hand is typed wrong in an emergency.
LENGTHS = {
    ExceptionKind.BREAK_GLASS: ((30, "30 minutes"), (60, "1 hour"), (120, "2 hours"), (240, "4 hours, the most")),
    ExceptionKind.EXCEPTION: (
        (8 * 60, "8 hours"),
        (24 * 60, "1 day"),
        (3 * 24 * 60, "3 days"),
        (7 * 24 * 60, "7 days"),
        (14 * 24 * 60, "14 days, the most"),
    ),
}


class ExceptionFilters(forms.Form):
    """Lives in the address; what cannot be read there counts as not said."""

    show = forms.ChoiceField(label="Show", required=False, choices=list(SHOWN.items()))
    kind = forms.ChoiceField(
        label="Kind", required=False, choices=[("", "Any"), *((kind.value, word) for kind, word in KINDS.items())]
    )
    team = forms.ChoiceField(label="Team", required=False)
    agent = forms.ChoiceField(label="Agent", required=False)

    def __init__(self, data: Any, *, person: Person) -> None:
        super().__init__(data, auto_id="filter-%s")
        teams = visible_teams(person).values_list("slug", "name")
        agents = visible_agents(person).order_by("name").values_list("slug", "name")
        for name, choices in (("team", teams), ("agent", agents)):
            self.fields[name].choices = [("", "Any"), *choices]  # type: ignore[attr-defined]  # of a ChoiceField
        self.is_valid()

    @property
    def search(self) -> ExceptionSearch:
        return ExceptionSearch(**{name: self.cleaned_data.get(name, "") for name in ("show", "kind", "team", "agent")})


class AskForm(forms.Form):
    """What is to be opened, for how long, why, and who answers for it."""

    actions = forms.MultipleChoiceField(
        label="Actions to open",
        widget=forms.CheckboxSelectMultiple,
        help_text=f"At most {MOST_ACTIONS}. Only what is gated for this agent now is listed.",
        error_messages={"required": "Name at least one action."},
    )
    minutes = forms.TypedChoiceField(label="For how long", coerce=int)
    repository = forms.CharField(
        label="Only in this repository", required=False, max_length=255, help_text="Empty: in every one of its scope."
    )
    environment = forms.CharField(
        label="Only in this environment", required=False, max_length=MOST_NAME, help_text="Empty: in any."
    )
    reason = forms.CharField(
        label="Why",
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "minlength": SHORTEST_OF_EXCEPTION}),
        help_text="What happened, and why asking for each action is not enough. It goes into the record.",
    )
    owner = forms.ModelChoiceField(
        Person.objects.none(),
        required=False,
        label="Owner",
        empty_label="I own it",
        help_text="Who answers for what it is used for, and sees to it that somebody else looks.",
    )

    def __init__(self, *args: Any, agent: Agent, kind: ExceptionKind, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["actions"].choices = [(one.key, f"{one.label} ({one.key})") for one in openable(agent, kind)]
        fields["minutes"].choices = [one for one in LENGTHS[kind] if one[0] <= MOST_MINUTES[kind]]
        fields["owner"].queryset = people_in(agent.owner_team).exclude(pk=person.pk)


class WordsForm(forms.Form):
    """The words that go into the record with an act."""

    def __init__(self, *args: Any, name: str, label: str, help_text: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[name] = forms.CharField(
            label=label,
            max_length=MOST_TEXT,
            widget=forms.Textarea(attrs={"rows": 3, "minlength": SHORTEST_OF_EXCEPTION}),
            help_text=help_text,
        )
