"""The pages of settings, people and teams, used as a browser would."""

import re

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.identity.models import Person, PersonToken, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.identity.services.people import assign_role, create_person
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from tests.identity.conftest import Recorded
from tests.organisation import Organisation
from tests.sign_in import sign_in


@pytest.fixture
def operator(client: Client, organisation: Organisation) -> Client:
    sign_in(client, organisation.operator)
    return client


def test_an_invited_person_chooses_a_password_and_signs_in(
    operator: Client, organisation: Organisation, recorded: Recorded
) -> None:
    done = operator.post("/settings/people/invite/", {"name": "Jo New", "email": "jo@example.test"})
    person = Person.objects.get(email="jo@example.test")
    assert done.headers["Location"] == f"/settings/people/{person.pk}/"
    (message,) = mail.outbox
    assert message.to == ["jo@example.test"]
    assert "Hal Operator" in message.body
    path = re.search(r"https?://[^/]+(/accounts/\S+)", str(message.body)).group(1)  # type: ignore[union-attr]
    page = operator.get(done.headers["Location"])
    assert path.split("-")[-1].strip("/").encode() not in page.content, "the operator must not see the link"
    theirs = Client()
    form = theirs.get(path).headers["Location"]
    chosen = "a passphrase of their own"
    theirs.post(form, {"password1": chosen, "password2": chosen})
    sign_in(theirs, person, chosen)
    assert theirs.get("/settings/").status_code == 200
    assert recorded("identity.invitation.sent") == [{"person": str(person.pk)}]


class RefusingBackend(BaseEmailBackend):
    def send_messages(self, email_messages: object) -> int:
        raise ConnectionRefusedError


def test_a_mail_server_that_is_down_loses_nothing(
    operator: Client, organisation: Organisation, settings: object, recorded: Recorded
) -> None:
    settings.EMAIL_BACKEND = "tests.identity.test_pages.RefusingBackend"  # type: ignore[attr-defined]
    form = {"name": "Jo New", "email": "jo@example.test"}
    page = operator.post("/settings/people/invite/", form, follow=True)
    assert b"send the link again later" in page.content
    assert Person.objects.filter(email="jo@example.test").exists()
    assert recorded("identity.invitation.sent") == []


def test_a_taken_address_keeps_what_was_typed(operator: Client, organisation: Organisation) -> None:
    page = operator.post("/settings/people/invite/", {"name": "Twin", "email": "MEMBER@example.test"})
    assert page.status_code == 422
    assert b"exists already" in page.content
    assert b'value="Twin"' in page.content


def test_roles_are_given_and_taken_on_the_page(operator: Client, organisation: Organisation) -> None:
    member, team = organisation.member, organisation.payments
    add, remove = f"/settings/people/{member.pk}/roles/add/", f"/settings/people/{member.pk}/roles/remove/"
    operator.post(add, {"t-role": "approver", "t-team": str(team.pk)})
    operator.post(add, {"o-role": "auditor"})
    assert authority_of(member).roles == {(Role.APPROVER, team.pk), (Role.AUDITOR, None)}
    operator.post(remove, {"role": "approver", "team": str(team.pk)})
    operator.post(remove, {"role": "auditor", "team": ""})
    assert authority_of(member).roles == frozenset()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"o-role": "manager"},
        {"o-role": "root"},
        {"t-role": "approver"},
        {"t-role": "security", "t-team": "x"},
        {"o-role": "security", "is_superuser": "1", "t-team": "x", "t-role": "operator"},
    ],
)
def test_bad_role_forms_change_nothing(operator: Client, organisation: Organisation, form: dict[str, str]) -> None:
    response = operator.post(f"/settings/people/{organisation.member.pk}/roles/add/", form)
    assert response.status_code == 400
    assert authority_of(organisation.member).roles == frozenset()


@pytest.mark.parametrize("persona", ["manager", "security", "auditor", "member"])
def test_others_cannot_post_to_the_operator_pages(organisation: Organisation, persona: str) -> None:
    client = Client()
    sign_in(client, organisation.people[persona])
    member = organisation.member.pk
    before = Entry.objects.count()
    posts = {
        "/settings/people/invite/": {"name": "x", "email": "x@example.test"},
        f"/settings/people/{member}/roles/add/": {"o-role": "security"},
        f"/settings/people/{member}/roles/remove/": {"role": "security", "team": ""},
        f"/settings/people/{member}/close/": {},
        f"/settings/people/{member}/reopen/": {},
        f"/settings/people/{member}/link/": {},
        "/settings/new-team/": {"name": "x"},
        "/settings/teams/payments/members/add/": {"person": str(organisation.outsider.pk)},
        f"/settings/teams/payments/members/{member}/remove/": {},
    }
    assert {path: client.post(path, form).status_code for path, form in posts.items()} == dict.fromkeys(posts, 403)
    assert Entry.objects.count() == before
    assert mail.outbox == []


def test_closing_and_reopening(operator: Client, organisation: Organisation) -> None:
    member = organisation.member
    page = operator.post(f"/settings/people/{member.pk}/close/", follow=True)
    assert b"This account is closed" in page.content
    assert operator.post(f"/settings/people/{member.pk}/link/").status_code == 400
    page = operator.post(f"/settings/people/{member.pk}/reopen/", follow=True)
    assert b"Send a link so that they can sign in" in page.content


def test_teams_from_making_to_members(operator: Client, organisation: Organisation) -> None:
    done = operator.post("/settings/new-team/", {"name": "Risk & Fraud"})
    assert done.headers["Location"] == "/settings/teams/risk-fraud/"
    team = Team.objects.get(slug="risk-fraud")
    operator.post("/settings/teams/risk-fraud/members/add/", {"person": str(organisation.outsider.pk)})
    assert team.memberships.get().person == organisation.outsider
    again = operator.post("/settings/teams/risk-fraud/members/add/", {"person": str(organisation.outsider.pk)})
    assert again.status_code == 400
    operator.post(f"/settings/teams/risk-fraud/members/{organisation.outsider.pk}/remove/")
    assert not team.memberships.exists()


def test_a_token_is_shown_once_and_stored_as_a_digest(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.member)
    shown = client.post("/settings/tokens/new/", {"name": "export", "days": "7"})
    text = re.search(rb"bwp_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}", shown.content).group(0)  # type: ignore[union-attr]
    assert shown.headers["Cache-Control"] == "no-store"
    token = PersonToken.objects.get()
    assert text.decode() not in str(vars(token))
    listed = client.get("/settings/tokens/")
    assert text not in listed.content
    assert token.prefix.encode() in listed.content
    api = Client(headers={"Authorization": f"Bearer {text.decode()}"})
    assert api.get("/api/v1/me").status_code == 200
    client.post(f"/settings/tokens/{token.pk}/revoke/")
    assert api.get("/api/v1/me").status_code == 401


def test_anothers_token_is_not_mine_to_revoke(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.member)
    client.post("/settings/tokens/new/", {"name": "export", "days": "7"})
    token = PersonToken.objects.get()
    stranger = Client()
    sign_in(stranger, organisation.operator)
    assert stranger.post(f"/settings/tokens/{token.pk}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_my_name_is_mine_to_change_and_nothing_else(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.member)
    form = {"name": "Eli Renamed", "email": "evil@example.test", "is_superuser": "1", "is_active": ""}
    client.post("/settings/", form)
    member = Person.objects.get(pk=organisation.member.pk)
    assert (member.name, member.email) == ("Eli Renamed", "member@example.test")
    assert member.is_active
    assert not member.is_superuser
    operator = Client()
    operator.force_login(organisation.operator)
    page = operator.get(f"/settings/people/{member.pk}/")
    assert "name from “Eli Member” to “Eli Renamed”, by Eli" in page.content.decode()


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}"])
def test_names_are_text(operator: Client, organisation: Organisation, name: str) -> None:
    person = create_person(actor=SYSTEM, email="x@example.test", name=name)
    for address in ("/settings/people/", f"/settings/people/{person.pk}/"):
        content = operator.get(address).content.decode()
        assert "<script>alert" not in content
        assert "<img src=x" not in content


def test_people_by_pages_and_by_name(operator: Client, organisation: Organisation) -> None:
    for number in range(60):
        create_person(actor=SYSTEM, email=f"p{number:02}@example.test", name=f"Person {number % 3}")
    first = operator.get("/settings/people/")
    cursor = first.context["page"].next_cursor
    second = operator.get("/settings/people/", {"cursor": cursor})
    seen = [person.pk for page in (first, second) for person in page.context["page"].items]
    assert len(seen) == len(set(seen)) == Person.objects.count()
    found = operator.get("/settings/people/", {"q": "fay"})
    assert [person.name for person in found.context["page"].items] == ["Fay Security"]
    assert operator.get("/settings/people/", {"cursor": "nonsense"}).status_code == 400
    assert operator.get("/settings/people/", {"q": "a\0b"}).status_code == 200


def test_queries_of_the_people_page_do_not_grow(operator: Client, organisation: Organisation) -> None:
    with CaptureQueriesContext(connection) as few:
        operator.get("/settings/people/")
    for number in range(35):
        person = create_person(actor=SYSTEM, email=f"p{number:02}@example.test", name=f"Person {number}")
        assign_role(actor=SYSTEM, person=person, role=Role.APPROVER, team=organisation.platform)
    with CaptureQueriesContext(connection) as many:
        operator.get("/settings/people/")
    assert len(many) <= len(few)
