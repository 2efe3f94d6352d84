"""The forms of approvals: what narrows the inbox, a verdict, and an action to try."""

from typing import Any

from django import forms

from approvals.rules.workflow import Verdict
from approvals.selectors.requests import RequestSearch, Waiting
from portal.identity.models import Person
from registry.rules.texts import MOST_TEXT, fault_in
from registry.selectors.agents import visible_agents

SHOWN = {
    Waiting.MINE: "Mine to decide",
    Waiting.PENDING: "All waiting",
    Waiting.DECIDED: "Decided",
}


class InboxFilters(forms.Form):
    """Lives in the address; what cannot be read there counts as not said."""

    show = forms.ChoiceField(label="Show", required=False, choices=[(key.value, word) for key, word in SHOWN.items()])
    agent = forms.ChoiceField(label="Agent", required=False)
    q = forms.CharField(
        label="Search", required=False, max_length=200, widget=forms.TextInput(attrs={"data-key-search": ""})
    )
    group = forms.BooleanField(label="By agent", required=False)

    def __init__(self, data: Any, *, person: Person, choices: bool = True) -> None:
        super().__init__({"show": Waiting.MINE.value, **data.dict()}, auto_id="filter-%s")
        if choices:
            agents = visible_agents(person).order_by("name").values_list("slug", "name")
            self.fields["agent"].choices = [("", "Any"), *agents]  # type: ignore[attr-defined]
        else:
            self.fields["agent"] = forms.SlugField(required=False)
        self.is_valid()

    @property
    def search(self) -> RequestSearch:
        said = self.cleaned_data
        show = said.get("show") or Waiting.MINE.value
        return RequestSearch(show=Waiting(show), agent=said.get("agent", ""), q=said.get("q", ""))

    @property
    def grouped(self) -> bool:
        return bool(self.cleaned_data.get("group"))


class DecisionForm(forms.Form):
    """A verdict on the view that was rendered, with the reason."""

    reason = forms.CharField(
        label="Reason",
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "data-key-decide": "", "minlength": 3}),
        help_text="It goes into the record as you write it.",
        error_messages={"required": "Nothing was decided: write why, for whoever reads it later."},
    )
    verdict = forms.ChoiceField(choices=[(verdict.value, verdict.value) for verdict in Verdict])
    view_hash = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)
    shown_at = forms.CharField(required=False, widget=forms.HiddenInput)


TOOLS = {
    "Bash": ("Run a command", "command"),
    "Read": ("Read a file", "file_path"),
    "Edit": ("Edit a file", "file_path"),
    "Write": ("Write a file", "file_path"),
    "WebFetch": ("Fetch an address", "url"),
}


class TryForm(forms.Form):
    """An action to try: nothing is done with it but to say what the answer would be."""

    tool = forms.ChoiceField(label="The agent wants to", choices=[(key, words) for key, (words, _) in TOOLS.items()])
    text = forms.CharField(
        label="Command, path or address",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "mono"}),
    )
    repository = forms.CharField(label="Repository", required=False, max_length=200)
    branch = forms.CharField(label="Branch", required=False, max_length=200)
    environment = forms.CharField(label="Environment", required=False, max_length=200)

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        fault = fault_in(text, most=4000, lines=True)
        if fault:
            raise forms.ValidationError(f"It {fault}.")
        return text

    @property
    def tool_input(self) -> dict[str, str]:
        tool, text = self.cleaned_data["tool"], self.cleaned_data["text"]
        # What an edit writes does not matter for what kind of action it is.
        rest = {"Edit": {"old_string": "", "new_string": ""}, "Write": {"content": ""}, "WebFetch": {"prompt": ""}}
        return {TOOLS[tool][1]: text, **rest.get(tool, {})}
