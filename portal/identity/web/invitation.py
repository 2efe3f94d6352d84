"""The invitation mail: a link with which a person chooses their own password, once."""

import logging
from smtplib import SMTPException

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings

from portal.identity.models import Person
from portal.identity.services.people import record_invitation
from portal.ledger.events import Actor

log = logging.getLogger(__name__)


def send_invitation(*, actor: Actor, person: Person) -> bool:
    """Send the link and record that it was sent; False when the mail server did not take it.

    The token is Django's: it dies with its first use, because it covers the password, and after
    ``PASSWORD_RESET_TIMEOUT``. It is never shown to the operator.
    """
    adapter = get_adapter()
    key = f"{user_pk_to_url_str(person)}-{default_token_generator.make_token(person)}"
    context = {
        "person": person,
        "link": adapter.get_reset_password_from_key_url(key),
        "invited_by": actor.label,
        "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
        "base_url": settings.BAILIWICK_BASE_URL,
    }
    try:
        adapter.send_mail("identity/email/invitation", person.email, context)
    except (OSError, SMTPException):
        log.exception("an invitation could not be sent")
        return False
    record_invitation(actor=actor, person=person)
    return True
