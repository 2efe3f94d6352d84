"""The way back from adding a passkey and from the recovery codes: to a page of this portal, and nowhere else."""

from urllib.parse import quote

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.test import Client, RequestFactory

from portal.identity.web.way_back import way_back, with_way_back
from tests.identity.authenticator import Passkey
from tests.organisation import PASSWORD, Organisation
from tests.sign_in import sign_in

ELSEWHERE = [
    "https://evil.test/",
    "//evil.test/AR-1/",
    "/\\evil.test",
    "///evil.test",
    "\\\\evil.test",
    "javascript:alert(1)",
    "http:evil.test",
    "approvals/AR-1/",
    "/\t/evil.test",
    " //evil.test",
    "",
]
PAGES = ["/accounts/2fa/webauthn/add/", "/accounts/2fa/recovery-codes/"]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_there_is_no_way_to_anywhere_else(path: str) -> None:
    assert way_back(RequestFactory().get("/x/", {"next": path})) is None
    assert way_back(RequestFactory().post("/x/", {"next": path})) is None


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/approvals/AR-123/", "Back to AR-123"),
        ("/approvals/AR-7/?open=1", "Back to AR-7"),
        ("/settings/tokens/new/", "Go on where you were"),
        ("/x/?say=/Call+evil.test/", "Go on where you were"),
    ],
)
def test_the_words_are_the_portals(path: str, words: str) -> None:
    back = way_back(RequestFactory().get("/x/", {"next": path}))
    assert back is not None
    assert (back.path, back.words) == (path, words)
    assert with_way_back("/codes/", back) == f"/codes/?next={quote(path, safe='')}"
    assert with_way_back("/codes/", None) == "/codes/"


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_link_there_alone(organisation: Organisation, page: str) -> None:
    client = Client()
    sign_in(client, organisation.approver)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    if "recovery" in page:
        Passkey().add_to(organisation.approver)
        RecoveryCodes.activate(organisation.approver)
    good = client.get(page, {"next": "/approvals/AR-5/"}).content.decode()
    assert 'href="/approvals/AR-5/">Back to AR-5</a>' in good
    for path in ELSEWHERE:
        answer = client.get(page, {"next": path})
        assert answer.status_code == 200
        text = answer.content.decode()
        assert "evil.test" not in text
        assert "Back to AR-" not in text
    assert Authenticator.objects.filter(user=organisation.approver).exists() == ("recovery" in page)


def test_confirming_who_one_is_keeps_the_way(organisation: Organisation) -> None:
    """Whoever signed in a while ago confirms first, and comes to the page with its way back."""
    client = Client()
    client.force_login(organisation.approver)
    asked = f"{PAGES[0]}?next=/approvals/AR-5/"
    answer = client.get(asked)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/accounts/reauthenticate/?next={quote(asked, safe='')}"
