"""What is told, kindly, once a canary is settled."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.models import Review
from approvals.rules.canary import CanaryOutcome
from approvals.selectors.canaries import told_or_not_found
from approvals.selectors.requests import request_for
from portal.web.access import signed_in
from registry.web.asking import person_of


@signed_in
@require_safe
def canary(request: HttpRequest, number: int) -> HttpResponse:
    """What gave a settled canary away. Before it is settled, and for every real request, there is no such page."""
    person = person_of(request)
    asked = request_for(person, number)
    told = told_or_not_found(asked)
    mine = Review.objects.filter(request=asked, person=person).exists()
    missed = told.outcome is CanaryOutcome.MISSED
    context = {"asked": asked, "told": told, "mine": mine, "missed": missed, "outcome": told.outcome.value}
    return render(request, "approvals/canary.html", context)
