"""The catalogue of action types: what each is, its tiers, and the organisation's own ones to add and change."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.identity.selectors.people import authority_of
from portal.web.access import signed_in
from registry.rules.catalogue import Catalogue, OwnAction
from registry.rules.restriction import Baseline
from registry.selectors.policies import ORGANISATION, may_change, organisation_in_force
from registry.web.asking import person_of
from registry.web.policy_edit import Editing, edit, preview
from registry.web.policy_forms import ActionsForm
from registry.web.policy_lists import UNDO_WORDS


@signed_in
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """Every action type with its default tier and the one that no policy goes below."""
    baseline = organisation_in_force() or Baseline()
    context = {
        "rows": _rows(baseline.catalogue, baseline),
        "own": len(baseline.actions),
        "may_change": may_change(authority_of(person_of(request)), ORGANISATION),
    }
    return render(request, "registry/catalogue.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """The organisation's own action types as a form; a member of the organisation's document like any other."""
    return edit(request, _editing(request))


@signed_in
@require_POST
def difference(request: HttpRequest) -> HttpResponse:
    """What would be different with what is typed now; nothing is saved."""
    return preview(request, _editing(request))


def _editing(request: HttpRequest) -> Editing:
    return Editing(
        person=person_of(request),
        subject=ORGANISATION,
        form=ActionsForm,
        template="registry/catalogue_change.html",
        after=reverse("registry:catalogue"),
        preview=reverse("registry:catalogue_difference"),
        members=frozenset({"actions"}),
    )


def _rows(known: Catalogue, baseline: Baseline) -> list[dict[str, Any]]:
    own: dict[str, OwnAction] = {one.kind.key: one for one in known.own}
    return [
        {
            "action": action,
            "undo": UNDO_WORDS[action.reversibility],
            "floor": known.floors[key],
            "baseline": baseline.tiers.get(key),
            "own": own.get(key),
        }
        for key, action in known.items()
    ]
