"""The forms of approvals: a verdict, and an action to try."""

from typing import Any

from django import forms

from approvals.rules.workflow import Verdict
from portal.ledger.rules.canonical import CanonicalError, parse_strict
from registry.rules.effective import Effective
from registry.rules.texts import MOST_TEXT, fault_in

# What somebody says of a request; taking it back has a button of its own.
GIVEN = [(verdict.value, verdict.value) for verdict in (Verdict.APPROVE, Verdict.DENY, Verdict.CHANGES)]


# The verdicts that are given; one is taken back by undoing it.
GIVEN = [(verdict.value, verdict.value) for verdict in Verdict if verdict is not Verdict.RETRACT]


class DecisionForm(forms.Form):
    """A verdict on the view that was rendered, with the reason."""

    reason = forms.CharField(
        label="Reason",
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "data-key-decide": "", "minlength": 3}),
        help_text="It goes into the record as you write it.",
        error_messages={"required": "Nothing was decided: write why, for whoever reads it later."},
    )
    verdict = forms.ChoiceField(choices=GIVEN)
    view_hash = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)
    shown_at = forms.CharField(required=False, widget=forms.HiddenInput)
    # What the browser says of how it was looked at, whose right is used, and the passkey's answer. All may be missing
    # and none is refused here: a hidden field has no place for an error.
    visible = forms.CharField(required=False, widget=forms.HiddenInput)
    unfolded = forms.CharField(required=False, widget=forms.HiddenInput)
    on_behalf_of = forms.CharField(required=False, widget=forms.HiddenInput)
    proof = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def visible_seconds(self) -> int | None:
        said: str = self.cleaned_data.get("visible", "")
        return int(said) if said.isascii() and said.isdecimal() and len(said) < 7 else None


class CommentForm(forms.Form):
    """What somebody says about a request beside any verdict."""

    text = forms.CharField(
        label="Comment",
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Nothing was kept: write what you want to say."},
    )


class BatchForm(forms.Form):
    """One verdict and one reason for all requests of a batch."""

    reason = forms.CharField(
        label="Reason, the same for all of them",
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "minlength": 3}),
        help_text="It goes into the record of each request as you write it.",
        error_messages={"required": "Nothing was decided: write why, for whoever reads it later."},
    )
    verdict = forms.ChoiceField(choices=GIVEN)


TOOLS = {
    "Bash": ("Run a command", "command"),
    "Read": ("Read a file", "file_path"),
    "Edit": ("Edit a file", "file_path"),
    "Write": ("Write a file", "file_path"),
    "WebFetch": ("Fetch an address", "url"),
}
PICKED, NAMED, PASTED = "picked", "named", "pasted"
_OTHERS = (
    (PICKED, "Do an action of the catalogue, picked below"),
    (NAMED, "Use a tool by its name"),
    (PASTED, "Make a tool call, pasted as JSON"),
)
MOST_TRIED = 8000


class TryForm(forms.Form):
    """An action to try: nothing is done with it but to say what the answer would be.

    The catalogue and the task types are those of the policy that is tried.
    """

    use_required_attribute = False  # what is not shown must not keep a browser from sending
    tool = forms.ChoiceField(
        label="The agent wants to", choices=[*((key, words) for key, (words, _) in TOOLS.items()), *_OTHERS]
    )
    text = forms.CharField(
        label="Command, path, address, tool or JSON",
        error_messages={"required": "Write what is to be tried."},
        max_length=MOST_TRIED,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "mono"}),
    )
    action = forms.ChoiceField(label="Action of the catalogue", error_messages={"required": "Pick the action to try."})
    path = forms.CharField(label="Path or host it is about", required=False, max_length=400)
    task = forms.ChoiceField(label="Task type", required=False)
    repository = forms.CharField(label="Repository", required=False, max_length=200)
    branch = forms.CharField(label="Branch", required=False, max_length=200)
    environment = forms.CharField(label="Environment", required=False, max_length=200)

    def __init__(self, *args: Any, effective: Effective, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(key, kind.label) for key, kind in effective.catalogue.items()]
        self.fields["action"].choices = [("", "Pick one"), *kinds]  # type: ignore[attr-defined]
        tool = self.data.get(self.add_prefix("tool"))
        self.fields["text"].required = tool != PICKED
        self.fields["action"].required = not self.is_bound or tool == PICKED
        if effective.tasks:
            names = [(name, name) for name in effective.tasks]
            self.fields["task"].choices = [("", "Not stated"), *names]  # type: ignore[attr-defined]
        else:
            del self.fields["task"]

    @property
    def asked(self) -> list[forms.BoundField]:
        """What is to be tried; the task type too, where each check has to name one."""
        return [self[name] for name in ("tool", "text", "task") if name in self.fields]

    @property
    def picked(self) -> list[forms.BoundField]:
        """What counts only when an action of the catalogue is picked."""
        return [self["action"], self["path"]]

    @property
    def around(self) -> list[forms.BoundField]:
        return [self[name] for name in ("repository", "branch", "environment")]

    @property
    def around_said(self) -> str:
        """Where it would happen, in one line, for the fold that holds those fields."""
        said = [f"{one.label.lower()} {one.value()}" for one in self.around if one.value()]
        return ", ".join(said) or "nothing stated"

    @property
    def around_open(self) -> bool:
        """Open when a field of it is wrong or somebody stated more than the page did."""
        return any(one.errors or (self.is_bound and one.value() and one.value() != one.initial) for one in self.around)

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        fault = fault_in(text, most=MOST_TRIED, lines=True) if text else None
        if fault:
            raise forms.ValidationError(f"It {fault}.")
        return text

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        tool = said.get("tool")
        if tool == PASTED and "text" in said:
            said["call"] = self._pasted(said["text"])
        return said

    def _pasted(self, text: str) -> tuple[str, dict[str, Any]] | None:
        """The tool and the input of a pasted call, in our own words or in those of a hook."""
        try:
            call = parse_strict(text.encode())
        except CanonicalError as error:
            self.add_error("text", f"It is not JSON: {error.detail}")
            return None
        found = call if isinstance(call, dict) else {}
        tool = found.get("tool", found.get("tool_name"))
        given = found.get("input", found.get("tool_input"))
        if not isinstance(tool, str) or not tool or not isinstance(given, dict):
            self.add_error("text", "It must be an object with “tool” and “input”, or “tool_name” and “tool_input”.")
            return None
        return tool, dict(given)

    @property
    def call(self) -> tuple[str, dict[str, Any]]:
        """The tool call to try; there is none when an action was picked."""
        said = self.cleaned_data
        tool, text = said["tool"], said["text"]
        if tool == PASTED:
            pasted: tuple[str, dict[str, Any]] = said["call"]
            return pasted
        if tool == NAMED:
            return text.strip(), {}
        # What an edit writes does not matter for what kind of action it is.
        rest = {"Edit": {"old_string": "", "new_string": ""}, "Write": {"content": ""}, "WebFetch": {"prompt": ""}}
        return tool, {TOOLS[tool][1]: text, **rest.get(tool, {})}
