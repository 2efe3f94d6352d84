"""The home page: what needs me now, put together from fragments that each app serves itself."""

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from portal.web.access import signed_in


@dataclass(frozen=True)
class Fragment:
    """A part of the page. ``route`` answers an htmx GET with the section's inside, or with nothing: then it is hidden.

    ``beside`` puts it in the narrow column.
    """

    route: str
    heading: str
    waiting: str
    beside: bool = False


# The order is the order of urgency. The apps are named by route only: this floor must not import them.
FRAGMENTS: Final = (
    Fragment("approvals:home_queue", "Waiting for you", "Looking for requests that you may decide"),
    Fragment("approvals:home_exceptions", "Exceptions waiting for you", "Looking for open gates and debt"),
    Fragment("registry:home_proposals", "Policy changes waiting for you", "Looking for policy changes to decide"),
    Fragment("registry:home_findings", "Needs attention", "Looking at what was noticed"),
    Fragment("registry:home_agents", "Agents you answer for", "Looking for your agents"),
    Fragment("identity:home_people", "People", "Looking at accounts and roles"),
    Fragment("reports:home_packages", "Audit packages", "Looking for packages"),
    Fragment("registry:home_kills", "Stopped now", "Looking for stop orders in force", beside=True),
    Fragment("reports:home_evidence", "Evidence", "Looking for gaps in the record", beside=True),
)


@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """The frame at once, the parts as they arrive; without scripts each part is a link to its own page."""
    parts = [(part, address) for part in FRAGMENTS if (address := _address(part.route))]
    columns = [[found for found in parts if found[0].beside is beside] for beside in (False, True)]
    return render(request, "home.html", {"columns": columns})


def _address(route: str) -> str | None:
    try:
        return reverse(route)
    except NoReverseMatch:
        return None
