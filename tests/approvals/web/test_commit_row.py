"""What the page of a request says of the commit that an approval is for."""

import pytest
from django.test import Client

from tests.approvals.asking import opened
from tests.organisation import Organisation
from tests.sign_in import sign_in

COMMIT = "c3" * 20


@pytest.mark.django_db(transaction=True)
def test_the_page_says_whether_the_approval_is_tied_to_a_commit(organisation: Organisation, token: str) -> None:
    browser = Client()
    sign_in(browser, organisation.approver)
    untied = browser.get(f"/approvals/{opened(token).label}/").content.decode()
    assert "not stated, so the approval is not tied to one" in untied
    tied = browser.get(f"/approvals/{opened(token, 'gh pr merge 9', head=COMMIT).label}/").content.decode()
    assert f'<dt>Commit</dt><dd><span class="mono">{COMMIT}</span>' in tied
    assert "not tied to one" not in tied
