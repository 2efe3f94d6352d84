"""The page on which somebody says what they want to be told, how and when."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from approvals.models import NoticeChoice
from approvals.selectors.notices import own_deliveries
from approvals.services.notices import choose_notices, send_test
from approvals.web.deliveries import rows_of
from approvals.web.notice_forms import ChoiceForm, roles_of
from portal.errors import Conflict, InvalidInput
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.web.access import signed_in
from registry.web.asking import person_of, show_in


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: HttpRequest) -> HttpResponse:
    """My choices, and what was last sent to me."""
    person = person_of(request)
    chosen = NoticeChoice.objects.filter(person=person).first()
    form = ChoiceForm(request.POST if request.method == "POST" else None, chosen=chosen)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                choose_notices(actor=person, **form.asked)
            except InvalidInput as error:
                show_in(form, error)
            else:
                messages.success(request, "Saved. It holds for everything from now on.")
                return redirect("approvals:notices")
    context = {
        "form": form,
        "rows": rows_of(own_deliveries(person)),
        "is_operator": authority_of(person).has(Role.OPERATOR),
        **roles_of(person),
    }
    return render(request, "approvals/notices.html", context, status=status)


@signed_in
@require_POST
def test(request: HttpRequest) -> HttpResponse:
    """Send a mail to whoever asks for it."""
    person = person_of(request)
    try:
        send_test(actor=person)
    except Conflict as error:
        messages.warning(request, error.detail)
    else:
        messages.success(request, f"A test mail to {person.email} is on its way. It leaves within seconds.")
    return redirect("approvals:notices")
