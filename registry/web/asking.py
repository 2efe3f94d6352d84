"""Who asks for a page: the person behind a request, and the errors of a service shown in the form it came from."""

from typing import cast

from django.forms import Form
from django.http import HttpRequest

from portal.errors import PortalError
from portal.identity.models import Person


def person_of(request: HttpRequest) -> Person:
    """The signed-in person; only behind ``signed_in``."""
    return cast("Person", request.user)


def show_in(form: Form, error: PortalError) -> None:
    """Add a service's refusal to the form: each fault at the field its pointer names, the rest above the form."""
    form.is_valid()
    placed = False
    for fault in error.errors:
        field = fault["pointer"].strip("/").split("/")[0]
        if field in form.fields:
            sentence = fault["detail"]
            form.add_error(field, f"{form.fields[field].label or field.capitalize()} {sentence}.")
            placed = True
    if not placed:
        form.add_error(None, error.detail)
