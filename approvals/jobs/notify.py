"""Telling people by e-mail: a link to sign in and look, never a decision and nothing of the content."""

import logging
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.template.loader import render_to_string

from approvals.models import ApprovalRequest
from approvals.rules.workflow import RequestState
from approvals.selectors.reviewing import eligible_reviewers
from portal.ledger.models import Entry

log = logging.getLogger(__name__)


def notify(entries: Sequence[Entry]) -> None:
    """Send what each entry calls for. A mail server that fails is logged; the inbox shows everything anyway."""
    messages = [message for entry in entries for message in _messages(entry)]
    if not messages:
        return
    try:
        get_connection().send_messages(messages)
    except OSError as error:
        log.warning("%d notices could not be sent: %s", len(messages), error)


def _messages(entry: Entry) -> list[EmailMessage]:
    if entry.type != "approvals.request.opened":
        return []
    number = entry.body["data"]["request"]
    request = ApprovalRequest.objects.select_related("agent", "agent__owner_team", "revision").get(number=number)
    if request.state != RequestState.PENDING.value:
        return []
    context = {"request": request, "url": f"{settings.BAILIWICK_BASE_URL}/approvals/{request.label}/"}
    subject = f"{request.label}: {request.agent.name} waits for a decision"
    body = render_to_string("emails/request_opened.txt", context)
    return [EmailMessage(subject, body, to=[person.email]) for person in eligible_reviewers(request)]
