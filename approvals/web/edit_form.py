"""The form of an edit: each parameter of a call in a field of its type. What a browser would spoil is not a field."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from portal.ledger.rules.canonical import CanonicalError, parse_strict
from registry.rules.texts import MOST_TEXT

MOST_VALUE = 200_000
# A form sends every line end as CR LF and some controls not at all: a text with these comes back as another one.
_SPOILT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_WORDS = {"command": "Command", "file_path": "File", "content": "Content", "url": "Address", "prompt": "Prompt"}


@dataclass(frozen=True)
class Kept:
    """A parameter that cannot be edited here, and stays as it is."""

    name: str
    value: str


class EditForm(forms.Form):
    """The parameters of one call by their place, the reason, and what the reviewer was shown."""

    use_required_attribute = False  # the difference is shown before there is a reason

    reason = forms.CharField(
        label="Reason",
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why you changed it. It goes into the record as you write it.",
        required=False,
    )
    view_hash = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)
    shown_at = forms.CharField(required=False, widget=forms.HiddenInput)
    previewed = forms.RegexField(r"^[0-9a-f]{64}$", required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, tool_input: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = dict(tool_input)
        self.kept: list[Kept] = []
        self.names: dict[str, str] = {}
        for place, (name, value) in enumerate(self.asked.items()):
            if _is_spoilt(name) or _is_spoilt(value if isinstance(value, str) else ""):
                self.kept.append(Kept(name, _text_of(value)))
                continue
            key = f"p{place}"
            self.names[key] = name
            self.fields[key] = _field(name, value)

    def for_page(self) -> "EditForm":
        """As it is shown: nothing is called optional, though only sending needs a reason and a text may be empty."""
        for field in self.fields.values():
            field.required = True
        return self

    @property
    def parameters(self) -> Iterator[forms.BoundField]:
        return (self[key] for key in self.names)

    @property
    def hidden(self) -> list[forms.BoundField]:
        return [self[name] for name in ("view_hash", "shown_at")]

    @property
    def edited(self) -> dict[str, Any]:
        """The whole input with what was typed in its places."""
        typed = {name: self.cleaned_data[key] for key, name in self.names.items()}
        return {name: typed.get(name, value) for name, value in self.asked.items()}


class _Json(forms.CharField):
    """Any other value, as JSON."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return parse_strict(text.encode())
        except (CanonicalError, UnicodeEncodeError) as error:
            raise forms.ValidationError(f"It is not JSON: {getattr(error, 'detail', error)}") from error


class _Text(forms.CharField):
    """A text exactly as it was typed; the line ends of forms are those of programs again."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


def _field(name: str, value: Any) -> forms.Field:
    label = _WORDS.get(name, name)
    mono = {"class": "mono", "spellcheck": "false"}
    if isinstance(value, bool):
        return forms.BooleanField(label=label, required=False, initial=value)
    if isinstance(value, int):
        return forms.IntegerField(label=label, initial=value)
    if isinstance(value, str):
        rows = min(20, max(2, value.count("\n") + 1, len(value) // 90 + 1))
        return _Text(
            label=label,
            initial=value,
            required=False,
            strip=False,
            max_length=MOST_VALUE,
            widget=forms.Textarea(attrs={**mono, "rows": rows}),
        )
    return _Json(
        label=f"{label} (JSON)",
        initial=_text_of(value),
        max_length=MOST_VALUE,
        widget=forms.Textarea(attrs={**mono, "rows": 6}),
    )


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)


def _is_spoilt(text: str) -> bool:
    return _SPOILT.search(text) is not None
