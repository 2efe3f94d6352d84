"""Accounts of one natural person: linked by an operator or by their mailbox, for good, and recorded."""

import pytest
from django.test import Client

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.identity.rules.mailbox import mailbox_of
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import accounts_at, accounts_of, actor_for
from portal.identity.services.people import assign_role, create_person, link_accounts
from portal.ledger.events import SYSTEM
from tests.identity.conftest import Recorded
from tests.organisation import Organisation
from tests.sign_in import sign_in


def made(email: str) -> Person:
    return create_person(actor=SYSTEM, email=email, name=email)


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("ada@x.test", ("ada", "x.test")),
        (" Ada+Admin@X.Test ", ("ada", "x.test")),
        ("ada+a+b@x.test", ("ada", "x.test")),
        ("+ada@x.test", None),
        ("ada@", None),
        ("ada", None),
        ("", None),
    ],
)
def test_the_mailbox_of_an_address(address: str, mailbox: tuple[str, str] | None) -> None:
    assert mailbox_of(address) == mailbox


@pytest.mark.parametrize("first", ["ada@x.test", "ada+admin@x.test"])
@pytest.mark.parametrize("second", ["ada+other@x.test", "ADA+two@X.test"])
def test_a_tagged_address_is_the_same_person(db: None, recorded: Recorded, first: str, second: str) -> None:
    one, two = made(first), made(second)
    one.refresh_from_db()
    assert one.human == two.human == Person.objects.get(pk=two.pk).human
    (event,) = recorded("identity.accounts.linked")
    assert (event["human"], event["automatic"]) == (str(one.human), True)
    assert event["people"] == [str(one.pk), str(two.pk)]


@pytest.mark.parametrize("other", ["adam@x.test", "ada@y.test", "a%a@x.test", "_da+x@x.test", "ada+ada@x.test.evil"])
def test_other_addresses_are_other_people(db: None, recorded: Recorded, other: str) -> None:
    assert made("ada@x.test").human != made(other).human
    assert recorded("identity.accounts.linked") == []


def test_an_operator_links_and_the_links_join(organisation: Organisation, recorded: Recorded) -> None:
    """Linking what is linked already with others makes all of them one."""
    operator = actor_for(organisation.operator)
    people = [organisation.approver, organisation.second_approver, organisation.member, organisation.manager]
    link_accounts(actor=operator, first=people[0], second=people[1], reason="Same badge.")
    link_accounts(actor=operator, first=people[2], second=people[3], reason="Same badge.")
    link_accounts(actor=operator, first=people[1], second=people[3], reason="Same badge.")
    assert set(accounts_of(people[2])) == set(people)
    assert len(recorded("identity.accounts.linked")) == 3
    assert "reason" not in recorded("identity.accounts.linked")[0]
    with pytest.raises(Conflict):
        link_accounts(actor=operator, first=people[0], second=people[2], reason="Same badge.")


@pytest.mark.parametrize("persona", ["manager", "approver", "security", "auditor", "member"])
def test_only_an_operator_links(organisation: Organisation, persona: str) -> None:
    with pytest.raises(NotAllowed):
        link_accounts(
            actor=actor_for(organisation.people[persona]),
            first=organisation.approver,
            second=organisation.second_approver,
            reason="Same badge.",
        )
    assert organisation.approver.human != organisation.second_approver.human


@pytest.mark.parametrize("reason", ["", "  x ", "a\nb c d", "x" * 501])
def test_a_link_needs_a_reason(organisation: Organisation, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        link_accounts(
            actor=actor_for(organisation.operator),
            first=organisation.approver,
            second=organisation.second_approver,
            reason=reason,
        )
    assert caught.value.errors[0]["pointer"] == "/reason"


def test_an_account_is_not_linked_with_itself(organisation: Organisation) -> None:
    with pytest.raises(InvalidInput):
        link_accounts(
            actor=actor_for(organisation.operator),
            first=organisation.approver,
            second=organisation.approver,
            reason="Same badge.",
        )


def test_closed_and_tagged_accounts_are_found_by_address(organisation: Organisation) -> None:
    tagged = made("approver+git@example.test")
    Person.objects.filter(pk=tagged.pk).update(is_active=False)
    expected = {organisation.approver.pk, tagged.pk}
    assert set(accounts_at(["Approver+else@example.test", "nobody@example.test", "not an address"])) == expected
    assert accounts_at([]) == accounts_at([""]) == []


def test_the_page_shows_both_before_it_links(client: Client, organisation: Organisation) -> None:
    person, other = organisation.approver, organisation.second_approver
    sign_in(client, organisation.operator)
    address = f"/settings/people/{person.pk}/accounts/"
    assert client.get(address).status_code == 200
    form = {"email": other.email, "reason": "Same badge."}
    shown = client.post(address, form)
    assert other.name in shown.text
    assert "cannot be undone" in shown.text
    assert not accounts_of(person).filter(pk=other.pk).exists()
    client.post(address, {**form, "confirm": "1"}, follow=True)
    assert accounts_of(person).filter(pk=other.pk).exists()
    assert other.email in client.get(f"/settings/people/{person.pk}/").text


@pytest.mark.parametrize("email", ["nobody@example.test", "approver@example.test", "no address"])
def test_a_wrong_address_keeps_what_was_typed(client: Client, organisation: Organisation, email: str) -> None:
    sign_in(client, organisation.operator)
    answer = client.post(
        f"/settings/people/{organisation.approver.pk}/accounts/",
        {"email": email, "reason": "Typed with care.", "confirm": "1"},
    )
    assert answer.status_code == 422
    assert "Typed with care." in answer.text


def second_account_of(person: Person) -> Person:
    """Another account whose mail reaches the same place, so that it is linked by itself."""
    name, _, host = person.email.partition("@")
    return made(f"{name}+again@{host}")


@pytest.mark.parametrize("role", [Role.APPROVER, Role.SECURITY, Role.OPERATOR])
def test_an_operator_gives_no_role_to_an_own_second_account(organisation: Organisation, role: Role) -> None:
    second = second_account_of(organisation.operator)
    team = organisation.payments if role is Role.APPROVER else None
    with pytest.raises(NotAllowed, match="or another"):
        assign_role(actor=actor_for(organisation.operator), person=second, role=role, team=team)
    assert not second.role_assignments.exists()
    assign_role(actor=actor_for(organisation.operator), person=organisation.member, role=Role.AUDITOR)
    assert organisation.member.role_assignments.exists()


def test_the_page_of_an_own_second_account_offers_no_roles(client: Client, organisation: Organisation) -> None:
    second = second_account_of(organisation.operator)
    sign_in(client, organisation.operator)
    page = client.get(f"/settings/people/{second.pk}/").text
    assert "this account is yours as well" in page
    assert "Give the team role" not in page
    assert "Give the team role" in client.get(f"/settings/people/{organisation.member.pk}/").text
    assert client.post(f"/settings/people/{second.pk}/roles/add/", {"o-role": "security"}).status_code == 403
    assert not second.role_assignments.exists()
