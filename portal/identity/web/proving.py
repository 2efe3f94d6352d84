"""The pages where somebody proves once more who they are, less what a stolen session could gain by another's proof."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.account.views import reauthenticate
from allauth.mfa.base.views import reauthenticate as by_code
from allauth.mfa.recovery_codes.views import ViewRecoveryCodesView
from allauth.mfa.totp.views import activate_totp
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from portal.errors import NotAllowed
from portal.identity.proof import records
from portal.identity.web.step_up import recently_authenticated
from portal.identity.web.way_back import way_back, with_way_back

View = Callable[..., HttpResponse]


class NothingToProveWith(NotAllowed):
    """Neither password nor second factor: only signing in again, wherever that is done, proves anything."""

    code, title = "nothing-to-confirm-with", "Sign in again"


class ByPasskey(ReauthenticateWebAuthnView):  # type: ignore[misc]
    """An answer that proves nothing leads back to this page; allauth's leads home and forgets what was being done."""

    def form_invalid(self, form: Any) -> HttpResponse:
        for error in form.errors.get("credential", []):
            messages.error(self.request, f"{error} Nothing was confirmed.")
        return redirect(self.passthrough_next_url(self.request.path))


class AddPasskey(AddWebAuthnView):  # type: ignore[misc]
    """Leads back to what asked for the passkey, past the recovery codes where the first key makes them."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "way_back": way_back(self.request)}

    def get_success_url(self) -> str:
        back = way_back(self.request)
        if self.did_generate_recovery_codes:
            return with_way_back(reverse("mfa_view_recovery_codes"), back)
        return back.path if back else super().get_success_url()


class RecoveryCodes(ViewRecoveryCodesView):  # type: ignore[misc]
    """The codes, and the way on to what was being done when they were made."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "way_back": way_back(self.request)}


def _renewing(view: View) -> View:
    """A proof gives the session another key: a copy of the cookie from before ends here and is not made fresh."""

    @login_required
    @wraps(view)
    def proved(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        _refuse_without_ways(request)
        if request.method == "POST":
            _forget_changes_of_signing_in(request)
        before, given = request.session.session_key, len(records(request))
        try:
            return view(request, *args, **kwargs)
        finally:
            if len(records(request)) > given and request.session.session_key == before:
                request.session.cycle_key()
                UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)

    return proved


def _first_factor(view: View) -> View:
    """Adding a second factor: allauth lets whoever has nothing to prove themselves with do so without any proof."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not recently_authenticated(request):
            _refuse_without_ways(request)
        return view(request, *args, **kwargs)

    return guarded


def _refuse_without_ways(request: HttpRequest) -> None:
    if not get_adapter(request).get_reauthentication_methods(request.user):
        raise NothingToProveWith(
            "Your account has no password, app or passkey to confirm with. Nothing was done. Sign out and in again: "
            "what you do within five minutes of that counts as confirmed. Add a passkey then, to confirm with it later."
        )


def _forget_changes_of_signing_in(request: HttpRequest) -> None:
    """A kept form that adds or removes a key is not carried out: it may be of whoever holds a copy of the cookie."""
    kept = request.session.get(STATE_SESSION_KEY, {})
    if f'"path": "{reverse("mfa_index")}' in str(kept.get("request", "")):
        del request.session[STATE_SESSION_KEY]


by_password = _renewing(reauthenticate)
by_code_or_app = _renewing(by_code)
by_passkey = _renewing(ByPasskey.as_view())
add_passkey = _first_factor(AddPasskey.as_view())
add_app = _first_factor(activate_totp)
recovery_codes = login_required(RecoveryCodes.as_view())
