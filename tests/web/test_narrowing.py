"""The words of the filters that are in force, and when the bar of filters stands open."""

import pytest
from django import forms
from django.template.loader import render_to_string
from django.test import RequestFactory

from portal.web.narrowing import in_force


class Filters(forms.Form):
    show = forms.ChoiceField(required=False, choices=[("mine", "Mine"), ("all", "All")])
    zone = forms.ChoiceField(required=False, choices=[("", "Any"), ("Europe", [("Europe/Oslo", "Oslo")])])
    since = forms.DateField(required=False, label="From (UTC)")
    group = forms.BooleanField(required=False, label="By agent")
    q = forms.CharField(required=False, label="Search")
    like = forms.IntegerField(required=False, widget=forms.HiddenInput)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, []),
        ({"show": "mine", "zone": "", "q": ""}, []),
        ({"show": "all"}, ["Show: All"]),
        ({"zone": "Europe/Oslo"}, ["Zone: Oslo"]),
        ({"group": "on", "q": "merge"}, ["By agent", "Search: merge"]),
        ({"since": "2026-11-01"}, ["From (UTC): 2026-11-01"]),
        ({"show": "nonsense", "since": "yesterday", "q": "merge"}, ["Search: merge"]),
        ({"like": "7"}, []),
    ],
    ids=str,
)
def test_what_is_in_force_is_named_as_it_is_read(said: dict[str, str], words: list[str]) -> None:
    assert in_force(Filters(said)) == words


def bar(form: forms.Form, *, filtered: bool) -> str:
    request = RequestFactory().get("/somewhere/")
    return render_to_string("components/_filters.html", {"form": form, "filtered": filtered, "request": request})


def test_it_is_folded_unless_something_narrows_the_list_or_cannot_be_read() -> None:
    assert '<details class="filters-fold"><summary>' in bar(Filters({"show": "all"}), filtered=False)
    assert '<details class="filters-fold" open><summary>' in bar(Filters({"q": "merge"}), filtered=True)
    assert '<details class="filters-fold" open><summary>' in bar(Filters({"since": "yesterday"}), filtered=False)


def test_what_was_typed_is_shown_with_what_it_hides() -> None:
    folded = bar(Filters({"q": "a\u202e<b>"}), filtered=True).partition("</summary>")[0]
    assert "\u202e" not in folded
    assert "U+202E" in folded
    assert "&lt;b&gt;" in folded


def test_one_field_alone_is_not_folded() -> None:
    class Search(forms.Form):
        q = forms.CharField(required=False)

    assert "<details" not in bar(Search({}), filtered=False)
