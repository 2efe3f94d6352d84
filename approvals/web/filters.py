"""What narrows the inbox: a form that lives in the address."""

from typing import Any, Final

from django import forms

from approvals.selectors.requests import RequestSearch, Waiting, agents_to_choose
from approvals.selectors.rulebook import book_in_force
from portal.identity.models import Person

SHOWN: Final = {
    Waiting.MINE: "Mine to decide",
    Waiting.PENDING: "All waiting",
    Waiting.DECIDED: "Decided",
}


class InboxFilters(forms.Form):
    """Lives in the address; what cannot be read there counts as not said."""

    show = forms.ChoiceField(label="Show", required=False, choices=[(key.value, word) for key, word in SHOWN.items()])
    agent = forms.ChoiceField(label="Agent", required=False)
    risk = forms.ChoiceField(
        label="Risk", required=False, choices=[("", "Any"), ("elevated", "Elevated or high"), ("high", "High")]
    )
    asks = forms.ChoiceField(label="Waits for", required=False)
    q = forms.CharField(
        label="Search", required=False, max_length=200, widget=forms.TextInput(attrs={"data-key-search": ""})
    )
    group = forms.BooleanField(label="By agent", required=False)
    like = forms.IntegerField(required=False, min_value=1, max_value=999_999_999, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, person: Person, choices: bool = True) -> None:
        super().__init__({"show": Waiting.MINE.value, **data.dict()}, auto_id="filter-%s")
        self.book = book_in_force().book
        groups = [("", "Anyone"), *((f"group:{slug}", group.name) for slug, group in self.book.groups.items())]
        self.fields["asks"].choices = groups  # type: ignore[attr-defined]
        if len(groups) == 1:
            del self.fields["asks"]
        if choices:
            shown = Waiting.DECIDED if self.data.get("show") == Waiting.DECIDED.value else Waiting.PENDING
            agents = agents_to_choose(person, shown, also=str(self.data.get("agent", "")))
            self.fields["agent"].choices = [("", "Any"), *agents.values_list("slug", "name")]  # type: ignore[attr-defined]
        else:
            self.fields["agent"] = forms.SlugField(required=False)
        self.is_valid()

    @property
    def search(self) -> RequestSearch:
        said = self.cleaned_data
        show = said.get("show") or Waiting.MINE.value
        least = {"elevated": self.book.risk.elevated, "high": self.book.risk.high}.get(said.get("risk", ""), 0)
        return RequestSearch(
            show=Waiting(show),
            agent=said.get("agent", ""),
            q=said.get("q", ""),
            risk=least,
            asks=said.get("asks", ""),
            like=said.get("like") or 0,
        )

    @property
    def grouped(self) -> bool:
        return bool(self.cleaned_data.get("group"))
