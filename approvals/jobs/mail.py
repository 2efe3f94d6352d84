"""A notice as a mail: text and HTML of the same few words, and a link to sign in."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from approvals.rules.messages import Notice, headline, one_line, sentences


def mail_to(address: str, notices: Sequence[Notice], *, personal: bool) -> EmailMultiAlternatives:
    """One mail about all of them. ``personal``: to one person, who can choose what comes."""
    choices = f"{settings.BAILIWICK_BASE_URL}/approvals/notices/"
    subject = _subject(notices)
    context = {
        "items": [_shown(notice) for notice in notices],
        "choices_url": choices if personal else "",
        "subject": subject,
    }
    headers = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
    if personal:
        # To the page: a one-click address would act on whoever, or whatever, fetches it.
        headers["List-Unsubscribe"] = f"<{choices}>"
    message = EmailMultiAlternatives(
        subject, render_to_string("emails/notice.txt", context), to=[address], headers=headers
    )
    message.attach_alternative(render_to_string("emails/notice.html", context), "text/html")
    return message


def _subject(notices: Sequence[Notice]) -> str:
    first = headline(notices[0])
    return one_line(first if len(notices) == 1 else f"{first} and {len(notices) - 1} more")


def _shown(notice: Notice) -> dict[str, Any]:
    url = f"{settings.BAILIWICK_BASE_URL}{notice.path}"
    return {"headline": headline(notice), "sentences": sentences(notice), "url": url}
