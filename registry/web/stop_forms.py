"""The forms of the kill switch: the order itself, what to stop, and the filters of the list."""

from typing import Any

from django import forms

from registry.rules.kill import OrderState, ScopeKind
from registry.rules.names import Refused, normalise_repository
from registry.selectors.kills import OrderSearch
from registry.web.forms import ReasonForm

MOST_REPOSITORY = 255
KINDS = {
    ScopeKind.ALL: "Everything",
    ScopeKind.TEAM: "A team",
    ScopeKind.AGENT: "An agent",
    ScopeKind.RUN: "A run",
    ScopeKind.ACTION: "An action type",
    ScopeKind.REPOSITORY: "A repository",
    ScopeKind.DRILL: "A drill",
}


class OrderForm(ReasonForm):
    """Why a scope is stopped, and whether its credentials end with it."""

    revoke_credentials = forms.BooleanField(
        required=False,
        label="Also revoke its credentials",
        help_text="They end for good: after the stop, new ones must be issued. Do it when a token may have leaked.",
    )

    def __init__(self, *args: Any, with_credentials: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not with_credentials:
            del self.fields["revoke_credentials"]


class ActionForm(forms.Form):
    """Which action type is to be stopped."""

    key = forms.ChoiceField(label="Action type")

    def __init__(self, *args: Any, labels: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(key, f"{label} ({key})") for key, label in labels.items()]
        self.fields["key"] = forms.ChoiceField(
            label="Action type",
            choices=[("", "Choose one"), *choices],
            help_text="Every agent is refused this kind of action until it is resumed; other work goes on.",
        )


class RepositoryForm(forms.Form):
    """Which repository is to be stopped."""

    name = forms.CharField(
        label="Repository",
        max_length=MOST_REPOSITORY,
        widget=forms.TextInput(attrs={"list": "known-repositories"}),
        help_text="owner/name on github.com, host/owner/name anywhere else.",
    )

    def clean_name(self) -> str:
        try:
            return normalise_repository(self.cleaned_data["name"])
        except Refused as refusal:
            raise forms.ValidationError(f"This is not the name of a repository: {refusal}") from refusal


class OrderFilters(forms.Form):
    """The filters of the list of stops; they live in the address."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "What or why", "data-key-search": ""}),
    )
    kind = forms.ChoiceField(
        label="What",
        required=False,
        choices=[("", "Anything"), *((kind.value, word) for kind, word in KINDS.items())],
    )
    state = forms.ChoiceField(
        required=False,
        choices=[("", "Any state"), (OrderState.ACTIVE.value, "In force"), (OrderState.RESUMED.value, "Resumed")],
    )

    @property
    def search(self) -> OrderSearch:
        """What to look for; a filter that cannot be understood is named on the page and narrows nothing."""
        self.is_valid()
        return OrderSearch(**{name: self.cleaned_data.get(name, "") for name in ("q", "kind", "state")})
