"""Which filters of a list are in force, in words: for the line that stands in their place where they fold away."""

from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.forms.boundfield import BoundField


def in_force(form: forms.Form) -> list[str]:
    """What narrows the list, field by field as it is read: the label and the chosen word, or what was typed.

    A choice's first is what counts where nothing is said, and a box says all in its label. What cannot be read is left
    out: it narrows nothing, and its error stands beside it.
    """
    return [words for field in form.visible_fields() if not field.errors and (words := _words(field))]


def _words(field: BoundField) -> str:
    said = field.value()
    if said in (None, "", False):
        return ""
    if isinstance(field.field, forms.BooleanField):
        return str(field.label)
    if not isinstance(field.field, forms.ChoiceField):
        return f"{field.label}: {said}"
    choices = list(_flat(field.field.choices))  # type: ignore[arg-type]  # the field has made them iterable
    if not choices or str(said) == choices[0][0]:
        return ""
    return f"{field.label}: {dict(choices).get(str(said), said)}"


def _flat(choices: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, str]]:
    for value, word in choices:
        if isinstance(word, list | tuple):
            yield from _flat(word)
        else:
            yield str(value), str(word)
