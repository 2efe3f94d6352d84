"""How allauth is bent to the portal: by invitation only, links from our own address, every sign-in recorded."""

import logging
from pathlib import PurePosixPath
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from portal.identity.models import Person
from portal.identity.proof import sign_in_methods
from portal.identity.services.sign_in import record_failed_sign_in, record_sign_in, record_sign_in_change

log = logging.getLogger(__name__)


class InvitedOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """The hooks that allauth calls; its signals are not used."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str) -> bool:
        """Only a path of this site may follow a sign-in: an absolute address is refused, even our own."""
        return bool(url_has_allowed_host_and_scheme(url, allowed_hosts=None))

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Built from BAILIWICK_BASE_URL: a forged Host header must not choose where the link leads."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return settings.BAILIWICK_BASE_URL + path.replace("UID-KEY", key)

    def set_password(self, user: Person, password: str) -> None:
        """Saves the password alone: the whole row could bring back ``is_active`` from before a deactivation."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def reauthenticate(self, user: Person, password: str) -> bool:
        """By the person's own address: allauth would look for an EmailAddress row, which invited people lack."""
        again = self.authenticate(self.request, email=user.email, password=password)
        return again is not None and again.pk == user.pk

    def post_login(self, request: HttpRequest, user: Person, **kwargs: Any) -> HttpResponse:
        """After every step of signing in. If the entry cannot be written the session is not kept either."""
        record_sign_in(person=user, methods=sign_in_methods(request))
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        record_failed_sign_in(email=str(credentials.get("email") or ""))

    def send_notification_mail(
        self, template_prefix: str, user: Person, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Called by allauth whenever a password, authenticator or recovery code came or went."""
        record_sign_in_change(person=user, change=PurePosixPath(template_prefix).name)
        try:
            super().send_notification_mail(template_prefix, user, context, email or user.email)
        except (OSError, SMTPException):
            # The change has been made and recorded; the notice about it must not turn it into an error page.
            log.exception("a notice about a changed sign-in could not be sent")
