"""Addresses of signing in, all served by allauth, less what the portal does not offer."""

from django.urls import include, path

from portal.identity.web import proving
from portal.identity.web.refusals import not_offered

urlpatterns = [
    # A person's e-mail address is set by an operator: changing it is changing who can reset the password.
    path("email/", not_offered),
    path("confirm-email/", not_offered),
    path("confirm-email/<str:key>/", not_offered),
    path("reauthenticate/", proving.by_password, name="account_reauthenticate"),
    path("2fa/reauthenticate/", proving.by_code_or_app, name="mfa_reauthenticate"),
    path("2fa/webauthn/reauthenticate/", proving.by_passkey, name="mfa_reauthenticate_webauthn"),
    path("2fa/webauthn/add/", proving.add_passkey, name="mfa_add_webauthn"),
    path("2fa/totp/activate/", proving.add_app, name="mfa_activate_totp"),
    path("2fa/recovery-codes/", proving.recovery_codes, name="mfa_view_recovery_codes"),
    path("", include("allauth.urls")),
]
