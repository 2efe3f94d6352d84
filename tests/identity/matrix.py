"""Who gets what from the pages of people, teams and sign-in, and from the parts that belong to no app."""

from typing import Any

from tests.matrix import Row, only, who
from tests.organisation import Organisation

ANYONE = who(200, anonymous=200)
NOTHING = who(404, anonymous=404)
POST_ONLY = who(405)
OPERATOR_POSTS = only("operator", status=405)
JSON = {"anonymous": 401}


def _person(organisation: Organisation) -> dict[str, Any]:
    return {"person_id": organisation.member.pk}


def _membership(organisation: Organisation) -> dict[str, Any]:
    return {"slug": "payments", **_person(organisation)}


PAYMENTS = {"slug": "payments"}
UNKNOWN_TOKEN = {"token_id": "01890000-0000-7000-8000-000000000000"}

MATRIX: dict[str, Row] = {
    "healthz": Row(ANYONE, machine=True),
    # 503 in the suite: no sealer runs there. It says nothing that a person must not see.
    "readyz": Row(who(503, anonymous=503), machine=True),
    "home": Row(who(200)),
    "settings": Row(who(200)),
    "identity:home_people": Row(who(200)),
    "identity:tokens": Row(who(200)),
    "identity:token_new": Row(POST_ONLY),
    "identity:token_revoke": Row(POST_ONLY, UNKNOWN_TOKEN),
    "identity:people": Row(only("operator")),
    "identity:invite": Row(only("operator")),
    "identity:person": Row(only("operator"), _person),
    "identity:invite_again": Row(OPERATOR_POSTS, _person),
    "identity:role_add": Row(OPERATOR_POSTS, _person),
    "identity:role_remove": Row(OPERATOR_POSTS, _person),
    "identity:close": Row(OPERATOR_POSTS, _person),
    "identity:link_accounts": Row(only("operator"), _person),
    "identity:reopen": Row(OPERATOR_POSTS, _person),
    "identity:teams": Row(who(200)),
    "identity:team_new": Row(only("operator")),
    "identity:team": Row(who(200, outsider=404), PAYMENTS),
    "identity:member_add": Row(OPERATOR_POSTS, PAYMENTS),
    "identity:member_remove": Row(OPERATOR_POSTS, _membership),
    "identity_api:me": Row(who(200, **JSON)),
    "identity_api:tokens": Row(who(200, **JSON)),
    "identity_api:token": Row(who(405, **JSON), UNKNOWN_TOKEN),
    "identity_api:teams": Row(who(200, **JSON)),
    "identity_api:team": Row(who(200, outsider=404, **JSON), PAYMENTS),
    "api:schema": Row(who(200, **JSON)),
    "api:unknown": Row(who(404, anonymous=404), {"rest": "v1/nothing"}),
    # allauth. The signed-in are sent on from the pages of the signed-out, and pages of a step that is not
    # under way (302) to where it begins.
    "account_login": Row(who(302, anonymous=200)),
    "account_logout": Row(who(200)),
    "account_inactive": Row(ANYONE),
    # By invitation: a page that says so.
    "account_signup": Row(who(302, anonymous=200)),
    "account_reauthenticate": Row(who(200)),
    "account_change_password": Row(who(200)),
    # Only for accounts without a password; these have one.
    "account_set_password": Row(who(302)),
    "account_reset_password": Row(ANYONE),
    "account_reset_password_done": Row(ANYONE),
    "account_reset_password_from_key": Row(ANYONE, {"uidb36": "0", "key": "no-such-key"}),
    "account_reset_password_from_key_done": Row(ANYONE),
    "account_confirm_login_code": Row(who(302)),
    # Not offered: an operator sets the address.
    "email/": Row(NOTHING),
    "confirm-email/": Row(NOTHING),
    "confirm-email/<str:key>/": Row(NOTHING, {"key": "MQ:a:b"}),
    "account_email": Row(NOTHING),
    "account_email_verification_sent": Row(NOTHING),
    "account_confirm_email": Row(NOTHING, {"key": "MQ:a:b"}),
    "mfa_index": Row(who(200)),
    "mfa_authenticate": Row(who(302)),
    # 302: nobody in the organisation has a second factor yet.
    "mfa_reauthenticate": Row(who(302)),
    "mfa_reauthenticate_webauthn": Row(who(302)),
    "mfa_activate_totp": Row(who(302)),
    "mfa_deactivate_totp": Row(who(404)),
    "mfa_view_recovery_codes": Row(who(404)),
    "mfa_generate_recovery_codes": Row(who(302)),
    "mfa_download_recovery_codes": Row(who(404)),
    "mfa_list_webauthn": Row(who(200)),
    "mfa_add_webauthn": Row(who(302)),
    "mfa_remove_webauthn": Row(who(302), {"pk": 1}),
    "mfa_edit_webauthn": Row(who(302), {"pk": 1}),
    "mfa_login_webauthn": Row(who(302)),
    "usersessions_list": Row(who(200)),
}
