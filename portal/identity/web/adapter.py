"""How allauth is bent to the portal: by invitation only, links from our own address, every sign-in recorded."""

import logging
from pathlib import PurePosixPath
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from portal.identity.models import Person
from portal.identity.proof import sign_in_methods
from portal.identity.services.sign_in import record_failed_sign_in, record_sign_in, record_sign_in_change
from portal.identity.site import passkey_site

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

    def get_reauthentication_methods(self, user: Person) -> list[dict[str, Any]]:
        """Passkey first. Beside a second factor the password proves nothing: it may have been read."""
        ways = super().get_reauthentication_methods(user)
        if not is_mfa_enabled(user):
            return ways  # type: ignore[no-any-return]  # allauth's, without types
        order = ["mfa_reauthenticate:webauthn", "mfa_reauthenticate"]
        return sorted((way for way in ways if way["id"] in order), key=lambda way: order.index(way["id"]))

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


class OneSite(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors: passkeys belong to the portal's own name, whatever Host a proxy or a reader sends."""

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": urlsplit(passkey_site(context.request)).hostname or "", "name": "Bailiwick"}

    def generate_authenticator_name(self, user: Person, type: str) -> str:  # noqa: A002  (allauth's name)
        had = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {had + 1}" if had else "Passkey"
