"""The forms about a registered agent's record: its profile, its people, offers, papers, findings."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html

from portal.identity.models import Person, Team
from portal.identity.selectors.people import people_in
from registry.models import Agent, DocumentKind
from registry.rules.noticed import WORDS
from registry.rules.papers import MEDIA_TYPES, MOST_BYTES
from registry.rules.texts import MOST_NAME, MOST_TEXT
from registry.selectors.agents import visible_teams
from registry.selectors.findings import FindingSearch
from registry.services.profile import Profile
from registry.web.forms import ReasonForm, WhoForm

KINDS = {
    DocumentKind.POLICY: "Policy: rules that the agent is held to",
    DocumentKind.TEST_REPORT: "Test report: proof that it was tried",
    DocumentKind.OTHER: "Something else",
}


def _reason(what: str) -> forms.CharField:
    return forms.CharField(
        max_length=MOST_TEXT, widget=forms.Textarea(attrs={"rows": 2}), help_text=f"{what} It goes into the record."
    )


class EditForm(WhoForm):
    """What a registered agent is. ``based_on`` notices that somebody else changed it meanwhile."""

    based_on = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, *args: Any, agent: Agent, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {**WhoForm.initial_of(agent), "based_on": Profile.of(agent).digest})
        super().__init__(*args, **kwargs)
        self.fields["purpose"].required = True
        self.fields["purpose"].help_text = "What it is for, in a sentence or two."
        self.fields["reason"] = _reason("Why you change it.")

    @property
    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in WhoForm.FIELDS}


class PeopleForm(forms.Form):
    """Who answers for an agent of ``team``, and who stands in."""

    def __init__(self, *args: Any, team: Team, agent: Agent | None = None, **kwargs: Any) -> None:
        if agent is not None:
            initial = {"accountable_person": agent.accountable_person_id, "deputy": agent.deputy_id}
            kwargs.setdefault("initial", initial)
        super().__init__(*args, **kwargs)
        people = people_in(team)
        self.fields["accountable_person"] = forms.ModelChoiceField(
            people,
            empty_label="Choose a person",
            # A help text is put on the page as HTML.
            help_text=format_html("An active member of {} who answers for what the agent does from now on.", team.name),
        )
        self.fields["deputy"] = forms.ModelChoiceField(
            people, required=False, empty_label="Nobody", help_text="Asked when the accountable person is away."
        )
        if agent is not None:
            self.fields["reason"] = _reason("Why this changes.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("deputy") and cleaned.get("deputy") == cleaned.get("accountable_person"):
            self.add_error("deputy", "Choose somebody else than the accountable person.")
        return cleaned


class OfferForm(forms.Form):
    """To which team an agent is offered, and why."""

    def __init__(self, *args: Any, agent: Agent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to_team"] = forms.ModelChoiceField(
            Team.objects.exclude(pk=agent.owner_team_id).order_by("name"),
            to_field_name="slug",
            label="Team",
            empty_label="Choose a team",
            help_text="One of its managers must accept, and names who answers for the agent.",
        )
        self.fields["reason"] = _reason("Why the other team should have it. They read it.")


class DocumentForm(forms.Form):
    """A paper to attach."""

    name = forms.CharField(
        max_length=MOST_NAME,
        help_text="What it is called here. The name of one that is attached already makes this its next version.",
    )
    kind = forms.ChoiceField(choices=[(kind.value, words) for kind, words in KINDS.items()])
    file = forms.FileField(
        help_text=f"{', '.join(ending.upper() for ending in MEDIA_TYPES)}; at most {MOST_BYTES // (1024 * 1024)} MB.",
        widget=forms.FileInput(attrs={"accept": ",".join(f".{ending}" for ending in MEDIA_TYPES)}),
    )
    expires_on = forms.DateField(
        label="Look at it again by",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The last day on which it holds. You are reminded 30 days before.",
    )

    def clean_file(self) -> "UploadedFile[Any]":
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(f"The file has {file.size:,} bytes; {MOST_BYTES // (1024 * 1024)} MB are kept.")
        return file


class FindingFilters(forms.Form):
    """The filters of the list of findings; they live in the address."""

    kind = forms.ChoiceField(
        required=False, choices=[("", "Any kind"), *[(kind.value, word) for kind, word in WORDS.items()]]
    )
    team = forms.ChoiceField(required=False)
    state = forms.ChoiceField(required=False, choices=[("", "Open"), ("closed", "Closed")])
    agent = forms.SlugField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = [(team.slug, team.name) for team in visible_teams(person)]
        self.fields["team"] = forms.ChoiceField(required=False, choices=[("", "Any team"), *teams])

    @property
    def search(self) -> FindingSearch:
        self.is_valid()
        return FindingSearch(**{name: self.cleaned_data.get(name, "") for name in ("kind", "team", "agent")})

    @property
    def closed(self) -> bool:
        self.is_valid()
        return self.cleaned_data.get("state") == "closed"


class OnCallForm(forms.Form):
    """How to reach whoever in the team answers right now."""

    on_call = forms.CharField(
        label="On-call contact",
        max_length=200,
        required=False,
        help_text="A number, a rota or a channel: what somebody needs who has to reach the team right now.",
    )


class ActReasonForm(ReasonForm):
    """Why an agent is suspended, reinstated or retired, an offer declined, a finding closed."""
